package storage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// ended is a meeting of two people that is over and archived: batches with both, a transcript, sound of both.
type ended struct {
	*archiving
	Meeting
	forgetter *Forgetter

	mu    sync.Mutex  // guards heard
	heard []Forgotten // what hooks were told
}

// said is a segment of one of the two.
func said(id meeting.ID, n int, who, text string) meeting.Segment {
	s := segment(id, n, meeting.FinalRev, meeting.Transcript, text)
	s.Spk, s.Track = meeting.SpeakerID(who), meeting.TrackID("t"+who[1:])
	s.Seg = meeting.NewSegmentID(id, s.Track, 0, uint64(n))
	return s
}

func endedMeeting(t *testing.T, server s3test.Server) *ended {
	t.Helper()
	a := newArchiving(t, server)
	e := &ended{archiving: a}
	e.Meeting = e.close(hold(t, a.keys, a.meetings, meeting.Transcript))
	e.forgetter = e.newForgetter(a.store)
	return e
}

func (e *ended) newForgetter(store *Store) *Forgetter {
	keys := NewKeyring(store, e.keys.master)
	f := NewForgetter(e.bus, store, keys, NewTranscripts(store, keys, NewMeetings(store, keys)), slog.New(slog.DiscardHandler))
	f.Also(func(_ context.Context, what Forgotten) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, what)
		return nil
	})
	return f
}

// close writes everything of a meeting as archiver and recorder leave it.
func (e *ended) close(m Meeting) Meeting {
	t := e.t
	t.Helper()
	e.batch(m.ID, "0000000000-a", said(m.ID, 0, "panna", "Guten Morgen."), said(m.ID, 1, "pbruno", "Der Eichhornkönig schläft."))
	e.batch(m.ID, "0000002000-b", said(m.ID, 2, "pbruno", "Noch ein Geheimnis."))
	e.batch(m.ID, "0000003000-c", said(m.ID, 3, "panna", "Auf Wiedersehen."), said(m.ID, 4, "pbruno/voice-2", "Flüstern."))
	for _, track := range []string{"tanna", "tbruno", "tquiet"} {
		must(t, e.store.Put(t.Context(), meetingPrefix+string(m.ID)+"/audio/"+track+"/0000000000.opus", []byte("sealed "+track)))
	}
	m, err := e.meetings.Update(t.Context(), m.ID, func(m *Meeting) error {
		m.EndedUnixMS, m.LiveKeyGone, m.TranscriptRev, m.TranscriptFinal = m.BeganUnixMS+5000, true, 1, true
		m.Policies = append(m.Policies, meeting.Policy{Level: meeting.Minutes, ByName: "Bruno Eichhorn"})
		// Nothing was recognised on the last one.
		m.Tracks = []meeting.Track{{Track: "tanna", Participant: "panna"}, {Track: "tbruno", Participant: "pbruno"}, {Track: "tquiet", Participant: "pbruno"}}
		return nil
	})
	must(t, err)
	v, err := e.transcripts.build(t.Context(), m)
	must(t, err)
	v.Rev, v.Final = 1, true
	must(t, e.transcripts.write(t.Context(), v, ""))
	must(t, e.keys.DeleteLive(t.Context(), m.ID))
	return m
}

func (e *ended) batch(id meeting.ID, name string, segments ...meeting.Segment) {
	e.t.Helper()
	key, err := e.keys.Archive(e.t.Context(), id)
	must(e.t, err)
	object := meetingPrefix + string(id) + "/" + batchFolder + name + batchSuffix
	body, err := sealBatch(key, object, segments)
	must(e.t, err)
	must(e.t, e.store.Create(e.t.Context(), object, body))
}

// opened returns all that can be opened of a meeting with its key, whatever its form: documents and lines of batches.
func (e *ended) opened(id meeting.ID) string {
	e.t.Helper()
	keys := NewKeyring(e.store, e.keys.master)
	key, err := keys.Archive(e.t.Context(), id)
	must(e.t, err)
	objects, err := e.store.List(e.t.Context(), meetingPrefix+string(id)+"/")
	must(e.t, err)
	var all strings.Builder
	for _, o := range objects {
		body, _, err := e.store.Get(e.t.Context(), o.Key)
		must(e.t, err)
		all.WriteString(o.Key + "\n")
		for i, line := range strings.Split(string(body), "\n") {
			for _, place := range []string{o.Key, batchPlace(o.Key, i)} {
				var outer sealedDocument
				if decode(o.Key, []byte(line), &outer, func(d *sealedDocument) int { return d.V }) != nil {
					continue
				}
				if plain, err := key.Open(outer.Sealed, place); err == nil {
					all.Write(append(plain, '\n'))
				}
			}
		}
	}
	return all.String()
}

var janitor = Requester{Actor: janitorActor, Role: meeting.Admin}

func (e *ended) proofs(action string) []AuditEntry {
	e.t.Helper()
	objects, err := e.store.List(e.t.Context(), "audit/")
	must(e.t, err)
	var all []AuditEntry
	for _, o := range objects {
		entry, err := NewAudit(e.store, e.keys).get(e.t.Context(), o.Key)
		must(e.t, err)
		all = append(all, entry)
	}
	return slices.DeleteFunc(all, func(a AuditEntry) bool { return a.Action != action })
}

func (e *ended) forgetting() int {
	e.t.Helper()
	left, err := e.store.List(e.t.Context(), forgettingPrefix)
	must(e.t, err)
	return len(left)
}

func testForgetMeeting(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	running := hold(t, e.keys, e.meetings, meeting.Transcript)
	other := e.close(hold(t, e.keys, e.meetings, meeting.Transcript))
	if err := e.forgetter.Meeting(t.Context(), running.ID, janitor); !errors.Is(err, ErrRunning) {
		t.Errorf("a running meeting: %v", err)
	}
	must(t, e.forgetter.Meeting(t.Context(), e.ID, Requester{"uanna", meeting.Organizer}))
	if left, err := e.store.List(t.Context(), meetingPrefix+string(e.ID)); err != nil || len(left) != 0 {
		t.Errorf("%d objects left, %v", len(left), err)
	}
	if _, err := NewKeyring(e.store, e.keys.master).Archive(t.Context(), e.ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("its key: %v", err)
	}
	var told, retracted []bus.Message
	for _, m := range e.bus.records(bus.Meetings) {
		if m.Meeting == e.ID {
			told = append(told, m)
		}
	}
	for _, m := range e.bus.records(bus.Segments) {
		if m.Meeting == e.ID && len(m.Value) == 0 {
			retracted = append(retracted, m)
		}
	}
	if len(told) != 1 || len(told[0].Value) != 0 || told[0].Key != string(e.ID) || len(retracted) != 5 {
		t.Errorf("on Kafka: told %+v, %d retracted", told, len(retracted))
	}
	if len(e.heard) != 1 || e.heard[0].Meeting != e.ID || len(e.heard[0].Participants) != 0 || len(e.heard[0].Segments) != 5 {
		t.Errorf("hooks heard %+v", e.heard)
	}
	proofs := e.proofs("meeting.forgotten")
	if len(proofs) != 1 || proofs[0].Actor != "uanna" || proofs[0].Object != "meetings/"+string(e.ID) || proofs[0].Records != 5 || proofs[0].Objects < 6 {
		t.Errorf("the audit says %+v", proofs)
	}
	if e.forgetting() != 0 {
		t.Error("the errand stays")
	}
	if err := e.forgetter.Meeting(t.Context(), e.ID, janitor); !errors.Is(err, ErrNotFound) {
		t.Errorf("once more: %v", err)
	}
	if got := texts(e.read(other)); !strings.Contains(got, "Eichhornkönig") {
		t.Errorf("another meeting reads %q", got)
	}
}

func testForgetPerson(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	before := e.opened(e.ID)
	for _, word := range []string{"Eichhornkönig", "Geheimnis", "Flüstern", "Bruno Eichhorn", "ubruno"} {
		if !strings.Contains(before, word) {
			t.Fatalf("the test does not see %q", word)
		}
	}
	v := e.read(e.Meeting) // fills the caches
	text, name := "Der Eichhornfürst schläft.", "Bruno der Eichhornfürst"
	bruno := v.Segments[1]
	_, err := e.transcripts.Edit(t.Context(), e.ID, v.Version(), Edit{
		By: "uanna", Texts: map[meeting.SegmentID]*string{bruno.Seg: &text}, Names: map[meeting.SpeakerID]*string{"pbruno": &name},
	})
	must(t, err)
	stale := e.read(e.Meeting).Version()
	must(t, e.forgetter.Person(t.Context(), e.ID, "pbruno", Requester{"uanna", meeting.Organizer}))

	after := e.opened(e.ID)
	for _, word := range []string{"Eichhorn", "Geheimnis", "Flüstern", "ubruno", "tbruno", "tquiet"} {
		if strings.Contains(after, word) {
			t.Errorf("%q is still there:\n%s", word, after)
		}
	}
	if got := texts(e.read(e.Meeting)); got != "Guten Morgen. | Auf Wiedersehen." {
		t.Errorf("the transcript reads %q", got)
	}
	other := "x"
	if _, err := e.transcripts.Edit(t.Context(), e.ID, stale, Edit{Texts: map[meeting.SegmentID]*string{v.Segments[0].Seg: &other}}); !errors.Is(err, ErrConflict) {
		t.Errorf("an edit of what was read before: %v", err)
	}
	m, err := e.meetings.Get(t.Context(), e.ID)
	must(t, err)
	gone := m.People[1]
	if gone.Name != meeting.ForgottenName || gone.Person != "" || !gone.Forgotten || gone.Participant != "pbruno" || m.People[0].Name != "Anna Zauberberg" {
		t.Errorf("people are %+v", m.People)
	}
	if m.Policies[1].ByName != meeting.ForgottenName || m.Policies[0].ByName != "Anna Zauberberg" || m.TranscriptRev != 2 {
		t.Errorf("meeting is %+v", m)
	}
	objects, err := e.store.List(t.Context(), meetingPrefix+string(e.ID)+"/audio/")
	must(t, err)
	if len(objects) != 1 || !strings.Contains(objects[0].Key, "/tanna/") {
		t.Errorf("sound is %+v", objects)
	}
	if proofs := e.proofs("participant.forgotten"); len(proofs) != 1 || proofs[0].Object != "meetings/"+string(e.ID)+"/people/pbruno" || proofs[0].Records != 3 {
		t.Errorf("the audit says %+v", proofs)
	}
	if len(e.heard) != 1 || !slices.Equal(e.heard[0].Participants, []meeting.ParticipantID{"pbruno"}) || len(e.heard[0].Segments) != 3 {
		t.Errorf("hooks heard %+v", e.heard)
	}
	// A batch that comes too late, from a process that was cut off for long, is not shown, and goes with the next request.
	e.batch(e.ID, "0000009000-late", said(e.ID, 9, "pbruno", "Zu spät."))
	must(t, e.store.Delete(t.Context(), meetingPrefix+string(e.ID)+"/"+transcriptFile))
	if got := texts(e.read(e.Meeting)); strings.Contains(got, "spät") {
		t.Errorf("the transcript reads %q", got)
	}
	must(t, e.forgetter.Person(t.Context(), e.ID, "pbruno", janitor))
	if strings.Contains(e.opened(e.ID), "spät") {
		t.Error("a late batch stays")
	}
	for participant, want := range map[meeting.ParticipantID]error{"pnobody": ErrNoPerson, "": ErrNoPerson} {
		if err := e.forgetter.Person(t.Context(), e.ID, participant, janitor); !errors.Is(err, want) {
			t.Errorf("%q: %v", participant, err)
		}
	}
}

func testForgetPersonTooEarly(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	m := hold(t, e.keys, e.meetings, meeting.Transcript)
	if err := e.forgetter.Person(t.Context(), m.ID, "pbruno", janitor); !errors.Is(err, ErrRunning) {
		t.Errorf("in a running meeting: %v", err)
	}
	_, err := e.meetings.Update(t.Context(), m.ID, func(m *Meeting) error {
		m.EndedUnixMS = m.BeganUnixMS + 1
		return nil
	})
	must(t, err)
	if err := e.forgetter.Person(t.Context(), m.ID, "pbruno", janitor); !errors.Is(err, ErrUnfinished) {
		t.Errorf("before the archiver is done: %v", err)
	}
	if e.forgetting() != 0 {
		t.Error("a refused request left an errand")
	}
}

// testForgetStays forgets somebody who came twice.
func testForgetStays(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	_, err := e.meetings.Update(t.Context(), e.ID, func(m *Meeting) error {
		m.People = append(m.People, meeting.Person{Participant: "pagain", Person: "ubruno", Name: "Bruno E.", Order: 2})
		return nil
	})
	must(t, err)
	e.batch(e.ID, "0000009000-d", said(e.ID, 9, "pagain", "Wieder da."))
	must(t, e.forgetter.Person(t.Context(), e.ID, "pbruno", janitor))
	if got := e.opened(e.ID); strings.Contains(got, "Wieder da") || strings.Contains(got, "Bruno") {
		t.Errorf("a second stay is left:\n%s", got)
	}
}

// testForgetStopped breaks off at every write and deletion (with -short, at some); Resume finishes, as the janitor's does.
func testForgetStopped(t *testing.T, server s3test.Server) {
	for name, forget := range map[string]func(*Forgetter, meeting.ID) error{
		"meeting": func(f *Forgetter, id meeting.ID) error { return f.Meeting(context.Background(), id, janitor) },
		"person":  func(f *Forgetter, id meeting.ID) error { return f.Person(context.Background(), id, "pbruno", janitor) },
	} {
		t.Run(name, func(t *testing.T) {
			e := endedMeeting(t, server)
			step := int64(1)
			if testing.Short() {
				step = 7
			}
			for stop := int64(0); ; stop += step {
				m := e.close(hold(t, e.keys, e.meetings, meeting.Transcript))
				var allowed atomic.Int64
				allowed.Store(stop)
				err := forget(e.newForgetter(e.limited(server, &allowed)), m.ID)
				if err == nil && e.forgetting() == 0 {
					if stop < 5 {
						t.Errorf("only %d steps", stop)
					}
					return
				}
				if stop == 0 && e.forgetting() != 0 {
					t.Error("written down in spite of a store that takes nothing")
				}
				must(t, e.forgetter.Resume(t.Context()))
				if e.forgetting() != 0 {
					t.Fatalf("stopped at %d: not finished by resuming", stop)
				}
				if stop > 0 {
					e.checkForgotten(t, name, m.ID)
				}
			}
		})
	}
}

func (e *ended) checkForgotten(t *testing.T, what string, id meeting.ID) {
	t.Helper()
	if what == "meeting" {
		if left, err := e.store.List(t.Context(), meetingPrefix+string(id)); err != nil || len(left) != 0 {
			t.Errorf("%d objects left, %v", len(left), err)
		}
		return
	}
	if all := e.opened(id); strings.Contains(all, "Eichhorn") || !strings.Contains(all, "Wiedersehen") {
		t.Errorf("what is left is\n%s", all)
	}
}

// limited opens the same bucket through a proxy that lets only so many writes and deletions pass.
func (e *ended) limited(server s3test.Server, allowed *atomic.Int64) *Store {
	proxy := signedProxy(e.t, server.Endpoint)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if (q.Method == http.MethodPut || q.Method == http.MethodDelete) && allowed.Add(-1) < 0 {
			w.WriteHeader(http.StatusForbidden) // not repeated by the client
			return
		}
		proxy.ServeHTTP(w, q)
	}))
	e.t.Cleanup(front.Close)
	config := DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = strings.TrimPrefix(front.URL, "http://"), server.AccessKey, server.SecretKey
	config.Bucket = e.store.bucket
	store, err := Open(context.Background(), config, slog.New(slog.DiscardHandler))
	must(e.t, err)
	e.t.Cleanup(store.Close)
	return store
}

// testForgetWithoutKafka: what is stored goes at once, Kafka is told when it is back.
func testForgetWithoutKafka(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	e.bus.goAway(true)
	must(t, e.forgetter.Meeting(t.Context(), e.ID, janitor))
	if left, err := e.store.List(t.Context(), meetingPrefix+string(e.ID)); err != nil || len(left) != 0 || e.forgetting() != 1 {
		t.Errorf("%d objects and %d errands left, %v", len(left), e.forgetting(), err)
	}
	if len(e.proofs("meeting.forgotten")) != 0 {
		t.Error("the audit has a proof of what is not done")
	}
	e.bus.goAway(false)
	must(t, e.forgetter.Resume(t.Context()))
	if n := len(e.bus.records(bus.Segments)); n != 5 || e.forgetting() != 0 || len(e.proofs("meeting.forgotten")) != 1 {
		t.Errorf("%d records retracted, %d errands, audit %+v", n, e.forgetting(), e.proofs("meeting.forgotten"))
	}
}

// testForgetTogether: several forget the same, and others read and correct meanwhile.
func testForgetTogether(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	var work sync.WaitGroup
	for range 3 {
		f := NewForgetter(e.bus, e.store, e.keys, e.transcripts, slog.New(slog.DiscardHandler))
		work.Go(func() {
			if err := f.Person(t.Context(), e.ID, "pbruno", janitor); err != nil && !errors.Is(err, ErrNoPerson) {
				t.Error(err)
			}
		})
	}
	work.Go(func() { // somebody else writes the transcript anew with If-Match
		for range 20 {
			v, etag, err := e.transcripts.stored(t.Context(), e.ID)
			if err != nil {
				t.Error(err)
				return
			}
			v.Rev++
			if err := e.transcripts.write(t.Context(), v, etag); err != nil && !errors.Is(err, ErrConflict) {
				t.Error(err)
			}
		}
	})
	work.Wait()
	if all := e.opened(e.ID); strings.Contains(all, "Eichhorn") || strings.Contains(all, "Geheimnis") || !strings.Contains(all, "Wiedersehen") {
		t.Errorf("what is left is\n%s", all)
	}
}

// TestFollowersDropWhatIsForgotten: another process with keys and batches in memory.
func TestFollowersDropWhatIsForgotten(t *testing.T) {
	e := endedMeeting(t, s3test.Embedded(t))
	elsewhere := NewKeyring(e.store, e.keys.master)
	transcripts := NewTranscripts(e.store, elsewhere, NewMeetings(e.store, elsewhere))
	other := NewForgetter(e.bus, e.store, elsewhere, transcripts, slog.New(slog.DiscardHandler))
	if _, _, err := transcripts.archived(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	background(t, "follower", other.Follow)
	if _, ok := elsewhere.cached(archiveObject(e.ID), time.Now()); !ok {
		t.Fatal("the key is not in memory: nothing is tested")
	}
	must(t, e.forgetter.Meeting(t.Context(), e.ID, janitor))
	eventually(t, "the other process drops key and batches", func() bool {
		_, key := elsewhere.cached(archiveObject(e.ID), time.Now())
		transcripts.cache.mu.Lock()
		defer transcripts.cache.mu.Unlock()
		return !key && transcripts.cache.meetings[e.ID] == nil
	})
}
