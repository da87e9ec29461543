package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// figures are one row: a part of the run, or, as the last, all of it.
type figures struct {
	After  string  `json:"after"`
	Rate   float64 `json:"records_per_second"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	P999   float64 `json:"p999_ms"`
	Max    float64 `json:"max_ms"`
	Cores  float64 `json:"broker_cores"`
	MB     float64 `json:"broker_mb"`
	Failed int64   `json:"failed"` // attempts to publish
}

// load is what writes and reads.
type load struct {
	o      options
	bus    *bus.Bus
	key    seal.Key
	id     meeting.ID
	failed atomic.Int64
	owned  atomic.Int64 // partitions that readers have

	mu     sync.Mutex // guards delays
	delays []time.Duration
}

// finalsEvery is how often a speaker's utterance becomes a final.
const finalsEvery = 4 * time.Second

// drive runs the load and takes its figures.
func drive(ctx context.Context, o options, b *broker) ([]figures, error) {
	cfg := bus.DefaultConfig()
	cfg.Brokers = []string{b.addr}
	client, err := bus.Open(ctx, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	key, _ := seal.NewKey()
	l := &load{o: o, bus: client, key: key, id: meeting.NewID()}
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { client.Consume(ctx, "asr", bus.Audio, l.recognise) })
	work.Go(func() { client.Consume(ctx, "archive", bus.Segments, l.archive) })
	if err := l.awaitReaders(ctx); err != nil { // then the topics are there
		return nil, err
	}
	if err := keepAudio(ctx, b.addr, cfg.Prefix+string(bus.Audio), o.keep); err != nil {
		return nil, err
	}
	for i := range o.tracks {
		work.Go(func() { l.speak(ctx, i) })
	}
	return l.sample(ctx, b)
}

// keepAudio changes how long the broker keeps audio.
func keepAudio(ctx context.Context, broker, topic string, keep time.Duration) error {
	if keep == 0 {
		return nil
	}
	client := kafka.Client{Addr: kafka.TCP(broker)}
	changed, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
			Name: "retention.ms", Value: strconv.FormatInt(keep.Milliseconds(), 10), ConfigOperation: kafka.ConfigOperationSet,
		}},
	}}})
	if err != nil {
		return fmt.Errorf("keep audio for %v: %w", keep, err)
	}
	for _, r := range changed.Resources {
		if r.Error != nil {
			return fmt.Errorf("keep audio for %v: %w", keep, r.Error)
		}
	}
	return nil
}

// awaitReaders waits until all partitions are read.
func (l *load) awaitReaders(ctx context.Context) error {
	want := int64(l.bus.Partitions(bus.Audio) + l.bus.Partitions(bus.Segments))
	for range 600 {
		if l.owned.Load() >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("the readers got no partitions")
}

// speak writes the records of one track and, now and then, a final.
func (l *load) speak(ctx context.Context, i int) {
	track := meeting.TrackID(fmt.Sprint("track", i))
	packet := make([]byte, l.o.bytes)
	r := rand.New(rand.NewPCG(uint64(i), 1))
	for j := range packet {
		packet[j] = byte(r.Uint32())
	}
	next := time.Now().Truncate(l.o.every).Add(l.o.every) // a server ends the records of all its tracks at one moment
	final := next.Add(time.Duration(r.Int64N(int64(finalsEvery))))
	for seq := uint64(0); ctx.Err() == nil; seq += uint64(l.o.packets) {
		wait(ctx, next)
		next = next.Add(l.o.every)
		if late := time.Since(next); late > time.Second {
			next = next.Add(late) // a recorder would drop records; what is measured is the delay
		}
		m, err := l.record(track, i, seq, packet)
		l.publish(ctx, m, err)
		if i < l.o.talking && time.Now().After(final) {
			final = final.Add(finalsEvery)
			m, err := l.final(track, seq)
			l.publish(ctx, m, err)
		}
	}
}

func wait(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (l *load) publish(ctx context.Context, m bus.Message, err error) {
	if err == nil {
		err = l.bus.Publish(ctx, m)
	}
	if err != nil && ctx.Err() == nil {
		l.failed.Add(1)
	}
}

// record is a record that is sealed and published now.
func (l *load) record(track meeting.TrackID, index int, seq uint64, packet []byte) (bus.Message, error) {
	rec := &bus.AudioRecord{Meeting: l.id, Track: track, Epoch: 1, FirstSeq: seq, RTP: seq * 960, Level: meeting.Transcript, CaptureNS: time.Now().UnixNano()}
	for k := range l.o.packets {
		n := seq + uint64(k)
		rec.Packets = append(rec.Packets, bus.AudioPacket{Seq: n, RTP: n * 960, Opus: packet})
	}
	value, err := bus.SealAudio(l.key, rec)
	return bus.Message{Topic: bus.Audio, Partition: l.bus.AudioPartition(l.id, index), Key: bus.AudioKey(l.id, track), Meeting: l.id, Value: value}, err
}

func (l *load) final(track meeting.TrackID, seq uint64) (bus.Message, error) {
	id := meeting.NewSegmentID(l.id, track, 1, seq)
	s := meeting.Segment{Caption: meeting.Caption{V: meeting.CaptionVersion, Seg: id, Rev: meeting.FinalRev, Text: strings.Repeat("word ", 12), Final: true}, Track: track}
	for range 12 {
		s.Words = append(s.Words, meeting.Word{Text: "word", P: 0.9})
	}
	value, err := bus.SealJSON(l.key, bus.Segments, string(id), s)
	return bus.Message{Topic: bus.Segments, Partition: l.bus.PartitionOf(bus.Segments, l.id), Key: string(id), Meeting: l.id, Value: value}, err
}

// recognise reads audio as recognisers do: it opens each record and commits every two seconds.
func (l *load) recognise(ctx context.Context, a *bus.Assignment) error {
	return l.read(ctx, a, 2*time.Second, strings.Repeat("m", 400), func(m bus.Message) {
		rec, err := bus.OpenAudio(l.key, m)
		if err != nil {
			l.failed.Add(1)
			return
		}
		delay := time.Since(time.Unix(0, rec.CaptureNS))
		l.mu.Lock()
		l.delays = append(l.delays, delay)
		l.mu.Unlock()
	})
}

// archive reads finals as the archiver does: it commits every five seconds.
func (l *load) archive(ctx context.Context, a *bus.Assignment) error {
	return l.read(ctx, a, 5*time.Second, "", func(m bus.Message) {
		var s meeting.Segment
		if bus.OpenJSON(l.key, m, &s) != nil {
			l.failed.Add(1)
		}
	})
}

func (l *load) read(ctx context.Context, a *bus.Assignment, every time.Duration, metadata string, take func(bus.Message)) error {
	l.owned.Add(1)
	defer l.owned.Add(-1)
	due := time.Now().Add(every)
	for {
		m, err := a.Next(ctx)
		if err != nil {
			return err
		}
		take(m)
		if time.Now().After(due) {
			due = time.Now().Add(every)
			if err := a.Commit(ctx, m.Offset+1, metadata); err != nil {
				return err
			}
		}
	}
}

// warmUp is left out of the figures: connections are made.
const warmUp = 2 * time.Second

// sample takes a row of figures for each part of the run, and one for all of it.
func (l *load) sample(ctx context.Context, b *broker) ([]figures, error) {
	wait(ctx, time.Now().Add(warmUp))
	l.take()
	var rows []figures
	var all []time.Duration
	first, _, err := b.usage()
	if err != nil {
		return nil, err
	}
	began, before, since := time.Now(), first, time.Now()
	var held int64
	for i := range l.o.rowsIn() {
		wait(ctx, began.Add(l.o.length*time.Duration(i+1)/time.Duration(l.o.rowsIn())))
		if ctx.Err() != nil {
			return rows, ctx.Err()
		}
		cpu, rss, err := b.usage()
		if err != nil {
			return rows, err
		}
		now := time.Now()
		delays := l.take()
		all = append(all, delays...)
		rows = append(rows, row(now.Sub(began).Round(time.Second).String(), delays, now.Sub(since), cpu-before, rss, l.failed.Load()))
		before, since, held = cpu, now, rss
	}
	return append(rows, row("all", all, since.Sub(began), before-first, held, l.failed.Load())), nil
}

// take returns the delays since the last call.
func (l *load) take() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	delays := l.delays
	l.delays = nil
	return delays
}

func row(after string, delays []time.Duration, took, cpu time.Duration, rss, failed int64) figures {
	f := figures{
		After: after, Rate: float64(len(delays)) / took.Seconds(), Cores: cpu.Seconds() / took.Seconds(), MB: float64(rss) / 1e6, Failed: failed,
	}
	if len(delays) == 0 {
		return f
	}
	delays = slices.Clone(delays)
	slices.Sort(delays)
	ms := func(share float64) float64 {
		i := min(int(share*float64(len(delays))), len(delays)-1)
		return float64(delays[i].Microseconds()) / 1000
	}
	f.P50, f.P99, f.P999, f.Max = ms(0.5), ms(0.99), ms(0.999), ms(1)
	return f
}
