package diarize_test

import (
	"slices"
	"testing"
	"time"

	"souffleur/diarize"
	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

func TestVoicesOfARoomAreToldApartAndJudgedAgainAtTheEnd(t *testing.T) {
	s := newStage(t)
	s.join("p0", meeting.Track{Track: "t0"}, true)
	defer s.run()()
	s.speak("t0", 0, 12_000)
	s.until("three turns", func() bool { return len(s.book().Turns()) == 3 })
	b := s.book()
	if got := said(b); got[0] != "a 1..3500" || got[1] != "b 4001..7500" || b.Done() {
		t.Errorf("turns %q, done %v", got, b.Done())
	}

	s.trackers[0].mu.Lock()
	s.trackers[0].final = []diarize.Turn{{T0: 1, T1: 3500, Voice: 2}, {T0: 4001, T1: 7500, Voice: 1}, {T0: 8001, T1: 11_500, Voice: 2}}
	s.trackers[0].mu.Unlock()
	s.speak("t0", 12_000, 13_000)
	s.event(meeting.Event{Type: meeting.EventEnded, At: 13_000})
	s.until("the end pass", func() bool { return s.book().Done() })
	end := s.book().Turns()
	if len(end) != 3 || end[0].Voice == end[1].Voice || end[0].Voice != end[2].Voice || end[0].Voice != b.Turns()[1].Voice {
		t.Errorf("at the end %v, before %v", end, b.Turns())
	}
	s.until("everything is committed", func() bool {
		committed, err := s.bus.CommittedOffsets(t.Context(), diarize.Group, bus.Audio)
		if err != nil {
			t.Fatal(err)
		}
		ends, err := s.bus.EndOffsets(t.Context(), bus.Audio)
		if err != nil {
			t.Fatal(err)
		}
		p := s.bus.AudioPartition(s.id, 0)
		return committed[p] == ends[p]
	})
}

func TestSomebodyAloneIsNotTouched(t *testing.T) {
	s := newStage(t)
	s.tracker = func() *scripted { return &scripted{script: twoPeople(), single: true} }
	s.join("p0", meeting.Track{Track: "t0"}, false)
	s.join("p1", meeting.Track{Track: "t1", Screen: true}, true)
	defer s.run()()
	s.speak("t0", 0, 90_000)
	s.until("the probe heard a minute", func() bool { return s.heard() >= 60_000 })
	s.speak("t1", 90_000, 100_000)
	s.event(meeting.Event{Type: meeting.EventEnded, At: 100_000})
	p := s.bus.AudioPartition(s.id, 0)
	s.until("everything is committed", func() bool {
		committed, _ := s.bus.CommittedOffsets(t.Context(), diarize.Group, bus.Audio)
		ends, _ := s.bus.EndOffsets(t.Context(), bus.Audio)
		return len(committed) > p && len(ends) > p && committed[p] == ends[p]
	})
	if got := s.voices(); len(got) != 0 {
		t.Errorf("records %+v", got)
	}
	if s.trackers[0].ended != 0 || len(s.trackers) != 1 {
		t.Errorf("%d trackers, the first ended %d times", len(s.trackers), s.trackers[0].ended)
	}
}

func TestAProbeThatHearsTwoPeopleBecomesARoom(t *testing.T) {
	s := newStage(t)
	s.join("p0", meeting.Track{Track: "t0"}, false)
	defer s.run()()
	s.speak("t0", 0, 9000)
	s.until("nine seconds are heard", func() bool { return s.heard() >= 9000 })
	if got := s.voices(); len(got) != 0 {
		t.Errorf("after nine seconds: %+v", got)
	}
	s.speak("t0", 9000, 20_000)
	s.until("all turns", func() bool { return len(s.book().Turns()) == 5 })
	if got := said(s.book()); !slices.Equal(got[:4], alternating(16_000)) {
		t.Errorf("turns %q", got)
	}
}

func TestAWorkerThatIsKilledGoesOnUnderTheSameNumbers(t *testing.T) {
	s := newStage(t)
	s.join("p0", meeting.Track{Track: "t0"}, true)
	stop := s.run()
	s.speak("t0", 0, 20_000)
	s.until("five turns", func() bool { return len(s.book().Turns()) == 5 })
	before := s.book()
	stop()

	s.tracker = func() *scripted { return &scripted{script: twoPeople(), first: 1} } // it gives the voices other numbers
	defer s.run()()
	s.speak("t0", 20_000, 30_000)
	s.until("eight turns", func() bool { return len(s.book().Turns()) == 8 })
	s.event(meeting.Event{Type: meeting.EventEnded, At: 30_000})
	s.until("the end", func() bool { return s.book().Done() })
	after := s.book()
	if got := said(after); !slices.Equal(got, alternating(30_001)) {
		t.Errorf("turns %q", got)
	}
	for i, turn := range before.Turns() {
		if got := after.Turns()[i].Voice; got != turn.Voice {
			t.Errorf("turn %d had voice %d before the crash, %d after", i, turn.Voice, got)
		}
	}
	seen := map[int]bool{}
	for _, v := range s.voices() {
		if seen[v.Rev] {
			t.Errorf("revision %d came twice", v.Rev)
		}
		seen[v.Rev] = true
	}
}

func TestMergesAreAnnounced(t *testing.T) {
	s := newStage(t)
	s.join("p0", meeting.Track{Track: "t0"}, true)
	defer s.run()()
	s.speak("t0", 0, 8000)
	s.until("two voices", func() bool { return len(s.book().Voices()) == 2 })
	s.trackers[0].mu.Lock()
	s.trackers[0].merged = []diarize.Merge{{From: 2, Into: 1}}
	s.trackers[0].mu.Unlock()
	s.speak("t0", 8000, 9000)
	s.until("one voice", func() bool { return len(s.book().Voices()) == 1 })
}

func TestATrackerThatBreaksEndsInAWarning(t *testing.T) {
	s := newStage(t)
	s.tracker = func() *scripted { return &scripted{script: twoPeople(), panics: 5000} }
	s.join("p0", meeting.Track{Track: "t0"}, true)
	defer s.run()()
	s.speak("t0", 0, 12_000)
	s.until("the warning", func() bool {
		v := s.voices()
		return len(v) > 0 && v[len(v)-1].Type == meeting.VoicesDone && v[len(v)-1].Warning == meeting.VoicesFailed
	})
	n := len(s.voices())
	s.speak("t0", 12_000, 14_000)
	s.join("p1", meeting.Track{Track: "t1"}, true) // the worker goes on for others
	s.tracker = func() *scripted { return &scripted{script: twoPeople()} }
	s.speak("t1", 14_000, 20_000)
	s.until("the turns of somebody else", func() bool { return len(s.voices()) > n })
	for _, v := range s.voices()[n:] {
		if v.Participant != "p1" {
			t.Errorf("after the warning: %+v", v)
		}
	}
}

func TestASwitchEndsItAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s *stage)
		done bool
	}{
		"by an admin": {func(s *stage) { s.policy(meeting.Policy{Level: meeting.Transcript, OneVoice: true}) }, true},
		"by an opt-out": {func(s *stage) {
			s.event(meeting.Event{Type: meeting.EventOptOut, Participant: "p0", OptOut: true, At: 8000})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.join("p0", meeting.Track{Track: "t0"}, true)
			defer s.run()()
			s.speak("t0", 0, 8000)
			s.until("two turns", func() bool { return len(s.book().Turns()) == 2 })
			c.do(s)
			if c.done {
				s.until("it is done", func() bool { return s.book().Done() })
			} else {
				time.Sleep(1500 * time.Millisecond) // nothing tells that something was dropped
			}
			s.speak("t0", 8000, 12_000)
			s.event(meeting.Event{Type: meeting.EventEnded, At: 12_000})
			p := s.bus.AudioPartition(s.id, 0)
			s.until("everything is committed", func() bool {
				committed, _ := s.bus.CommittedOffsets(t.Context(), diarize.Group, bus.Audio)
				ends, _ := s.bus.EndOffsets(t.Context(), bus.Audio)
				return len(committed) > p && len(ends) > p && committed[p] == ends[p]
			})
			if got := s.book(); len(got.Turns()) != 2 || s.trackers[0].ended != 0 || got.Done() != c.done {
				t.Errorf("%d turns, %d end passes, done %v", len(got.Turns()), s.trackers[0].ended, got.Done())
			}
		})
	}
}

// Whoever opts in again is heard again, under revisions that readers do not pass over.
func TestSomebodyOptsInAgain(t *testing.T) {
	s := newStage(t)
	s.join("p0", meeting.Track{Track: "t0"}, true)
	defer s.run()()
	s.speak("t0", 0, 8000)
	s.until("two turns", func() bool { return len(s.book().Turns()) == 2 })
	s.event(meeting.Event{Type: meeting.EventOptOut, Participant: "p0", OptOut: true, At: 8000})
	time.Sleep(1500 * time.Millisecond) // nothing tells that something was dropped
	s.event(meeting.Event{Type: meeting.EventOptOut, Participant: "p0", At: 9000})
	s.tracker = func() *scripted { return &scripted{script: twoPeople()} }
	s.speak("t0", 12_000, 20_000)
	s.until("two more turns", func() bool { return len(s.book().Turns()) == 4 })
}
