package asr

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
)

// TestWorkersTakeOverOnARealBroker lets three workers, one after the other, recognise one recording through the embedded
// broker: each is stopped in the middle. What they wrote together must be what one worker alone writes.
func TestWorkersTakeOverOnARealBroker(t *testing.T) {
	if testing.Short() {
		t.Skip("a broker and three groups take their time")
	}
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: t.TempDir()}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	cfg := bus.DefaultConfig()
	cfg.Brokers = []string{broker.Addr()}
	b, err := bus.Open(t.Context(), cfg, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()

	s := newStage(t)
	acts := []act{{"speech", 100}, {"hush", 60}, {"speech", 200}, {"hush", 60}, {"speech", 60}, {"pause", 60}, {"speech", 120}, {"hush", 60}}
	s.announce("t0", "p0", 0)
	spokenRecords := s.records("t0", 0, script(t, acts...))
	for _, rec := range spokenRecords {
		s.record(0, rec)
	}
	want := s.recognisedAlone()
	copyTo(t, b, s)

	for i := range 3 {
		w := s.worker(1)
		w.bus = realBus{b}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		waitFor(t, fmt.Sprintf("finals of worker %d", i), func() bool {
			n := w.Counts().Finals
			return i < 2 && n > 0 || i == 2 && committed(t, b, s.id) >= int64(len(spokenRecords))-30
		})
		begun := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		t.Logf("worker %d: %+v, stopped in %v", i, w.Counts(), time.Since(begun).Round(time.Millisecond))
	}
	if got := lines(published(t, b, s)); !slices.Equal(got, want) {
		t.Errorf("published\n%q\nwant\n%q", got, want)
	}
}

// recognisedAlone returns what one worker writes from the memory bus.
func (s *stage) recognisedAlone() []string {
	stop := s.run(s.worker(1))
	waitFor(s.t, "the finals of one worker", func() bool { return len(s.segments()) == 4 })
	stop()
	return lines(s.segments())
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// copyTo publishes events and audio of the stage on a real bus.
func copyTo(t *testing.T, b *bus.Bus, s *stage) {
	t.Helper()
	for _, topic := range []bus.Topic{bus.Meetings, bus.Audio} {
		for _, m := range s.bus.recordsOf(topic) {
			m.Partition = b.PartitionOf(bus.Meetings, s.id)
			if topic == bus.Audio {
				m.Partition = b.AudioPartition(s.id, 0)
			}
			if err := b.Publish(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func committed(t *testing.T, b *bus.Bus, id meeting.ID) int64 {
	t.Helper()
	offsets, err := b.CommittedOffsets(t.Context(), Group, bus.Audio)
	if err != nil {
		t.Fatal(err)
	}
	return offsets[b.AudioPartition(id, 0)]
}

func published(t *testing.T, b *bus.Bus, s *stage) []meeting.Segment {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out []meeting.Segment
	err := b.Follow(ctx, bus.Segments, bus.FollowOptions{CaughtUp: cancel}, func(m bus.Message) {
		var seg meeting.Segment
		if err := bus.OpenJSON(s.keys.key, m, &seg); err != nil {
			t.Error(err)
		}
		out = append(out, seg)
	})
	if ctx.Err() == nil {
		t.Fatal(err)
	}
	return out
}
