package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// archiving is a bucket, a scripted bus and what is needed to play a meeting on them.
type archiving struct {
	t           *testing.T
	store       *Store
	keys        *Keyring
	meetings    *Meetings
	transcripts *Transcripts
	bus         *scriptedBus
	config      ArchiverConfig
}

func newArchiving(t *testing.T, server s3test.Server) *archiving {
	store, keys := keyring(t, server)
	meetings := NewMeetings(store, keys)
	config := DefaultArchiverConfig()
	config.BatchAge, config.Poll = 20*time.Millisecond, 5*time.Millisecond
	return &archiving{t: t, store: store, keys: keys, meetings: meetings, transcripts: NewTranscripts(store, keys, meetings), bus: newScriptedBus(), config: config}
}

// run starts an archiver and returns what stops it.
func (a *archiving) run() (stop func()) {
	a.t.Helper()
	archiver, err := newArchiver(a.bus, a.store, NewKeyring(a.store, a.keys.master), a.config, slog.New(slog.DiscardHandler))
	must(a.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- archiver.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			a.t.Errorf("archiver: %v", err)
		}
	})
	a.t.Cleanup(stop)
	return stop
}

func (a *archiving) say(m Meeting, segments ...meeting.Segment) {
	a.t.Helper()
	key, err := a.keys.Live(context.Background(), m.ID)
	must(a.t, err)
	for _, s := range segments {
		a.bus.publish(a.t, key, bus.Segments, a.bus.PartitionOf(bus.Segments, m.ID), m.ID, string(s.Seg), s)
	}
}

func (a *archiving) event(m Meeting, event meeting.Event) {
	a.t.Helper()
	key, err := a.keys.Live(context.Background(), m.ID)
	must(a.t, err)
	event.V, event.Meeting, event.Room = meeting.EventVersion, m.ID, m.Room
	a.bus.publish(a.t, key, bus.Meetings, 0, m.ID, string(m.ID), event)
}

// record announces a track and puts n audio records on its partition.
func (a *archiving) record(m Meeting, n int) {
	a.event(m, meeting.Event{Type: meeting.EventTrack, Track: &meeting.Track{Track: "tanna", Participant: "panna", Partition: 1}})
	for range n {
		a.bus.append(bus.Message{Topic: bus.Audio, Partition: 1, Meeting: m.ID, Value: []byte("sealed audio")})
	}
}

func (a *archiving) read(m Meeting) *Transcript {
	a.t.Helper()
	v, err := a.transcripts.Read(context.Background(), m.ID)
	must(a.t, err)
	return v
}

func texts(v *Transcript) string {
	var all []string
	for _, s := range v.Segments {
		all = append(all, s.Text)
	}
	return strings.Join(all, " | ")
}

func (a *archiving) awaitTexts(m Meeting, want string) {
	a.t.Helper()
	eventually(a.t, want, func() bool { return texts(a.read(m)) == want })
}

func (a *archiving) awaitClosed(m Meeting) Meeting {
	a.t.Helper()
	var got Meeting
	eventually(a.t, "the meeting is closed", func() bool {
		var err error
		got, err = a.meetings.Get(context.Background(), m.ID)
		must(a.t, err)
		return got.LiveKeyGone
	})
	return got
}

// testArchiverEndToEnd plays a meeting from the first word to the deleted key.
func testArchiverEndToEnd(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	a.say(m, segment(m.ID, 2, meeting.FinalRev, meeting.Transcript, "zwei"), segment(m.ID, 1, meeting.FinalRev, meeting.Minutes, "eins"))
	a.awaitTexts(m, "eins | zwei")
	if v := a.read(m); v.Final || v.Rev != 0 || v.RoomName != m.RoomName || len(v.People) != 2 {
		t.Errorf("transcript of a running meeting is %+v", v)
	}
	a.say(m, segment(m.ID, 3, meeting.FinalRev, meeting.Captions, "nur gezeigt"),
		segment(m.ID, 2, meeting.FinalRev+1, meeting.Transcript, "zwei, besser"), segment(m.ID, 2, meeting.FinalRev, meeting.Transcript, "zwei"))
	a.awaitTexts(m, "eins | zwei, besser")

	a.record(m, 3)
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 9000})
	eventually(t, "the end is noted", func() bool {
		got, err := a.meetings.Get(t.Context(), m.ID)
		return err == nil && got.EndedUnixMS == m.BeganUnixMS+9000
	})
	a.say(m, segment(m.ID, 4, meeting.FinalRev, meeting.Transcript, "noch ein Wort")) // the recogniser catches up
	a.bus.commit(recogniseGroup, bus.Audio, 1, 3)

	got := a.awaitClosed(m)
	if !got.TranscriptFinal || got.TranscriptRev != 1 {
		t.Errorf("closed meeting is %+v", got)
	}
	v := a.read(m)
	if want := "eins | zwei, besser | noch ein Wort"; texts(v) != want || !v.Final || v.Rev != 1 || v.EndedUnixMS != got.EndedUnixMS {
		t.Errorf("final transcript is %q, %+v", texts(v), v)
	}
	if _, err := NewKeyring(a.store, a.keys.master).Live(t.Context(), m.ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("the live key is still there: %v", err)
	}
	scanRaw(t, a.store, "eins", "besser", "gezeigt", "noch ein Wort", "Zauberberg", "Aussicht")
}

// testArchiverCrash stops an archiver between storing and committing: the next one stores the same segments again.
func testArchiverCrash(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	var refused atomic.Int64
	a.bus.refuseCommits(func(string) error {
		refused.Add(1)
		return bus.ErrFenced
	})
	stop := a.run()
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"), segment(m.ID, 2, meeting.FinalRev, meeting.Transcript, "zwei"))
	eventually(t, "a batch is stored and its commit refused", func() bool { return refused.Load() > 0 })
	stop()
	a.bus.refuseCommits(nil)
	a.run()
	p := a.bus.PartitionOf(bus.Segments, m.ID)
	eventually(t, "the position is committed", func() bool { return a.bus.position(archiveGroup, bus.Segments, p) == 2 })
	batches, err := a.store.List(t.Context(), meetingPrefix+string(m.ID)+"/"+batchFolder)
	must(t, err)
	if len(batches) < 2 {
		t.Errorf("%d batches: the segments were not stored twice, so nothing was tested", len(batches))
	}
	if got := texts(a.read(m)); got != "eins | zwei" {
		t.Errorf("transcript is %q", got)
	}
}

// testArchiverVersions publishes a final again with another text, in a batch whose name comes before that of the first.
func testArchiverVersions(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	a.say(m, segment(m.ID, 5, meeting.FinalRev, meeting.Transcript, "fünf"))
	a.awaitTexts(m, "fünf")
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"), segment(m.ID, 5, meeting.FinalRev, meeting.Transcript, "funf"))
	a.awaitTexts(m, "eins | fünf")
}

func testArchiverLevels(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Captions)
	a.run()
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Captions, "nur gezeigt"))
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 5000})
	got := a.awaitClosed(m)
	if !got.TranscriptFinal || got.TranscriptRev != 0 {
		t.Errorf("closed meeting is %+v", got)
	}
	if v := a.read(m); len(v.Segments) != 0 || !v.Final {
		t.Errorf("transcript is %+v", v)
	}
	objects, err := a.store.List(t.Context(), meetingPrefix+string(m.ID)+"/")
	must(t, err)
	if len(objects) != 2 { // meeting.json, key.json
		t.Errorf("what was only shown left traces: %+v", objects)
	}
}

// testArchiverResumes leaves a meeting half closed at every step and starts an archiver.
func testArchiverResumes(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	end := func(m *Meeting) error {
		m.EndedUnixMS = m.BeganUnixMS + 5000
		return nil
	}
	var cases []Meeting
	for step := range 4 {
		m := hold(t, a.keys, a.meetings, meeting.Transcript)
		a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, fmt.Sprint("Schritt ", step)))
		_, err := a.meetings.Update(t.Context(), m.ID, end)
		must(t, err)
		if step >= 1 { // batches and transcript were written
			storeWords(t, a.store, a.keys, m.ID, "ignored", fmt.Sprint("Schritt ", step))
			v, err := a.transcripts.build(t.Context(), m)
			must(t, err)
			v.Segments, v.Rev, v.Final = v.Segments[1:], 1, true
			must(t, a.transcripts.write(t.Context(), v, ""))
		}
		if step >= 2 { // and the document says so
			_, err := a.meetings.Update(t.Context(), m.ID, func(m *Meeting) error {
				m.TranscriptFinal, m.TranscriptRev = true, 1
				return nil
			})
			must(t, err)
		}
		cases = append(cases, m)
	}
	must(t, a.keys.DeleteLive(t.Context(), cases[3].ID)) // and the key is gone
	a.run()
	for step, m := range cases {
		got := a.awaitClosed(m)
		if v := a.read(m); !got.TranscriptFinal || v.Rev != 1 || texts(v) != fmt.Sprint("Schritt ", step) {
			t.Errorf("step %d: %+v, transcript %q of revision %d", step, got, texts(v), v.Rev)
		}
	}
}

func testArchiverTwo(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	a.run()
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"))
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 5000})
	if got := a.awaitClosed(m); got.TranscriptRev != 1 || texts(a.read(m)) != "eins" {
		t.Errorf("closed by two: %+v, %q", got, texts(a.read(m)))
	}
}

func testArchiverHostile(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m, other := hold(t, a.keys, a.meetings, meeting.Transcript), hold(t, a.keys, a.meetings, meeting.Transcript)
	p := a.bus.PartitionOf(bus.Segments, m.ID)
	good := segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "gut")
	key, err := a.keys.Live(t.Context(), m.ID)
	must(t, err)
	foreign, err := a.keys.Live(t.Context(), other.ID)
	must(t, err)
	a.bus.publish(t, foreign, bus.Segments, p, m.ID, "stolen", good)                      // another meeting's key
	a.bus.publish(t, key, bus.Segments, p, m.ID, "wrong-id", good)                        // key is not the segment
	a.bus.append(bus.Message{Topic: bus.Segments, Partition: p, Key: "x", Meeting: m.ID}) // retracted
	a.bus.append(bus.Message{Topic: bus.Segments, Partition: p, Key: "x", Meeting: m.ID, Value: []byte{9, 1, 2}})
	a.bus.append(bus.Message{Topic: bus.Segments, Partition: p, Key: "x", Meeting: "../../etc", Value: []byte{1}})
	a.bus.append(bus.Message{Topic: bus.Segments, Partition: p, Key: "x", Meeting: meeting.NewID(), Value: []byte{1}}) // no such meeting
	a.bus.append(bus.Message{Topic: bus.Meetings, Partition: 0, Key: "x", Meeting: m.ID, Value: []byte("garbage")})
	a.say(m, good)
	a.run()
	a.awaitTexts(m, "gut")
	eventually(t, "the position is past the bad records", func() bool { return a.bus.position(archiveGroup, bus.Segments, p) == 7 })
}

func testArchiverForgotten(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"))
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 5000})
	must(t, a.meetings.Delete(t.Context(), m.ID))
	a.run()
	p := a.bus.PartitionOf(bus.Segments, m.ID)
	eventually(t, "the position is past the meeting", func() bool { return a.bus.position(archiveGroup, bus.Segments, p) == 1 })
	if left, err := a.store.List(t.Context(), meetingPrefix+string(m.ID)); err != nil || len(left) != 0 {
		t.Errorf("a forgotten meeting has %d objects, %v", len(left), err)
	}
}

func testArchiverBatches(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	a.config.BatchAge = time.Hour // only size ends a batch
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	long := strings.Repeat("Wort ", 3000)
	var all []meeting.Segment
	for i := range 20 { // 15 kB each: five to a batch of 64 KiB
		all = append(all, segment(m.ID, i, meeting.FinalRev, meeting.Transcript, long))
	}
	a.say(m, all...)
	var batches []Object
	eventually(t, "four batches", func() bool {
		var err error
		batches, err = a.store.List(t.Context(), meetingPrefix+string(m.ID)+"/"+batchFolder)
		must(t, err)
		return len(batches) == 4
	})
	for i, want := range []string{"0000000000-", "0000005000-", "0000010000-", "0000015000-"} {
		if !strings.Contains(batches[i].Key, "/"+want) {
			t.Errorf("batch %d is %s, want %s…", i, batches[i].Key, want)
		}
	}
}

// TestRecognisersThatDoNotAnswerAreNotWaitedForLong: no recogniser, no endless wait.
func TestRecognisersThatDoNotAnswerAreNotWaitedForLong(t *testing.T) {
	a := newArchiving(t, s3test.Embedded(t))
	a.config.RecognitionWait = 50 * time.Millisecond
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.record(m, 3)
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"))
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 5000})
	a.run()
	a.awaitClosed(m)
	if got := texts(a.read(m)); got != "eins" {
		t.Errorf("transcript is %q", got)
	}
}

// TestAStoreThatIsAwayHoldsUpTheArchiver: nothing is committed, nothing is lost, and no more than a batch is in memory.
func TestAStoreThatIsAwayHoldsUpTheArchiver(t *testing.T) {
	server := s3test.Embedded(t)
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	gate := newGate(t, server.Endpoint)
	server.Endpoint = gate.addr()
	lossy := DefaultConfig()
	lossy.Endpoint, lossy.AccessKey, lossy.SecretKey, lossy.Bucket = server.Endpoint, server.AccessKey, server.SecretKey, a.store.bucket
	store, err := Open(t.Context(), lossy, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(store.Close)
	direct := a.store
	a.store = store // the archiver's only
	gate.close()
	a.run()
	a.store = direct
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"))
	gate.awaitAttempt()
	p := a.bus.PartitionOf(bus.Segments, m.ID)
	if at := a.bus.position(archiveGroup, bus.Segments, p); at != -1 {
		t.Errorf("position %d was committed while the store was away", at)
	}
	gate.open()
	a.awaitTexts(m, "eins")
	eventually(t, "the position is committed", func() bool { return a.bus.position(archiveGroup, bus.Segments, p) == 1 })
}

func TestArchiverConfig(t *testing.T) {
	must(t, DefaultArchiverConfig().Validate())
	for _, change := range []func(*ArchiverConfig){
		func(c *ArchiverConfig) { c.BatchAge = 0 }, func(c *ArchiverConfig) { c.BatchBytes = 0 }, func(c *ArchiverConfig) { c.Poll = -1 },
	} {
		config := DefaultArchiverConfig()
		change(&config)
		if _, err := newArchiver(newScriptedBus(), nil, nil, config, nil); err == nil {
			t.Errorf("%+v was accepted", config)
		}
	}
}
