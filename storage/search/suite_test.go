package search

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/storage"
	"souffleur/storage/archivetest"
)

func testBlinder() blinder {
	key, _ := seal.NewKey()
	return newBlinder(key)
}

var buckets atomic.Int64

// library is an index over a fresh object store.
type library struct {
	archivetest.Archive
	t      testing.TB
	server s3test.Server
	bucket string
	raw    []byte // of the master key
	master *seal.Master
	dir    string
	deps   Deps
	*Index
}

func newLibrary(t testing.TB) *library {
	t.Helper()
	server := s3test.Embedded(t)
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	config.Bucket = fmt.Sprintf("search-%d", buckets.Add(1))
	log := slog.New(slog.DiscardHandler)
	store, err := storage.Open(t.Context(), config, log)
	must(t, err)
	t.Cleanup(store.Close)
	_, raw := seal.NewKey()
	master, err := seal.NewMaster(raw)
	must(t, err)
	keys := storage.NewKeyring(store, master)
	meetings := storage.NewMeetings(store, keys)
	l := &library{
		t: t, server: server, bucket: config.Bucket, raw: raw, master: master, dir: t.TempDir(),
		Archive: archivetest.Archive{T: t, Store: store, Keys: keys, Meetings: meetings},
		deps:    Deps{Keys: keys, Meetings: meetings, Transcripts: storage.NewTranscripts(store, keys, meetings), Log: log},
	}
	l.reopen()
	t.Cleanup(func() { must(t, l.Index.Close()) })
	return l
}

// reopen opens the index, the one before if there was one.
func (l *library) reopen() {
	l.t.Helper()
	if l.Index != nil {
		must(l.t, l.Index.Close())
	}
	var err error
	l.Index, err = Open(l.t.Context(), l.dir, testConfig(), l.deps)
	must(l.t, err)
}

func testConfig() Config {
	c := DefaultConfig()
	c.Every, c.CompactAfter = 10*time.Millisecond, 0
	return c
}

// meet stores an ended meeting with French texts, whose segments are s0, s1 and so on.
func (l *library) meet(texts ...string) storage.Meeting {
	l.t.Helper()
	m := l.Meet(storage.Meeting{})
	l.End(m.ID, french(texts...)...)
	return m
}

func french(texts ...string) []meeting.Segment {
	var all []meeting.Segment
	for i, text := range texts {
		all = append(all, archivetest.Segment(meeting.SegmentID(fmt.Sprintf("s%d", i)), int64(i)*1000, "fr", text))
	}
	return all
}

func (l *library) catchUp() {
	l.t.Helper()
	must(l.t, l.Catch(l.t.Context()))
}

func everywhere(meeting.RoomID) bool { return true }

// find searches all rooms.
func (l *library) find(query string) Result {
	l.t.Helper()
	r, err := l.Search(l.t.Context(), Request{Query: query, May: everywhere, Limit: MaxMeetings})
	must(l.t, err)
	return r
}

// segments are the IDs of what a query finds, "meeting/segment", sorted.
func (l *library) segments(query string) []string {
	l.t.Helper()
	var all []string
	for _, m := range l.find(query).Meetings {
		for _, h := range m.Hits {
			all = append(all, segmentKey(m.Meeting, h.Segment))
		}
	}
	slices.Sort(all)
	return all
}

func (l *library) expect(query string, want ...string) {
	l.t.Helper()
	slices.Sort(want)
	if got := l.segments(query); !slices.Equal(got, want) {
		l.t.Errorf("%q finds %s, want %s", query, strings.Join(got, " "), strings.Join(want, " "))
	}
}

// follow runs the index until the returned function is called.
func (l *library) follow() (stop func()) {
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
