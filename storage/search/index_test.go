package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"souffleur/internal/dirlock"
	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/archivetest"
)

func TestSegmentsAreFoundInBothLanguages(t *testing.T) {
	l := newLibrary(t)
	m := l.Meet(storage.Meeting{RoomName: "Comité", BeganUnixMS: 42})
	l.End(m.ID,
		archivetest.Segment("fr", 1000, "fr", "Les réunions du comité sont annulées."),
		archivetest.Segment("en", 2000, "en", "Meetings are cancelled until the next reunion."),
		archivetest.Segment("xx", 3000, "", "Reunion, meeting"),
		archivetest.Segment("gap", 4000, "fr", ""),
	)
	l.catchUp()
	id := string(m.ID)
	l.expect("reunion", id+"/fr", id+"/en", id+"/xx")
	l.expect("réunions", id+"/fr", id+"/en") // unknown languages have no plural
	l.expect("meeting", id+"/en", id+"/xx")
	l.expect("meetings cancelled", id+"/en")
	l.expect("reunion mercredi")
	r := l.find("annulée")
	if len(r.Meetings) != 1 || r.Segments != 1 || r.Total != 1 || r.Next != "" {
		t.Fatalf("found %+v", r)
	}
	f := r.Meetings[0]
	h := f.Hits[0]
	if f.Meeting != m.ID || f.RoomName != "Comité" || f.Room != m.Room || f.BeganUnixMS != 42 || f.Matches != 1 ||
		h.Segment != "fr" || h.Name != "Anna" || h.T0 != 1000 || h.Lang != "fr" || h.Text[h.Marks[0][0]:] == "" || len(h.Marks) != 1 {
		t.Errorf("found %+v", f)
	}
	if got := string([]rune(h.Text)[h.Marks[0][0]:h.Marks[0][1]]); got != "annulées" {
		t.Errorf("%q is marked", got)
	}
}

func TestPhrases(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("le budget de la région", "la région a un budget", "la région vote son budget de la région")
	l.catchUp()
	l.expect(`"budget de la région"`, string(m.ID)+"/s0", string(m.ID)+"/s2")
	l.expect(`«budget de la région» vote`, string(m.ID)+"/s2")
	l.expect(`"région de la budget"`)
}

func TestOnlyRoomsOfThePersonAreSearched(t *testing.T) {
	l := newLibrary(t)
	mine, other := l.meet("le budget secret"), l.meet("le budget secret")
	l.catchUp()
	only := func(room meeting.RoomID) func(meeting.RoomID) bool {
		return func(r meeting.RoomID) bool { return r == room }
	}
	for _, room := range []meeting.RoomID{mine.Room, other.Room} {
		r, err := l.Search(t.Context(), Request{Query: "budget", May: only(room), Limit: 10})
		must(t, err)
		if len(r.Meetings) != 1 || r.Meetings[0].Room != room || r.Segments != 1 || r.Total != 1 {
			t.Errorf("found %+v for %s", r, room)
		}
	}
	for name, request := range map[string]Request{
		"nothing allowed":             {Query: "budget", May: only("none"), Limit: 10},
		"another's meeting by its ID": {Query: "budget", May: only(mine.Room), Meeting: other.ID, Limit: 10},
	} {
		r, err := l.Search(t.Context(), request)
		must(t, err)
		if len(r.Meetings) > 0 || r.Segments > 0 || r.Total > 0 {
			t.Errorf("%s: found %+v", name, r)
		}
	}
}

func TestAnswersArePages(t *testing.T) {
	l := newLibrary(t)
	var want []meeting.ID
	for range 7 {
		m := l.meet("budget un", "budget deux", "budget trois", "budget quatre", "budget cinq", "budget six", "rien")
		want = append([]meeting.ID{m.ID}, want...)
	}
	l.catchUp()
	var got []meeting.ID
	for after := meeting.ID(""); ; {
		r, err := l.Search(t.Context(), Request{Query: "budget", May: everywhere, Limit: 3, After: after})
		must(t, err)
		for _, m := range r.Meetings {
			got = append(got, m.Meeting)
			if m.Matches != 6 || len(m.Hits) != perMeeting || m.Hits[0].Segment != "s0" {
				t.Errorf("found %+v", m)
			}
		}
		if left := len(want) - len(got); r.Total != left+len(r.Meetings) || r.Segments != 6*r.Total || (r.Next == "") != (left == 0) {
			t.Errorf("after %d meetings: %d of %d meetings, next %q", len(got), r.Segments, r.Total, r.Next)
		}
		if r.Next == "" {
			break
		}
		after = r.Next
	}
	if len(got) != len(want) {
		t.Fatalf("found %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("found %v, want %v: newest first, each once", got, want)
		}
	}
	r, err := l.Search(t.Context(), Request{Query: "budget", May: everywhere, Meeting: want[3], Limit: 3})
	must(t, err)
	if len(r.Meetings) != 1 || len(r.Meetings[0].Hits) != 6 {
		t.Errorf("one meeting alone gives %+v", r)
	}
}

func TestUselessQueries(t *testing.T) {
	l := newLibrary(t)
	for query, want := range map[string]error{"": ErrNothingWanted, " … ": ErrNothingWanted, `""`: ErrNothingWanted, "\xff": ErrQueryTooLong} {
		if _, err := l.Search(t.Context(), Request{Query: query, May: everywhere}); !errors.Is(err, want) {
			t.Errorf("%q: %v", query, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	l.meet("budget")
	l.catchUp()
	cancel()
	if _, err := l.Search(ctx, Request{Query: "budget", May: everywhere}); !errors.Is(err, context.Canceled) {
		t.Errorf("a search given up: %v", err)
	}
}

func TestAMeetingIsFoundWhileItGoesOn(t *testing.T) {
	l := newLibrary(t)
	stop := l.follow()
	defer stop()
	m := l.Meet(storage.Meeting{})
	id := string(m.ID)
	l.Batch(m.ID, archivetest.Segment("a", 0, "fr", "le budjet"))
	eventually(t, "the first batch", func() bool { return len(l.segments("budjet")) == 1 })
	better := archivetest.Segment("a", 0, "fr", "le budget")
	better.Rev++
	l.Batch(m.ID, better, archivetest.Segment("b", 1000, "en", "the budget"))
	eventually(t, "the second batch", func() bool { return len(l.segments("budget")) == 2 })
	l.expect("budjet")
	l.expect("budget", id+"/a", id+"/b")
	l.End(m.ID, better)
	eventually(t, "the end", func() bool { return len(l.segments("budget")) == 1 })
	corrected := better
	corrected.Rev, corrected.Text = better.Rev+1, "l'enveloppe"
	l.End(m.ID, corrected)
	l.expect("budget") // the index does not know yet, the transcript does
	l.Touch(m.ID)
	eventually(t, "a correction after the end", func() bool { return len(l.segments("enveloppe")) == 1 })
	l.Touch(m.ID) // for nothing
	l.Touch(meeting.NewID())
}

func TestCorrectionsAreFound(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("le budjet", "rien")
	stop := l.follow()
	defer stop()
	eventually(t, "the end", func() bool { return len(l.segments("budjet")) == 1 })
	read, err := l.deps.Transcripts.Read(t.Context(), m.ID)
	must(t, err)
	right, name := "le budget", "Zoé"
	_, err = l.deps.Transcripts.Edit(t.Context(), m.ID, read.Version(), storage.Edit{
		Texts: map[meeting.SegmentID]*string{"s0": &right}, Names: map[meeting.SpeakerID]*string{"p1": &name},
	})
	must(t, err)
	l.Touch(m.ID)
	eventually(t, "the correction", func() bool { return len(l.segments("budget")) == 1 })
	l.expect("budjet") // what was recognised is not found any more
	if h := l.find("budget").Meetings[0].Hits[0]; h.Name != "Zoé" || h.Text != right {
		t.Errorf("found %+v", h)
	}
}

// TestATouchWhileATranscriptIsReadCounts plays the race between the two.
func TestATouchWhileATranscriptIsReadCounts(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("budget")
	l.catchUp()
	before, _ := l.lookUp(m.ID)
	read, err := l.deps.Transcripts.Read(t.Context(), m.ID)
	must(t, err)
	mark, err := l.deps.Transcripts.Mark(t.Context(), m.ID)
	must(t, err)
	l.End(m.ID, french("projet")...)
	l.Touch(m.ID)
	must(t, l.take(t.Context(), read, mark, before))
	must(t, l.round(t.Context(), false))
	l.expect("projet", string(m.ID)+"/s0")
	if e, _ := l.lookUp(m.ID); e.read != e.touches {
		t.Error("it would be read again and again")
	}
}

func TestALongTranscriptIsWrittenInParts(t *testing.T) {
	l := newLibrary(t)
	m := l.Meet(storage.Meeting{})
	var segments []meeting.Segment
	for i := range 2*maxChange + 10 {
		segments = append(segments, archivetest.Segment(meeting.SegmentID(fmt.Sprintf("s%d", i)), int64(i), "fr", fmt.Sprintf("budget %d", i)))
	}
	l.End(m.ID, segments...)
	l.catchUp()
	if r := l.find("budget"); r.Segments != len(segments) {
		t.Errorf("%d of %d segments are found", r.Segments, len(segments))
	}
	if n := l.writes(); n != 3 {
		t.Errorf("written in %d parts", n)
	}
	l.reopen()
	before := l.writes()
	l.catchUp()
	if l.writes() != before {
		t.Error("the last part did not say that all is there")
	}
}

func TestAnswersHaveTheTextOfNow(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("le budget", "le budget aussi")
	l.catchUp()
	l.expect("budget", string(m.ID)+"/s0", string(m.ID)+"/s1")
	l.End(m.ID, french("le projet", "le budget bis")...)
	f := l.find("budget").Meetings
	if len(f) != 1 || f[0].Matches != 1 || f[0].Hits[0].Text != "le budget bis" {
		t.Errorf("found %+v", f)
	}
}

func TestTextsAreKeptForAWhile(t *testing.T) {
	var c textCache
	now := time.Unix(1_000_000, 0)
	one := &texts{}
	c.put("a", "1", one, now)
	if c.get("a", "1", now.Add(textsLife)) != one || c.get("a", "2", now) != nil || c.get("b", "1", now) != nil {
		t.Error("the wrong texts are kept")
	}
	c.put("a", "1", one, now)
	if c.sweep(now.Add(textsLife + 1)); len(c.kept) > 0 {
		t.Error("texts outlive their time")
	}
	for i := range maxTexts + 10 {
		c.put(meeting.ID(strconv.Itoa(i)), "1", one, now.Add(time.Duration(i)))
		c.get("0", "1", now.Add(time.Duration(i))) // stays in use
	}
	if len(c.kept) != maxTexts || c.get("0", "1", now) != one || c.get("5", "1", now) != nil {
		t.Errorf("%d texts are kept", len(c.kept))
	}
}

func TestDeletionIsAtOnce(t *testing.T) {
	l := newLibrary(t)
	gone, stays := l.meet("budget alpha", "budget beta"), l.meet("budget gamma")
	l.catchUp()
	must(t, l.Meetings.Delete(t.Context(), gone.ID))
	l.expect("budget", string(stays.ID)+"/s0") // before anybody told the index
	must(t, l.Remove(t.Context(), gone.ID))
	if r := l.find("budget"); r.Total != 1 || r.Segments != 1 {
		t.Errorf("counts of a deleted meeting: %+v", r)
	}
	must(t, l.Remove(t.Context(), gone.ID)) // again
	l.catchUp()
	l.reopen()
	l.catchUp()
	l.expect("alpha")
	l.expect("budget", string(stays.ID)+"/s0")
}

func TestRemovedSegmentsAreGoneAtOnce(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("budget alpha", "budget beta", "budget gamma")
	id := string(m.ID)
	l.catchUp()
	l.End(m.ID, french("budget alpha", "", "budget gamma")...)
	must(t, l.RemoveSegments(t.Context(), m.ID, []meeting.SegmentID{"s1", "unknown"}))
	if r := l.find("budget"); r.Segments != 2 {
		t.Errorf("the index still has %d segments", r.Segments)
	}
	l.catchUp()
	l.expect("budget", id+"/s0", id+"/s2")
	must(t, l.RemoveSegments(t.Context(), meeting.NewID(), []meeting.SegmentID{"s1"}))
}

// TestATranscriptReadBeforeItsDeletionComesTooLate plays the race between the two.
func TestATranscriptReadBeforeItsDeletionComesTooLate(t *testing.T) {
	l := newLibrary(t)
	deleted, forgotten := l.meet("budget"), l.meet("budget alpha", "budget beta")
	l.catchUp()
	stale := map[meeting.ID]*storage.Transcript{}
	for _, id := range []meeting.ID{deleted.ID, forgotten.ID} {
		var err error
		stale[id], err = l.deps.Transcripts.Read(t.Context(), id)
		must(t, err)
	}
	before, _ := l.lookUp(forgotten.ID)
	must(t, l.Remove(t.Context(), deleted.ID))
	must(t, l.RemoveSegments(t.Context(), forgotten.ID, []meeting.SegmentID{"s1"}))
	must(t, l.take(t.Context(), stale[deleted.ID], "old", entry{}))
	must(t, l.take(t.Context(), stale[forgotten.ID], "old", before))
	if r := l.find("budget"); r.Segments != 1 || r.Total != 1 {
		t.Errorf("what was removed is back: %+v", r)
	}
}

func TestTheIndexCatchesUpWithWhatHappenedWhileItWasAway(t *testing.T) {
	l := newLibrary(t)
	changed, deleted, same := l.meet("budget alpha"), l.meet("budget beta"), l.meet("budget gamma")
	l.catchUp()
	must(t, l.Index.Close())
	l.End(changed.ID, french("budget delta", "budget epsilon")...)
	must(t, l.Meetings.Delete(t.Context(), deleted.ID))
	shredded := l.meet("budget zeta")
	must(t, l.Keys.DeleteArchive(t.Context(), shredded.ID)) // deleted half
	fresh := l.meet("budget eta")
	l.Index = nil
	l.reopen()
	l.catchUp()
	l.expect("budget", string(changed.ID)+"/s0", string(changed.ID)+"/s1", string(same.ID)+"/s0", string(fresh.ID)+"/s0")
	if p, done := l.Progress(); !done || p != (Progress{4, 4}) {
		t.Errorf("progress is %+v, %v", p, done)
	}
}

// TestNothingIsDoneForWhatDidNotChange keeps a restart from reading everything again.
func TestNothingIsDoneForWhatDidNotChange(t *testing.T) {
	l := newLibrary(t)
	for range 3 {
		l.meet("budget")
	}
	l.catchUp()
	l.reopen()
	before := l.writes()
	l.catchUp()
	if now := l.writes(); now != before {
		t.Errorf("%d changes were written for nothing", now-before)
	}
}

func TestRebuildingGivesTheSame(t *testing.T) {
	l := newLibrary(t)
	stop := l.follow()
	var all []meeting.ID
	for i := range 5 {
		m := l.Meet(storage.Meeting{})
		all = append(all, m.ID)
		l.Batch(m.ID, french("budget un", "une réunion")...)
		eventually(t, "a batch", func() bool { return l.find("budget").Total == i+1 })
		l.Batch(m.ID, archivetest.Segment("s2", 2000, "en", "the meeting budget"))
		l.End(m.ID, append(french("budget un", "une réunion annulée"), archivetest.Segment("s2", 2000, "en", "the meeting budget"))...)
	}
	eventually(t, "the ends", func() bool { return l.find("annulée").Total == 5 })
	must(t, l.Meetings.Delete(t.Context(), all[2]))
	must(t, l.Remove(t.Context(), all[2]))
	stop()
	queries := []string{"budget", "réunion", "meeting", `"meeting budget"`, "annulee", "un"}
	var before [][]string
	for _, q := range queries {
		before = append(before, l.segments(q))
	}
	must(t, l.Index.Close())
	must(t, os.RemoveAll(l.Index.path()))
	l.Index = nil
	l.reopen()
	l.expect("budget")
	l.catchUp()
	for i, q := range queries {
		l.expect(q, before[i]...)
		if len(before[i]) == 0 {
			t.Errorf("%q found nothing in either", q)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	l := newLibrary(t)
	if _, err := Open(l.t.Context(), l.dir, testConfig(), l.deps); !errors.Is(err, dirlock.ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
}

func TestADamagedIndexIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"a flipped byte in a segment file": func(t *testing.T, path string) { flip(t, one(t, path, "*.zap"), 40) },
		"a segment file is missing":        func(t *testing.T, path string) { must(t, os.Remove(one(t, path, "*.zap"))) },
		"a segment file is cut":            func(t *testing.T, path string) { must(t, os.Truncate(one(t, path, "*.zap"), 10)) },
		"the database is cut":              func(t *testing.T, path string) { must(t, os.Truncate(filepath.Join(path, "root.bolt"), 5000)) },
		"the database is no database": func(t *testing.T, path string) {
			must(t, os.WriteFile(filepath.Join(path, "root.bolt"), make([]byte, 1<<16), 0o600))
		},
		"pages of the database are wiped": func(t *testing.T, path string) {
			file, err := os.OpenFile(filepath.Join(path, "root.bolt"), os.O_WRONLY, 0)
			must(t, err)
			defer file.Close()
			for at := int64(2 * 4096); at < 16*4096; at += 4096 {
				_, err := file.WriteAt(make([]byte, 64), at)
				must(t, err)
			}
		},
		"an older version": func(t *testing.T, path string) { must(t, os.Rename(path, filepath.Join(filepath.Dir(path), "v0"))) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLibrary(t)
			m := l.meet("budget alpha", "budget beta")
			l.catchUp()
			must(t, l.Index.Close())
			path := l.Index.path()
			l.Index = nil
			damage(t, path)
			l.reopen()
			l.catchUp()
			l.expect("budget", string(m.ID)+"/s0", string(m.ID)+"/s1")
			if left, _ := filepath.Glob(filepath.Join(l.dir, "v*")); len(left) != 1 {
				t.Errorf("%v are left", left)
			}
		})
	}
}

// TestAFaultWhileRunningMakesTheIndexAnew leaves a fault as a search does that meets one.
func TestAFaultWhileRunningMakesTheIndexAnew(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("budget")
	l.catchUp()
	l.noteFault(engineError{errors.New("damaged")})
	l.catchUp()
	l.expect("budget", string(m.ID)+"/s0")
}

// one is the file of a pattern.
func one(t *testing.T, path, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(path, pattern))
	must(t, err)
	if len(files) == 0 {
		t.Fatalf("no %s in %s", pattern, path)
	}
	return files[0]
}

func flip(t *testing.T, file string, at int) {
	t.Helper()
	body, err := os.ReadFile(file)
	must(t, err)
	body[at] ^= 0xff
	must(t, os.WriteFile(file, body, 0o600))
}

// writes is how many changes the engine has made since it was opened.
func (l *library) writes() uint64 {
	l.t.Helper()
	n, ok := l.engine.scorch.StatsMap()["batches"].(uint64)
	if !ok {
		l.t.Fatal("the engine does not count its changes")
	}
	return n
}
