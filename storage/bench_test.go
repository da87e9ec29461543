package storage

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// Writes are durable when they return, so the first figure is mostly the disk's fsync.
func BenchmarkCreate4KiB(b *testing.B) {
	store := bucket(b, s3test.Embedded(b))
	body := make([]byte, 4<<10)
	for i := 0; b.Loop(); i++ {
		must(b, store.Create(b.Context(), fmt.Sprintf("objects/%d", i), body))
	}
}

func BenchmarkGet4KiB(b *testing.B) {
	store := bucket(b, s3test.Embedded(b))
	must(b, store.Create(b.Context(), "object", make([]byte, 4<<10)))
	for b.Loop() {
		_, _, err := store.Get(b.Context(), "object")
		must(b, err)
	}
}

// BenchmarkList500Meetings is the page of past meetings after a restart ("cold": keys must be read, too) and later.
func BenchmarkList500Meetings(b *testing.B) {
	store, keys := keyring(b, s3test.Embedded(b))
	meetings := NewMeetings(store, keys)
	for range 500 {
		hold(b, keys, meetings, meeting.Transcript)
	}
	list := func(b *testing.B, keys *Keyring) {
		all, err := NewMeetings(store, keys).List(b.Context())
		must(b, err)
		if len(all) != 500 {
			b.Fatalf("%d meetings", len(all))
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			list(b, NewKeyring(store, keys.master))
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			list(b, keys)
		}
	})
}

// BenchmarkReadRunningHour reads the transcript of a meeting that has been going on for an hour: 720 batches,
// most of which the second reader need not wait for.
func BenchmarkReadRunningHour(b *testing.B) {
	store, keys := keyring(b, s3test.Embedded(b))
	meetings := NewMeetings(store, keys)
	m := hold(b, keys, meetings, meeting.Transcript)
	key, err := keys.Archive(b.Context(), m.ID)
	must(b, err)
	for i := range 720 {
		object := fmt.Sprintf("%s%s/%s%010d-x%s", meetingPrefix, m.ID, batchFolder, i*5000, batchSuffix)
		body, err := sealBatch(key, object, []meeting.Segment{segment(m.ID, i, meeting.FinalRev, meeting.Transcript, "Ein Satz von gewöhnlicher Länge.")})
		must(b, err)
		must(b, store.Create(b.Context(), object, body))
	}
	read := func(b *testing.B, transcripts *Transcripts) {
		v, err := transcripts.Read(b.Context(), m.ID)
		must(b, err)
		if len(v.Segments) != 720 {
			b.Fatalf("%d segments", len(v.Segments))
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			read(b, NewTranscripts(store, keys, meetings))
		}
	})
	b.Run("again", func(b *testing.B) {
		transcripts := NewTranscripts(store, keys, meetings)
		read(b, transcripts)
		for b.Loop() {
			read(b, transcripts)
		}
	})
}

// BenchmarkThreeHours reads and corrects a closed meeting of three hours: 5,000 segments of twelve words, 100 of them
// corrected.
func BenchmarkThreeHours(b *testing.B) {
	store, keys := keyring(b, s3test.Embedded(b))
	transcripts, m := spoken(b, store, keys, "eins")
	v, etag, err := transcripts.stored(b.Context(), m.ID)
	must(b, err)
	v.Segments = nil
	first := Edit{By: "uanna", AtUnixMS: 1, Texts: map[meeting.SegmentID]*string{}}
	for i := range 5000 {
		s := segment(m.ID, i, meeting.FinalRev, meeting.Transcript, "Wir haben gestern lange über den Haushalt des nächsten Jahres gesprochen, oder?")
		for j := range 12 {
			s.Words = append(s.Words, meeting.Word{Text: "Wort", T0: s.T0 + int64(j)*70, T1: s.T0 + int64(j)*70 + 60, P: 0.9})
		}
		v.Segments = append(v.Segments, s)
		if i%50 == 0 {
			first.Texts[s.Seg] = ptr("Wir haben gestern sehr lange über den Haushalt gesprochen.")
		}
	}
	must(b, transcripts.write(b.Context(), v, etag))
	version := read(b, transcripts, m.ID).Version()
	v, err = transcripts.Edit(b.Context(), m.ID, version, first)
	must(b, err)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read(b, transcripts, m.ID)
		}
	})
	b.Run("correct", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v, err = transcripts.Edit(b.Context(), m.ID, v.Version(), Edit{Texts: map[meeting.SegmentID]*string{v.Segments[1].Seg: ptr(fmt.Sprint("nein ", i))}})
			must(b, err)
		}
	})
}

// BenchmarkArchiver archives what 20 meetings have said meanwhile, 250 finals each, as after a time without a store: from
// Kafka, which is played here, into a store that writes durably.
func BenchmarkArchiver(b *testing.B) {
	const meetings, each = 20, 250
	store, keys := keyring(b, s3test.Embedded(b))
	said := newScriptedBus()
	total := int64(0)
	publish := func(b *testing.B) {
		for range meetings {
			m := hold(b, keys, NewMeetings(store, keys), meeting.Transcript)
			key, err := keys.Live(b.Context(), m.ID)
			must(b, err)
			for i := range each {
				s := segment(m.ID, i, meeting.FinalRev, meeting.Transcript, "Ein Satz von gewöhnlicher Länge, den jemand gesagt hat.")
				for j := range 10 {
					s.Words = append(s.Words, meeting.Word{Text: "Wort", T0: s.T0 + int64(j)*80, T1: s.T0 + int64(j)*80 + 60, P: 0.9})
				}
				said.publish(b, key, bus.Segments, said.PartitionOf(bus.Segments, m.ID), m.ID, string(s.Seg), s)
			}
		}
		total += meetings * each
	}
	config := DefaultArchiverConfig()
	config.BatchAge = 50 * time.Millisecond
	archived := func() int64 {
		return max(said.position(archiveGroup, bus.Segments, 0), 0) + max(said.position(archiveGroup, bus.Segments, 1), 0)
	}
	for b.Loop() {
		b.StopTimer()
		publish(b)
		archiver, err := newArchiver(said, store, keys, config, slog.New(slog.DiscardHandler))
		must(b, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		b.StartTimer()
		go func() { done <- archiver.Run(ctx) }()
		eventually(b, "all is archived", func() bool { return archived() == total })
		cancel()
		must(b, <-done)
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "finals/s")
}
