package asr

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/meeting"
)

func TestOrderOfJobs(t *testing.T) {
	s := newScheduler()
	now := time.Now()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var done []string
	add := func(name string, c class, m meeting.ID, deadline time.Duration, ctx context.Context) {
		s.add(&job{class: c, meeting: m, deadline: now.Add(deadline), ctx: ctx, run: func(context.Context, Recognizer) { done = append(done, name) }})
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
		s := newScheduler()
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
	for cost, want := range map[time.Duration]time.Duration{
		50 * time.Millisecond:  minRefresh,
		500 * time.Millisecond: 1500 * time.Millisecond,
		5 * time.Second:        maxRefresh,
	} {
		s := newScheduler()
		for range 50 {
			s.done(classRefresh, cost)
		}
		if got := s.refreshEvery(); got < want-10*time.Millisecond || got > want+10*time.Millisecond {
			t.Errorf("at %v each: every %v, want %v", cost, got, want)
		}
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
