//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/signal"
)

// crowd plays one scene at one server.
type crowd struct {
	o      options
	scene  scene
	house  *house
	seats  []*seat // all
	guests []*seat // those who receive
	voices []*microphone
	films  []*filmer
	result result

	turns  int // taken by those who talk
	spells int // played so far
	spent  spent
}

// spent is what all spells of a crowd took together.
type spent struct {
	cpu     time.Duration
	packets int
	time    time.Duration
}

// result is what one scene at one server gives.
type result struct {
	PacketsPerSecond float64 `json:"packets_per_second"` // forwarded: received by all
	MicrosPerPacket  float64 `json:"cpu_us_per_packet"`
	Cores            float64 `json:"cores"` // for scene.People where that is set
	P50              float64 `json:"p50_ms"`
	P99              float64 `json:"p99_ms"`
	Lost             int     `json:"lost"`
	LossPercent      float64 `json:"loss_percent"`
	Frames           int     `json:"frames"` // seen by full receivers
	Undecodable      int     `json:"undecodable"`
	RSSPerReceiver   float64 `json:"rss_mb_per_receiver"`
	HeapPerReceiver  float64 `json:"heap_mb_per_receiver"` // in use, stacks included
	JoinCPU          float64 `json:"join_cpu_ms"`
	FirstVideo       float64 `json:"first_video_ms"`     // median of those who came late
	FirstVideoMax    float64 `json:"first_video_max_ms"` // 0: no video
	Goroutines       float64 `json:"goroutines_per_receiver"`
}

// play measures one scene at both servers, side by side: they take turns of a few seconds, so that whatever else the
// machine does hits both alike. While it is not its turn, a server has all participants and no media.
func play(ctx context.Context, o options, s scene, dir string) (bare, ours result, err error) {
	var crowds []*crowd
	defer func() {
		for _, c := range crowds {
			err = errors.Join(err, c.leave(), c.house.stop())
		}
	}()
	for _, kind := range []string{kindBare, kindSouffleur} {
		c, err := openCrowd(o, s, kind, dir)
		if err != nil {
			return bare, ours, err
		}
		crowds = append(crowds, c)
		if err := errors.Join(c.publish(ctx), c.seat(ctx), ctx.Err()); err != nil {
			return bare, ours, fmt.Errorf("%s: %w", kind, err)
		}
	}
	for range max(1, int(o.length/spell)) {
		for _, c := range crowds {
			if err := c.perform(ctx); err != nil {
				return bare, ours, fmt.Errorf("%s: %w", c.house.config.Kind, err)
			}
		}
	}
	for _, c := range crowds {
		if err := c.conclude(ctx); err != nil {
			return bare, ours, fmt.Errorf("%s: %w", c.house.config.Kind, err)
		}
	}
	return crowds[0].result, crowds[1].result, nil
}

func openCrowd(o options, s scene, kind, dir string) (*crowd, error) {
	if kind == kindBare {
		s = s.bare()
	}
	h, err := openHouse(serverConfig{Kind: kind, Core: o.serverCore, Mics: s.Mics}, dir)
	if err != nil {
		return nil, err
	}
	return &crowd{o: o, scene: s, house: h}, nil
}

func (c *crowd) join(full bool) (*seat, error) {
	s, err := take(c.house.config.Socket, fmt.Sprint("guest ", len(c.seats)), full)
	if err != nil {
		return nil, err
	}
	c.seats = append(c.seats, s)
	return s, nil
}

// publish seats those who publish and waits until the server knows their streams. Those who publish and receive are full
// receivers only if every one of them can be.
func (c *crowd) publish(ctx context.Context) error {
	for i := range c.scene.Voices + len(c.scene.Cameras) {
		s, err := c.join(c.scene.All && c.full(i))
		if err != nil {
			return err
		}
		if err := c.equip(s, i); err != nil {
			return err
		}
		if c.scene.All {
			c.guests = append(c.guests, s)
		}
	}
	return c.prime(ctx)
}

// equip gives somebody a microphone or a camera.
func (c *crowd) equip(s *seat, i int) error {
	source := signal.Mic
	if i >= c.scene.Voices {
		source = signal.Camera
	}
	out, err := s.peer.Publish(source)
	if err != nil {
		return errors.Join(err, s.failure())
	}
	if source == signal.Mic {
		c.voices = append(c.voices, newMicrophone(out))
	} else {
		c.films = append(c.films, newFilmer(out, c.scene.Cameras[i-c.scene.Voices]))
	}
	return nil
}

// prime sends a little of everything until the server has all tracks.
func (c *crowd) prime(ctx context.Context) error {
	want := len(c.voices) + len(c.films)
	until := time.Now().Add(time.Second) // pion tells of a stream a moment after its first packet
	for begun := time.Now(); time.Since(begun) < joinTimeout; wait(ctx, time.Now().Add(50*time.Millisecond)) {
		for _, v := range c.voices {
			if err := v.prime(); err != nil {
				return err
			}
		}
		for _, f := range c.films {
			if err := f.prime(); err != nil {
				return err
			}
		}
		s, err := c.house.stats(statsRequest{})
		if err != nil {
			return err
		}
		if s.Tracks == want && time.Now().After(until) {
			return ctx.Err()
		}
	}
	return errors.New("the server does not have all tracks")
}

// fullShare is how many of the receivers are full ones: one in twenty.
const fullShare = 20

// full says whether the i-th receiver is a full one.
func (c *crowd) full(i int) bool { return i%fullShare == 0 }

// seat seats the readers, one after the other and without media, and takes what joining costs.
func (c *crowd) seat(ctx context.Context) error {
	r := &c.result
	if c.scene.All {
		for _, s := range c.guests {
			if err := c.admit(s); err != nil {
				return err
			}
		}
	}
	before, err := c.house.stats(statsRequest{GC: true, Profile: c.profile("join cpu", true)})
	if err != nil {
		return err
	}
	rss, err := c.house.rss()
	if err != nil {
		return err
	}
	first := len(c.seats)
	for i := range c.scene.Readers {
		s, err := c.join(c.full(i))
		if err != nil {
			return err
		}
		if err := errors.Join(c.admit(s), ctx.Err()); err != nil {
			return err
		}
		c.guests = append(c.guests, s)
	}
	after, err := c.house.stats(statsRequest{Stop: true})
	if err != nil {
		return err
	}
	if n := float64(len(c.seats) - first); n > 0 {
		r.JoinCPU = float64(after.CPU-before.CPU) / n / 1e6
		r.Goroutines = float64(after.Goroutines-before.Goroutines) / n
		r.HeapPerReceiver, r.RSSPerReceiver = -float64(before.Heap)/n/1e6, -float64(rss)/n/1e6 // completed by memory
	}
	return nil
}

// admit waits until somebody is connected.
func (c *crowd) admit(s *seat) error {
	if err := s.receive(); err != nil {
		return err
	}
	return s.await()
}

const (
	// spell is how long one server plays before it is the other one's turn.
	spell = 2 * time.Second
	// settle is how long media flows before it is measured: talkers are chosen, key frames have come.
	settle = 500 * time.Millisecond
	// drain is how long the last packets and repairs get.
	drain = 300 * time.Millisecond
)

// perform lets everybody talk and film for a spell, and takes what is counted over time.
func (c *crowd) perform(ctx context.Context) error {
	return c.withMedia(ctx, func() error {
		wait(ctx, time.Now().Add(settle))
		return c.measure(ctx)
	})
}

// withMedia runs f while media flows.
func (c *crowd) withMedia(ctx context.Context, f func() error) error {
	media, stop := context.WithCancel(ctx)
	defer stop()
	var work errgroup.Group
	n := time.Duration(len(c.voices) + len(c.films))
	for i, v := range c.voices {
		v.talks.Store(c.talks(i))
		work.Go(func() error { return v.run(media, audioFrame*time.Duration(i)/n) })
	}
	for i, v := range c.films {
		work.Go(func() error { return v.run(media, v.film.Rate*time.Duration(i+len(c.voices))/n) })
	}
	err := f()
	stop()
	err = errors.Join(err, work.Wait(), ctx.Err())
	time.Sleep(drain)
	return err
}

// talks says whether the i-th voice is one of those whose turn it is.
func (c *crowd) talks(i int) bool {
	if c.scene.Talking == 0 {
		return true
	}
	return (i-c.turns%len(c.voices)+len(c.voices))%len(c.voices) < c.scene.Talking
}

// turn lets the next one talk in place of the first of those who do.
func (c *crowd) turn() {
	c.turns++
	for i, v := range c.voices {
		v.talks.Store(c.talks(i))
	}
}

// measure takes what one spell costs. In the middle of every other one somebody else begins to talk, who is not heard as long
// as Souffleur holds the seat of the one before.
func (c *crowd) measure(ctx context.Context) error {
	first := c.spent.packets == 0
	before, err := c.house.stats(statsRequest{Profile: c.profile("cpu", first)})
	if err != nil {
		return err
	}
	began, received := time.Now(), c.received()
	c.watch(true)
	wait(ctx, began.Add(spell/2))
	if c.spells++; c.spells%2 == 0 {
		c.turn()
	}
	wait(ctx, began.Add(spell))
	c.watch(false)
	c.spent.packets += c.received() - received
	c.spent.time += time.Since(began)
	after, err := c.house.stats(statsRequest{})
	c.spent.cpu += time.Duration(after.CPU - before.CPU)
	return err
}

// conclude takes the rest of the figures.
func (c *crowd) conclude(ctx context.Context) error {
	r, s := &c.result, c.spent
	if s.packets == 0 {
		return errors.New("nobody received anything")
	}
	r.PacketsPerSecond = float64(s.packets) / s.time.Seconds()
	r.MicrosPerPacket = float64(s.cpu.Nanoseconds()) / float64(s.packets) / 1e3
	r.Cores = s.cpu.Seconds() / s.time.Seconds()
	if c.scene.People > 0 {
		r.Cores *= float64(c.scene.People) / float64(len(c.guests))
	}
	if err := c.memory(r); err != nil {
		return err
	}
	if len(c.films) > 0 {
		if err := c.withMedia(ctx, func() error { return c.comeLate(ctx, r) }); err != nil {
			return err
		}
	}
	return c.judge(r)
}

// profile names a file for a profile of the server; empty: none is wanted.
func (c *crowd) profile(what string, wanted bool) string {
	if c.o.profiles == "" || !wanted {
		return ""
	}
	return filepath.Join(c.o.profiles, fmt.Sprintf("%s %s %s.pprof", c.scene.Name, c.house.config.Kind, what))
}

func (c *crowd) memory(r *result) error {
	rss, err := c.house.rss()
	if err != nil {
		return err
	}
	s, err := c.house.stats(statsRequest{GC: true, Stop: true, Profile: c.profile("heap", true)})
	if err != nil {
		return err
	}
	if c.scene.Readers > 0 {
		n := float64(c.scene.Readers)
		r.RSSPerReceiver += float64(rss) / n / 1e6
		r.HeapPerReceiver += float64(s.Heap) / n / 1e6
	}
	return nil
}

// received counts what all have received.
func (c *crowd) received() int {
	n := 0
	for _, s := range c.guests {
		n += s.received()
	}
	return n
}

func (c *crowd) watch(window bool) {
	for _, s := range c.guests {
		s.viewer.open(window)
	}
}

const (
	lateGuests = 5
	lateGap    = 150 * time.Millisecond // between two: as people come who were invited for the same time
)

// comeLate lets some more join while video flows, and takes the time until their first packet of it.
func (c *crowd) comeLate(ctx context.Context, r *result) error {
	var late []*seat
	for range lateGuests {
		s, err := c.join(false)
		if err != nil {
			return err
		}
		if err := s.receive(); err != nil {
			return err
		}
		late = append(late, s)
		wait(ctx, time.Now().Add(lateGap))
	}
	var took []time.Duration
	for _, s := range late {
		if err := s.await(); err != nil {
			return err
		}
		for begun := time.Now(); s.light.video.Load() == 0; wait(ctx, time.Now().Add(5*time.Millisecond)) {
			if time.Since(begun) > joinTimeout || ctx.Err() != nil {
				return errors.New("somebody who came late saw no video")
			}
		}
		took = append(took, time.Unix(0, s.light.video.Load()).Sub(s.joined))
	}
	slices.Sort(took)
	r.FirstVideo, r.FirstVideoMax = milliseconds(took[len(took)/2]), milliseconds(took[len(took)-1])
	return nil
}

func milliseconds(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/10) / 100 }

// judge adds up what receivers found.
func (c *crowd) judge(r *result) error {
	received := 0
	var delays []time.Duration
	for i, s := range c.guests {
		if s.received() == 0 {
			return errors.Join(fmt.Errorf("receiver %d got nothing", i), s.failure())
		}
		if err := s.failure(); err != nil {
			return err
		}
		received += s.received()
		if !s.full {
			r.Lost += s.lost()
			continue
		}
		v := s.viewer.verdict()
		r.Lost += v.Lost
		r.Frames += v.Frames
		r.Undecodable += v.Undecodable
		delays = append(delays, v.Delays...)
	}
	r.LossPercent = 100 * float64(r.Lost) / float64(received+r.Lost)
	r.P50, r.P99 = percentile(delays, 0.5), percentile(delays, 0.99)
	return nil
}

func percentile(d []time.Duration, share float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return milliseconds(d[min(int(share*float64(len(d))), len(d)-1)])
}

// leave takes everybody out.
func (c *crowd) leave() error {
	var err error
	for _, s := range c.seats {
		err = errors.Join(err, s.leave())
	}
	return err
}
