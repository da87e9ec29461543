//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"
)

const (
	soakGuests  = 10               // who come and go: each stays ten seconds
	soakWarmUp  = 90 * time.Second // below this pools, caches and the list of those who left still fill
	soakQuick   = 10               // guests a second while they do
	soakSamples = 12
)

// soakScene is a small meeting that goes on all the time.
var soakScene = scene{Name: "soak", Voices: 2, Cameras: films(1, camera), Readers: 10}

// sample is what the server holds at one moment.
type sample struct {
	After      string  `json:"after"`
	Goroutines int     `json:"goroutines"`
	Heap       float64 `json:"heap_mb"` // in use, stacks included
	RSS        float64 `json:"rss_mb"`
}

// soak lets somebody join and somebody leave each second of a meeting with media, and fails if the server grows.
func soak(ctx context.Context, o options, dir string) error {
	h, err := openHouse(serverConfig{Kind: kindSouffleur, Core: o.serverCore}, dir)
	if err != nil {
		return err
	}
	c := &crowd{o: o, scene: soakScene, house: h}
	samples, err := c.soak(ctx, o.soak)
	if err = errors.Join(err, c.leave(), h.stop()); err != nil {
		return err
	}
	if err := printSamples(samples); err != nil {
		return err
	}
	return grown(samples)
}

func (c *crowd) soak(ctx context.Context, length time.Duration) (samples []sample, err error) {
	if err := errors.Join(c.publish(ctx), c.seat(ctx)); err != nil {
		return nil, err
	}
	err = c.withMedia(ctx, func() error {
		samples, err = c.comeAndGo(ctx, length)
		return err
	})
	return samples, err
}

// comeAndGo is the soak itself: quick at first, until everything that fills has filled.
func (c *crowd) comeAndGo(ctx context.Context, length time.Duration) ([]sample, error) {
	var visitors []*seat
	var samples []sample
	began := time.Now()
	for next := began; ctx.Err() == nil; {
		wait(ctx, next)
		passed := time.Since(began) - soakWarmUp
		next = next.Add(time.Second)
		if passed < 0 {
			next = next.Add(time.Second/soakQuick - time.Second)
		}
		if passed >= length*time.Duration(len(samples))/soakSamples {
			s, err := c.sample(passed)
			if err != nil {
				return samples, err
			}
			samples = append(samples, s)
			fmt.Fprintf(os.Stderr, "%+v\n", s)
		}
		if passed >= length {
			break
		}
		s, err := c.visit(&visitors)
		if err != nil {
			return samples, errors.Join(err, s.failure())
		}
	}
	var err error
	for _, v := range visitors {
		err = errors.Join(err, v.leave())
	}
	return samples, err
}

// visit lets one come and the one who came first leave.
func (c *crowd) visit(visitors *[]*seat) (*seat, error) {
	s, err := take(c.house.config.Socket, "visitor", false)
	if err != nil {
		return &seat{}, err
	}
	*visitors = append(*visitors, s)
	if err := c.admit(s); err != nil {
		return s, err
	}
	if len(*visitors) <= soakGuests {
		return s, nil
	}
	first := (*visitors)[0]
	*visitors = (*visitors)[1:]
	if first.received() == 0 {
		return first, errors.New("a visitor got nothing")
	}
	return first, first.leave()
}

func (c *crowd) sample(after time.Duration) (sample, error) {
	s, err := c.house.stats(statsRequest{GC: true})
	if err != nil {
		return sample{}, err
	}
	rss, err := c.house.rss()
	return sample{After: after.Round(time.Second).String(), Goroutines: s.Goroutines, Heap: float64(s.Heap) / 1e6, RSS: float64(rss) / 1e6}, err
}

func printSamples(samples []sample) error {
	fmt.Println(machine())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "after\tgoroutines\tMB heap\tMB RSS\t")
	for _, s := range samples {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t\n", s.After, s.Goroutines, s.Heap, s.RSS)
	}
	return w.Flush()
}

// grown compares the last third of the soak with the first: a leak of one goroutine or 10 kB for each visitor would show.
func grown(samples []sample) error {
	third := len(samples) / 3
	if third == 0 {
		return errors.New("the soak was interrupted")
	}
	first, last := most(samples[:third]), most(samples[len(samples)-third:])
	switch {
	case last.Goroutines > first.Goroutines+goroutineSlack:
		return fmt.Errorf("goroutines grew from %d to %d", first.Goroutines, last.Goroutines)
	case last.Heap > first.Heap*1.1+2:
		return fmt.Errorf("the heap grew from %.1f to %.1f MB", first.Heap, last.Heap)
	case last.RSS > first.RSS*1.15+4:
		return fmt.Errorf("memory grew from %.1f to %.1f MB", first.RSS, last.RSS)
	}
	return nil
}

// goroutineSlack is what visitors who just come or go may make of difference.
const goroutineSlack = 100

// most returns the highest of each figure.
func most(samples []sample) sample {
	var m sample
	for _, s := range samples {
		m.Goroutines, m.Heap, m.RSS = max(m.Goroutines, s.Goroutines), max(m.Heap, s.Heap), max(m.RSS, s.RSS)
	}
	return m
}
