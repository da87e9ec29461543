package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// TestArchiverOnKafka plays a meeting over the embedded broker and store, with a restart of the archiver in between.
func TestArchiverOnKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("joining groups takes seconds")
	}
	b := openBus(t)
	store, keys := keyring(t, s3test.Embedded(t))
	meetings := NewMeetings(store, keys)
	transcripts := NewTranscripts(store, keys, meetings)
	m := hold(t, keys, meetings, meeting.Transcript)
	key, err := keys.Live(t.Context(), m.ID)
	must(t, err)
	say := func(n int, text string) {
		s := segment(m.ID, n, meeting.FinalRev, meeting.Transcript, text)
		publish(t, b, bus.Message{Topic: bus.Segments, Partition: b.PartitionOf(bus.Segments, m.ID), Key: string(s.Seg), Meeting: m.ID}, func(recordKey string) ([]byte, error) {
			return bus.SealJSON(key, bus.Segments, recordKey, s)
		})
	}
	event := func(e meeting.Event) {
		e.V, e.Meeting, e.Room = meeting.EventVersion, m.ID, m.Room
		publish(t, b, bus.Message{Topic: bus.Meetings, Partition: b.PartitionOf(bus.Meetings, m.ID), Key: string(m.ID), Meeting: m.ID}, func(recordKey string) ([]byte, error) {
			return bus.SealJSON(key, bus.Meetings, recordKey, e)
		})
	}
	read := func() string {
		v, err := transcripts.Read(t.Context(), m.ID)
		must(t, err)
		return texts(v)
	}

	stop := runArchiver(t, b, store, keys)
	say(1, "eins")
	say(2, "zwei")
	eventually(t, "two segments", func() bool { return read() == "eins | zwei" })
	stop()
	say(3, "drei") // while no archiver runs
	audio := b.AudioPartition(m.ID, 0)
	event(meeting.Event{Type: meeting.EventTrack, Track: &meeting.Track{Track: "tanna", Participant: "panna", Partition: audio}})
	for range 3 {
		publish(t, b, bus.Message{Topic: bus.Audio, Partition: audio, Key: bus.AudioKey(m.ID, "tanna"), Meeting: m.ID}, func(string) ([]byte, error) { return []byte("sealed audio"), nil })
	}
	event(meeting.Event{Type: meeting.EventEnded, At: 4000})
	runArchiver(t, b, store, keys)
	eventually(t, "three segments", func() bool { return read() == "eins | zwei | drei" })

	say(4, "vier") // a recogniser comes up late
	recognise(t, b, audio)
	eventually(t, "the meeting is closed", func() bool {
		got, err := meetings.Get(t.Context(), m.ID)
		return err == nil && got.LiveKeyGone && got.TranscriptFinal
	})
	if got := read(); got != "eins | zwei | drei | vier" {
		t.Errorf("final transcript is %q", got)
	}
	if _, err := NewKeyring(store, keys.master).Live(t.Context(), m.ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("what is left on Kafka can still be opened: %v", err)
	}
}

func openBus(t *testing.T) *bus.Bus {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: t.TempDir()}, log)
	must(t, err)
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	config := bus.DefaultConfig()
	config.Brokers = []string{broker.Addr()}
	b, err := bus.Open(t.Context(), config, log)
	must(t, err)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func publish(t *testing.T, b *bus.Bus, m bus.Message, value func(recordKey string) ([]byte, error)) {
	t.Helper()
	var err error
	m.Value, err = value(m.Key)
	must(t, err)
	must(t, b.Publish(t.Context(), m))
}

// background runs until the returned function or the end of the test stops it.
func background(t *testing.T, what string, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(fmt.Errorf("%s: %w", what, err))
		}
	})
	t.Cleanup(stop)
	return stop
}

func runArchiver(t *testing.T, b *bus.Bus, store *Store, keys *Keyring) (stop func()) {
	t.Helper()
	config := DefaultArchiverConfig()
	config.BatchAge, config.Poll = 100*time.Millisecond, 50*time.Millisecond
	archiver, err := NewArchiver(b, store, NewKeyring(store, keys.master), config, slog.New(slog.DiscardHandler))
	must(t, err)
	return background(t, "archiver", archiver.Run)
}

// recognise stands in for the recognisers: it reads the audio of one partition and commits.
func recognise(t *testing.T, b *bus.Bus, partition int) {
	background(t, "recogniser", func(ctx context.Context) error {
		return b.Consume(ctx, recogniseGroup, bus.Audio, func(ctx context.Context, a *bus.Assignment) error {
			for a.Partition == partition {
				m, err := a.Next(ctx)
				if err != nil {
					return err
				}
				if err := a.Commit(ctx, m.Offset+1, ""); err != nil {
					return err
				}
			}
			<-ctx.Done()
			return ctx.Err()
		})
	})
}
