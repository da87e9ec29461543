package asr

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// lost is the record that stands where rec was when the recorder had to drop it.
func lost(rec *bus.AudioRecord) *bus.AudioRecord {
	mark := *rec
	mark.Packets, mark.Flags = nil, bus.Discontinuity
	return &mark
}

// gaps describes the gaps among segments by their times, in ms of the room clock.
func gaps(segments []meeting.Segment) []string {
	var out []string
	for _, s := range segments {
		if s.Quality == meeting.QualityGap {
			out = append(out, fmt.Sprintf("%s %d..%d", s.Spk, s.T0, s.T1))
		}
	}
	slices.Sort(out)
	return out
}

// spokenWithAHole is ten seconds of speech on t0 of which the records from 20 to 20+n are missing.
func (s *stage) spokenWithAHole(n int) (before, missing, after []*bus.AudioRecord) {
	records := s.records("t0", 1000, script(s.t, act{"speech", 400}, act{"hush", 100}))
	return records[:20], records[20 : 20+n], records[20+n:]
}

// play writes records at the pace of speech.
func (s *stage) play(partition int, records ...*bus.AudioRecord) {
	for _, rec := range records {
		time.Sleep(100 * time.Millisecond)
		s.record(partition, rec)
	}
}

func TestWhatARecorderLostIsAGap(t *testing.T) {
	for name, c := range map[string]struct {
		missing int                                                               // records of 100 ms
		write   func(s *stage, missing []*bus.AudioRecord, next *bus.AudioRecord) // in their place
		want    []string
	}{
		"three seconds":      {30, func(s *stage, m []*bus.AudioRecord, _ *bus.AudioRecord) { s.play(0, lost(m[0])) }, []string{"p0 3000..6000"}},
		"said twice":         {30, func(s *stage, m []*bus.AudioRecord, _ *bus.AudioRecord) { s.play(0, lost(m[0]), lost(m[0])) }, []string{"p0 3000..6000"}},
		"too little to tell": {9, func(s *stage, m []*bus.AudioRecord, _ *bus.AudioRecord) { s.play(0, lost(m[0])) }, nil},
		"on the network":     {30, func(*stage, []*bus.AudioRecord, *bus.AudioRecord) {}, nil},
		"silence followed": {20, func(s *stage, m []*bus.AudioRecord, next *bus.AudioRecord) {
			s.play(0, lost(m[0]), s.emptyRecord("t0", 1000, next.FirstSeq, next.RTP+5*48000, bus.KeepAlive))
		}, []string{"p0 3000..5000"}},
		"only silence": {30, func(s *stage, m []*bus.AudioRecord, next *bus.AudioRecord) {
			mark := lost(m[0])
			mark.FirstSeq = next.FirstSeq
			s.play(0, mark)
		}, nil},
		"captions were off": {30, func(s *stage, m []*bus.AudioRecord, _ *bus.AudioRecord) { // what was not yet written stays unwritten
			s.policy(meeting.Off, 3900)
			s.policy(meeting.Transcript, 4000)
			s.play(0, lost(m[0]))
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.announce("t0", "p0", 0)
				w := s.worker(1)
				defer s.run(w)()
				before, missing, after := s.spokenWithAHole(c.missing)
				s.play(0, before...)
				c.write(s, missing, after[0])
				s.play(0, after...)
				until(t, "the last final", func() bool {
					got := s.segments()
					return len(got) > 0 && got[len(got)-1].EndSeq > after[0].FirstSeq && got[len(got)-1].Quality == meeting.QualityFull
				})
				if got := gaps(s.segments()); !slices.Equal(got, c.want) {
					t.Errorf("gaps %q, want %q", got, c.want)
				}
				if n := w.Counts().Gaps; n != len(c.want) {
					t.Errorf("%d gaps counted", n)
				}
				for _, g := range s.segments() {
					if g.Quality == meeting.QualityGap && (g.Text != "" || !g.Final || g.Level != meeting.Transcript || g.Track != "t0" || g.Rev != meeting.FinalRev) {
						t.Errorf("gap %+v", g)
					}
				}
			})
		})
	}
}

func TestKilledAnywhereAGapIsPublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		before, missing, after := s.spokenWithAHole(30)
		for _, rec := range slices.Concat(before, []*bus.AudioRecord{lost(missing[0])}, after) {
			s.record(0, rec)
		}
		s.record(0, s.emptyRecord("t0", 1000, 1500, 500*960, bus.Muted))
		stop := s.run(s.worker(1))
		until(t, "everything recognised", s.bus.allCommitted)
		stop()
		want := places(s.segments())
		if len(gaps(s.segments())) != 1 {
			t.Fatalf("found %q", lines(s.segments()))
		}
		step := 4
		if testing.Short() {
			step = 13
		}
		for kill := 1; kill < 60; kill += step {
			for _, reads := range []bool{false, true} {
				s.bus.forgetWork()
				s.killed(true, reads, kill, 1)
				stop := s.run(s.worker(1))
				until(t, "everything recognised", s.bus.allCommitted)
				stop()
				if got := places(s.segments()); !slices.Equal(got, want) {
					t.Fatalf("killed at %d, reads %v:\n%q\nwant\n%q", kill, reads, got, want)
				}
			}
		}
	})
}

// TestWhatExpiredUnreadIsAGap stops the recognisers until the bus has deleted audio.
func TestWhatExpiredUnreadIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for _, id := range []string{"0", "1", "2", "3"} {
			s.announce(meeting.TrackID("t"+id), meeting.ParticipantID("p"+id), 0)
		}
		stop := s.run(s.worker(1))
		talker := s.records("t0", 1000, script(t, act{"speech", 100}, act{"hush", 50}, act{"speech", 500}, act{"hush", 60}))
		s.play(0, s.records("t1", 1000, script(t, act{"hush", 20}))...) // is silent from now on, without packets
		s.play(0, talker[:40]...)
		s.play(0, s.emptyRecord("t1", 1000, 1020, 5*48000, bus.KeepAlive))
		until(t, "the first final", func() bool { return len(s.segments()) == 1 })
		stop()

		s.play(0, talker[40:90]...)
		s.play(0, s.emptyRecord("t1", 1000, 1020, 10*48000, bus.KeepAlive))
		late := s.records("t2", 9000, script(t, act{"speech", 150}, act{"hush", 60})) // began while nobody heard
		s.play(0, late[:20]...)
		s.bus.mu.Lock()
		s.bus.first = int64(len(s.bus.partitions(bus.Audio)[0]))
		s.bus.mu.Unlock()
		w := s.worker(1)
		defer s.run(w)()
		s.play(0, talker[90:]...)
		s.play(0, late[20:]...)
		s.play(0, s.emptyRecord("t1", 1000, 1020, 15*48000, bus.KeepAlive))
		s.play(0, s.records("t3", 20_000, script(t, act{"speech", 100}, act{"hush", 60}))...) // after it all
		until(t, "the last final", func() bool {
			return slices.ContainsFunc(s.segments(), func(g meeting.Segment) bool { return g.Track == "t3" })
		})
		got := gaps(s.segments())
		if len(got) != 2 || w.Counts().Gaps != 2 {
			t.Fatalf("gaps %q, want one of t0 and one of t2", got)
		}
		// The open utterance of the first worker is lost, too: the gap begins behind the one before.
		var from, to int64
		if _, err := fmt.Sscanf(got[0], "p0 %d..%d", &from, &to); err != nil || to != int64(1000+talker[90].RTP/48) || from < 2500 || from > 3500 {
			t.Errorf("gap %q of the one who talked on, want until %d", got[0], 1000+talker[90].RTP/48)
		}
		if want := fmt.Sprintf("p2 9000..%d", 9000+late[20].RTP/48); got[1] != want {
			t.Errorf("gap %q of the one who began unheard, want %q", got[1], want)
		}
	})
}

func TestALossThatNobodyEndsHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		defer s.run(s.worker(1))()
		before, missing, _ := s.spokenWithAHole(30)
		s.play(0, before...)
		s.play(0, lost(missing[0]))
		until(t, "the group is done", s.bus.allCommitted)
		if got := s.segments(); len(got) != 1 || len(gaps(got)) != 0 {
			t.Errorf("published %q", lines(got))
		}
	})
}

func TestGapsAndUtterancesHaveIDsOfTheirOwn(t *testing.T) {
	if meeting.NewGapID("m", "t", 5, 7) == meeting.NewSegmentID("m", "t", 5, 7) {
		t.Error("a gap has the ID of an utterance")
	}
}
