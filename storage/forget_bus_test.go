package storage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// TestForgottenEverywhere forgets a meeting whose keys another process has in memory, over the embedded broker and store, and says
// how long it takes until nobody can read it: docs/data.md has the figures.
func TestForgottenEverywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a broker")
	}
	dir := t.TempDir()
	s3, err := embed.StartS3(t.Context(), embed.S3Config{Dir: dir}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, s3.Close()) })
	b := openBus(t)
	server := s3test.Server{Endpoint: s3.Endpoint(), AccessKey: s3.AccessKey(), SecretKey: s3.SecretKey()}
	e := endedMeeting(t, server)
	process := func() (*Keyring, *Transcripts, *Forgetter) {
		keys := NewKeyring(e.store, e.keys.master)
		transcripts := NewTranscripts(e.store, keys, NewMeetings(e.store, keys))
		return keys, transcripts, NewForgetter(b, e.store, keys, transcripts, slog.New(slog.DiscardHandler))
	}
	_, _, forgetter := process()
	elsewhere, transcripts, follower := process()
	for _, seg := range e.read(e.Meeting).Segments {
		publish(t, b, bus.Message{Topic: bus.Segments, Partition: b.PartitionOf(bus.Segments, e.ID), Key: string(seg.Seg), Meeting: e.ID},
			func(string) ([]byte, error) { return []byte("sealed with a live key that is gone"), nil })
	}
	if _, err := transcripts.Read(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	wrapped, _, err := e.store.Get(t.Context(), archiveObject(e.ID))
	must(t, err)
	if !onDisk(t, dir, wrapped) {
		t.Fatal("the wrapped key is not on disk: nothing is tested")
	}
	background(t, "follower", follower.Follow)
	settleFollower(t, b, e.ID, elsewhere)

	began := time.Now()
	must(t, forgetter.Meeting(t.Context(), e.ID, janitor))
	asked := time.Since(began)
	eventually(t, "another process has dropped the key", func() bool {
		_, there := elsewhere.cached(archiveObject(e.ID), time.Now())
		return !there
	})
	t.Logf("unreadable from the store, and told to everybody: %v; dropped from the memory of another process: %v after the request",
		asked.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if _, err := transcripts.Read(t.Context(), e.ID); !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoKey) {
		t.Errorf("another process reads it: %v", err)
	}
	if onDisk(t, dir, wrapped) {
		t.Error("the wrapped key is still in a file of the store: whoever has the disk and the master key can read everything")
	}
}

// TestForgottenWordsAreNotOnDisk: while the key of a meeting stays, old copies of its objects would still open.
func TestForgottenWordsAreNotOnDisk(t *testing.T) {
	dir := t.TempDir()
	s3, err := embed.StartS3(t.Context(), embed.S3Config{Dir: dir}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, s3.Close()) })
	e := endedMeeting(t, s3test.Server{Endpoint: s3.Endpoint(), AccessKey: s3.AccessKey(), SecretKey: s3.SecretKey()})
	old := map[string][]byte{}
	for _, name := range []string{meetingFile, transcriptFile, batchFolder + "0000000000-a" + batchSuffix, batchFolder + "0000002000-b" + batchSuffix} {
		body, _, err := e.store.Get(t.Context(), meetingPrefix+string(e.ID)+"/"+name)
		must(t, err)
		if old[name] = body; !onDisk(t, dir, body) {
			t.Fatalf("%s is not on disk: nothing is tested", name)
		}
	}
	began := time.Now()
	must(t, e.forgetter.Person(t.Context(), e.ID, "pbruno", janitor))
	t.Logf("one person's words in %d objects: %v", len(old), time.Since(began).Round(time.Millisecond))
	for name, body := range old {
		if onDisk(t, dir, body) {
			t.Errorf("an old copy of %s is still on disk", name)
		}
	}
}

// settleFollower waits until a follower reads: it begins at the end of the log, which takes a moment to find.
func settleFollower(t *testing.T, b *bus.Bus, id meeting.ID, keys *Keyring) {
	t.Helper()
	other := meeting.NewID()
	must(t, keys.Create(t.Context(), other))
	eventually(t, "the follower reads", func() bool {
		if _, err := keys.Live(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		must(t, b.Publish(t.Context(), bus.Message{Topic: bus.Meetings, Partition: b.PartitionOf(bus.Meetings, other), Key: string(other), Meeting: other}))
		_, there := keys.cached(liveObject(other), time.Now())
		return !there
	})
	if _, err := keys.Archive(context.Background(), id); err != nil {
		t.Fatal(err)
	}
}

// onDisk says whether bytes stand in some file below dir.
func onDisk(t *testing.T, dir string, what []byte) bool {
	t.Helper()
	found := false
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, what)
		return err
	}))
	return found
}
