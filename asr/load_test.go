package asr

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/meeting"
)

func TestPressureRisesAtOnceAndFallsSlowly(t *testing.T) {
	l := load{hands: 2}
	now := time.Now()
	for _, c := range []struct {
		after   time.Duration
		thinned bool
		oldest  time.Duration
		want    pressure
	}{
		{0, false, 0, relaxed},
		{time.Second, true, 0, thinned},
		{time.Second, true, hurryAfter, hurried},
		{time.Second, false, fastAfter, overloaded},
		{calmAfter - time.Second, false, 0, overloaded},
		{time.Second, false, 0, hurried},
		{time.Second, false, 0, hurried},
		{calmAfter - time.Second, true, 0, thinned},
		{calmAfter / 2, true, 0, thinned}, // still needed: the calm begins afresh
		{calmAfter / 2, false, 0, thinned},
		{calmAfter / 2, false, 0, relaxed},
	} {
		now = now.Add(c.after)
		if l.weigh(now, c.thinned, c.oldest); l.now != c.want {
			t.Errorf("%v later: %v, want %v", c.after, l.now, c.want)
		}
	}
}

func TestFinalsThatTakeMostRecognisersHurry(t *testing.T) {
	l := load{hands: 2}
	now := time.Now()
	for range 60 {
		now = now.Add(time.Second)
		l.took(now, time.Second)
	}
	if share := l.finalShare(now); share < 0.4 || share > 0.7 {
		t.Errorf("one of two recognisers is busy with finals: share %.2f", share)
	}
	if l.weigh(now, false, 0); l.now != relaxed {
		t.Errorf("half busy: %v", l.now)
	}
	for range 60 {
		now = now.Add(time.Second)
		l.took(now, 2*time.Second)
	}
	if l.weigh(now, false, 0); l.now != hurried {
		t.Errorf("busy all the time: %v", l.now)
	}
	if share := l.finalShare(now.Add(time.Minute)); share > 0.01 {
		t.Errorf("after a minute of silence: share %.2f", share)
	}
}

// overloadedStage has so many people talk at once that one recogniser cannot follow.
func overloadedStage(t *testing.T, talking int, partial, final time.Duration) (*stage, *Worker) {
	s := newStage(t)
	s.echo.fail = func(_ int, req Request) (Result, error, bool) {
		if req.Partial {
			time.Sleep(partial)
		} else {
			time.Sleep(final)
		}
		return Result{}, nil, false
	}
	for i := range talking {
		s.announce(meeting.TrackID(fmt.Sprint("t", i)), meeting.ParticipantID(fmt.Sprint("p", i)), 0)
	}
	return s, s.worker(1)
}

func TestLateFinalsAreTheirPartialsUntilThereIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const talking, rounds = 4, 5
		s, w := overloadedStage(t, talking, 100*time.Millisecond, 4*time.Second)
		stop := s.run(w)
		defer stop()
		done := make(chan bool)
		for i := range talking {
			go func() {
				var script []act
				for range rounds {
					script = append(script, act{"speech", 132}, act{"hush", 80})
				}
				s.speak(meeting.TrackID(fmt.Sprint("t", i)), 0, script...)
				done <- true
			}()
		}
		for range talking {
			<-done
		}
		until(t, "everything recognised", s.bus.allCommitted)
		first, last := map[meeting.SegmentID]meeting.Segment{}, map[meeting.SegmentID]meeting.Segment{}
		collect := func() {
			for _, f := range s.segments() {
				if _, seen := first[f.Seg]; !seen {
					first[f.Seg] = f
				}
				if f.Rev > last[f.Seg].Rev {
					last[f.Seg] = f
				}
			}
		}
		collect()
		if len(first) != talking*rounds {
			t.Errorf("%d finals of %d utterances", len(first), talking*rounds)
		}
		fast := 0
		for _, f := range first {
			if f.Quality == meeting.QualityFast {
				fast++
			}
			if f.Text == "" || f.Rev != meeting.FinalRev {
				t.Errorf("first final %+v", f)
			}
		}
		if n := w.Counts(); fast == 0 || n.Fast != fast || n.Failures != 0 {
			t.Errorf("%d finals were the text of partials, counted %+v", fast, n)
		}
		_, states := s.drafts()
		late := false
		for _, st := range states {
			late = late || st.State == meeting.StateCatchingUp && st.LagMS >= 2000 && st.Load == int(overloaded)
		}
		if !late {
			t.Errorf("nobody was told: %+v", states)
		}
		time.Sleep(time.Minute)
		collect()
		for seg, f := range last {
			if f.Quality != meeting.QualityFull || first[seg].Quality == meeting.QualityFast && f.Rev != meeting.FinalRev+1 {
				t.Errorf("after a quiet minute %q is of quality %s, revision %d", f.Text, f.Quality, f.Rev)
			}
		}
		if n := w.Counts(); n.Rescored != fast || n.Finals != talking*rounds {
			t.Errorf("%d of %d decoded later: %+v", n.Rescored, fast, n)
		}
		if _, states = s.drafts(); states[len(states)-1].State != meeting.StateLive || states[len(states)-1].Load != int(relaxed) {
			t.Errorf("in the end %+v", states[len(states)-1])
		}
	})
}

func TestHurriedFinalsAreDecodedTheQuickWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := overloadedStage(t, 3, 400*time.Millisecond, 1500*time.Millisecond)
		defer s.run(w)()
		for i := range 3 {
			go s.speak(meeting.TrackID(fmt.Sprint("t", i)), 0, act{"speech", 100}, act{"hush", 60}, act{"speech", 100}, act{"hush", 60},
				act{"speech", 100}, act{"hush", 60}, act{"speech", 100}, act{"hush", 60})
		}
		hurriedOnce := false
		until(t, "all finals", func() bool {
			hurriedOnce = hurriedOnce || w.jobs.pressure() >= hurried
			return len(s.segments()) >= 12
		})
		if !hurriedOnce {
			t.Error("three talk, one recogniser, 1.5 s a final: not hurried")
		}
		if n := w.Counts(); n.Finals != 12 {
			t.Errorf("counts %+v", n)
		}
		time.Sleep(time.Minute)
	})
}

func TestPutOffFinalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		w := s.worker(1)
		p := &partition{w: w}
		for i := range maxRescores + 1 {
			j := &job{class: classFinal, ctx: t.Context()}
			w.jobs.add(j)
			if !p.putOff(j) {
				t.Fatalf("job %d is not waiting", i)
			}
			if waits := w.jobs.waits(j); waits != (i < maxRescores) {
				t.Errorf("job %d waits: %v", i, waits)
			}
		}
		if p.putOff(&job{class: classFinal, ctx: t.Context()}) {
			t.Error("a job that was begun is put off")
		}
	})
}

func TestNobodyHasMoreThanHalfWhileAnotherMeetingWaits(t *testing.T) {
	s := newScheduler(2)
	add := func(m meeting.ID, c class) *job {
		j := &job{class: c, meeting: m, ctx: t.Context(), deadline: time.Now()}
		s.add(j)
		return j
	}
	pick := func() meeting.ID {
		s.mu.Lock()
		defer s.mu.Unlock()
		if j := s.pickLocked(); j != nil {
			return j.meeting
		}
		return ""
	}
	first := add("crowd", classFinal)
	add("crowd", classFinal)
	add("crowd", classFinal)
	add("few", classRefresh)
	if got := pick(); got != "crowd" {
		t.Errorf("first %q: finals come first", got)
	}
	if got := pick(); got != "few" {
		t.Errorf("then %q: the crowd has its half", got)
	}
	s.done(first, time.Second)
	if got := pick(); got != "crowd" {
		t.Errorf("then %q: nobody else waits", got)
	}
	if got := pick(); got != "crowd" {
		t.Errorf("then %q: nobody else waits, recognisers must not idle", got)
	}
}
