package storage

import (
	"fmt"
	"testing"

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
