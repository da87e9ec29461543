package diarize_test

import (
	"bytes"
	"slices"
	"testing"

	"souffleur/diarize"
	"souffleur/diarize/voices"
	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// longAgo is a script in which two people speak, then the first alone for minutes, and at last both again.
func longAgo() []diarize.Turn {
	script := []diarize.Turn{{T0: 1, T1: 3500, Voice: 2}, {T0: 4001, T1: 7500, Voice: 1}}
	for at := int64(8001); at < 120_000; at += 4000 {
		script = append(script, diarize.Turn{T0: at, T1: at + 3500, Voice: 1})
	}
	return append(script, diarize.Turn{T0: 120_001, T1: 123_500, Voice: 3}, diarize.Turn{T0: 124_001, T1: 127_500, Voice: 2})
}

// crashed is a stage whose worker has heard a minute and a quarter, and whose sound has expired since.
func crashed(t *testing.T) (*stage, []meeting.VoiceTurn) {
	s := newStage(t)
	s.tracker = func() *scripted { return &scripted{script: longAgo()} }
	s.join("p0", meeting.Track{Track: "t0"}, true)
	stop := s.run()
	s.speak("t0", 0, 75_000)
	s.until("two records", func() bool { return len(s.stands()) >= 2 })
	s.until("all turns", func() bool { turns := s.book().Turns(); return len(turns) > 0 && turns[len(turns)-1].T1 >= 72_000 })
	stop()
	before := s.book().Turns()
	s.expire()
	return s, before
}

func TestAVoiceOfLongAgoKeepsItsNumberAcrossACrash(t *testing.T) {
	s, before := crashed(t)
	s.tracker = func() *scripted { return &scripted{script: longAgo(), first: 1} } // by itself it would give them other numbers
	defer s.run()()
	s.speak("t0", 118_000, 129_000)
	s.until("the voice of long ago", func() bool { turns := s.book().Turns(); return turns[len(turns)-1].T1 >= 126_000 })
	after := s.book().Turns()
	n := len(after)
	if after[n-1].Voice != before[0].Voice || after[n-2].Voice == before[0].Voice || after[n-2].Voice == before[1].Voice {
		t.Errorf("before %v, after %v", before[:2], after[n-2:])
	}
	given := s.trackers[len(s.trackers)-1].given
	if len(given) != 1 || len(given[0].Windows) < 12 || given[0].Windows[0].End != 3500 || given[0].Until < 50_000 {
		t.Fatalf("given %+v", given)
	}
	if vec := given[0].Windows[0].Vec; len(vec) != scriptedDim || vec[2] < 0.999 {
		t.Errorf("the first window is %v", vec)
	}

	s.event(meeting.Event{Type: meeting.EventEnded, At: 129_000})
	s.until("the end", func() bool { return s.book().Done() })
	s.until("nothing is left", func() bool { return len(s.stands()) == 0 })
}

func TestAMeetingThatEndsAfterACrashIsJudgedByWhatWasSaved(t *testing.T) {
	s, _ := crashed(t)
	s.event(meeting.Event{Type: meeting.EventEnded, At: 1_000_000})
	judged := &scripted{script: longAgo(), final: []diarize.Turn{{T0: 1, T1: 3500, Voice: 2}}}
	s.tracker = func() *scripted { return judged }
	defer s.run()()
	s.until("the end pass", func() bool { return s.book().Done() })
	if turns := s.book().Turns(); judged.ended != 1 || len(judged.given) != 1 || len(turns) != 1 || turns[0].T1 != 3500 {
		t.Errorf("%d end passes, %d states, turns %v", judged.ended, len(judged.given), turns)
	}
	s.until("nothing is left", func() bool { return len(s.stands()) == 0 })
}

func TestWhatWasSavedIsNotHeardAgain(t *testing.T) {
	s := newStage(t)
	s.join("p0", meeting.Track{Track: "t0"}, true)
	stop := s.run()
	s.speak("t0", 0, 100_000)
	p := s.bus.AudioPartition(s.id, 0)
	committed := func() int64 {
		c, err := s.bus.CommittedOffsets(t.Context(), diarize.Group, bus.Audio)
		if err != nil || len(c) <= p {
			return -1
		}
		return c[p]
	}
	s.until("a minute is committed", func() bool { return committed() >= 300 }) // five records a second
	stop()
	before := s.book()
	defer s.run()()
	s.speak("t0", 100_000, 110_000)
	s.until("it goes on", func() bool { return len(s.book().Turns()) > len(before.Turns())+1 })
	if got := s.trackers[1]; got.from < 55_000 {
		t.Errorf("the second tracker heard from %d on", got.from)
	}
	if got := said(s.book()); !slices.Equal(got[:25], alternating(100_000)) {
		t.Errorf("turns %q", got)
	}
}

func TestVectorsAreSealedAndNothingIsSavedOfSomebodyAlone(t *testing.T) {
	s := newStage(t)
	s.tracker = func() *scripted { return &scripted{script: twoPeople(), single: true} }
	s.join("p0", meeting.Track{Track: "t0"}, false)
	s.join("p1", meeting.Track{Track: "t1"}, true)
	defer s.run()()
	s.speak("t0", 0, 50_000)
	s.speak("t1", 50_000, 100_000)
	s.until("the room is saved", func() bool { return len(s.stands()) > 0 })
	for key, m := range s.stands() {
		v, err := bus.OpenVectors(s.keys.key, m)
		if err != nil || v.Participant != "p1" {
			t.Errorf("%s: %+v, %v", key, v, err)
		}
		if bytes.Contains(m.Value, []byte("scripted")) {
			t.Errorf("%s is in clear", key)
		}
	}
	s.event(meeting.Event{Type: meeting.EventOptOut, Participant: "p1", OptOut: true, At: 100_000})
	s.until("an opt-out retracts it", func() bool { return len(s.stands()) == 0 })
}

func TestVectorsThatDoNotFitAreIgnored(t *testing.T) {
	for name, c := range map[string]struct {
		tracker *scripted
		given   int
	}{
		"another model":          {&scripted{script: longAgo(), model: "other"}, 0},
		"a tracker that refuses": {&scripted{script: longAgo(), refuse: voices.ErrState}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := crashed(t)
			s.tracker = func() *scripted { return c.tracker }
			defer s.run()()
			s.speak("t0", 118_000, 129_000)
			s.until("it goes on", func() bool { turns := s.book().Turns(); return turns[len(turns)-1].T1 >= 126_000 })
			if got := len(s.trackers[len(s.trackers)-1].given); got != c.given {
				t.Errorf("a state was given %d times", got)
			}
			s.event(meeting.Event{Type: meeting.EventEnded, At: 129_000})
			s.until("nothing is left, of the other model neither", func() bool { return s.book().Done() && len(s.stands()) == 0 })
		})
	}
}

func TestDamagedVectorsArePassedOver(t *testing.T) {
	s, _ := crashed(t)
	for key, m := range s.stands() { // the first one is damaged, and one stands twice as another's
		if v, err := bus.OpenVectors(s.keys.key, m); err == nil && v.From == 0 {
			m.Value = slices.Clone(m.Value)
			m.Value[len(m.Value)-1]++
			s.publish(m)
			m.Key = key + "1"
			s.publish(m)
		}
	}
	defer s.run()()
	s.speak("t0", 118_000, 129_000)
	s.until("it goes on", func() bool { turns := s.book().Turns(); return turns[len(turns)-1].T1 >= 126_000 })
	given := s.trackers[len(s.trackers)-1].given
	if len(given) != 1 || given[0].Windows[0].Start < 20_000 {
		t.Errorf("given %+v", given)
	}
}
