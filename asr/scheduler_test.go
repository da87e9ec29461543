package asr

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/meeting"
)

func TestOrderOfJobs(t *testing.T) {
	s := newScheduler(1)
	now := time.Now()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var done []string
	add := func(name string, c class, m meeting.ID, deadline time.Duration, ctx context.Context) {
		s.add(&job{class: c, meeting: m, deadline: now.Add(deadline), ctx: ctx, run: func(context.Context, *hand) { done = append(done, name) }})
	}
	add("refresh", classRefresh, "a", -time.Hour, t.Context())
	add("late first", classFirst, "a", 2*time.Second, t.Context())
	add("first", classFirst, "b", time.Second, t.Context())
	add("cancelled", classFinal, "b", -time.Hour, gone)
	add("final of a", classFinal, "a", time.Second, t.Context())
	add("second final of a", classFinal, "a", time.Second, t.Context())
	add("final of b", classFinal, "b", time.Second, t.Context())
	add("urgent final", classFinal, "c", 0, t.Context())
	for range 7 {
		j, err := s.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		j.run(j.ctx, nil)
	}
	want := "urgent final, final of a, final of b, second final of a, first, late first, refresh"
	if got := strings.Join(done, ", "); got != want {
		t.Errorf("served %s\nwant %s", got, want)
	}
}

func TestWaitersEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScheduler(1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		for range 3 {
			go func() {
				_, err := s.next(ctx)
				ended <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range 3 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestPartialsThinOutWithTheirCost(t *testing.T) {
	for _, c := range []struct {
		cost     time.Duration
		speakers int
		want     time.Duration
	}{
		{50 * time.Millisecond, 1, minRefresh},
		{600 * time.Millisecond, 1, minRefresh},
		{600 * time.Millisecond, 4, 2 * time.Second},
		{5 * time.Second, 1, maxRefresh},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScheduler(2)
			for range 50 {
				s.learnLocked(classRefresh, c.cost)
			}
			got := time.Duration(0)
			for i := range c.speakers {
				got = s.refreshEvery(meeting.SegmentID(fmt.Sprint(i)))
			}
			if d := got - c.want; d < -10*time.Millisecond || d > 10*time.Millisecond {
				t.Errorf("%d speakers at %v each: every %v, want %v", c.speakers, c.cost, got, c.want)
			}
			time.Sleep(2 * talking)
			if alone := s.refreshEvery("alone"); alone > got {
				t.Errorf("when the others are silent: every %v, was %v", alone, got)
			}
		})
	}
}

func TestOneWorkerServesFinalsBeforePartialsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.echo.cost = 400 * time.Millisecond
		for _, track := range []meeting.TrackID{"t0", "t1", "t2"} {
			s.announce(track, meeting.ParticipantID("p"+track), 0)
		}
		defer s.run(s.worker(1))()
		go s.speak("t1", 0, act{"speech", 500}, act{"hush", 60})
		go s.speak("t2", 0, act{"speech", 500}, act{"hush", 60})
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		until(t, "the final of the first to stop", func() bool { return len(s.segments()) > 0 })
		if got := s.segments()[0]; got.Track != "t0" {
			t.Errorf("first final is of %s", got.Track)
		}
		until(t, "all finals", func() bool { return len(s.segments()) >= 3 })
		partials, _ := s.drafts()
		checkStable(t, partials)
		time.Sleep(3 * time.Second)
	})
}

func TestWorkIsWhatWaitsAndWhatRuns(t *testing.T) {
	s := newScheduler(2)
	gone, cancel := context.WithCancel(t.Context())
	for _, ctx := range []context.Context{t.Context(), t.Context(), t.Context(), gone} {
		s.add(&job{ctx: ctx, meeting: "m"})
	}
	cancel()
	j, err := s.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w := s.work(time.Now()); w.Hands != 2 || w.Busy != 1 || w.Queue != 2 || w.Share != 0 {
		t.Errorf("work %+v", w)
	}
	j.class = classGuess // most finals begin as one
	s.done(j, 12*time.Second)
	if w := s.work(time.Now()); w.Busy != 0 || w.Queue != 2 || w.Share < 15 || w.Share > 25 { // 12 s of 2 hands within 30 s
		t.Errorf("work %+v", w)
	}
}
