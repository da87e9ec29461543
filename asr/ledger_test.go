package asr

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// fickle lets every worker of the stage hear other words in the same audio, as an engine may that knows other things of before.
func (s *stage) fickle() func(workers int) *Worker {
	var made atomic.Int64
	return func(workers int) *Worker {
		accent := fmt.Sprintf("-%d", made.Add(1))
		w := s.worker(workers)
		w.engines.all[0].New = func() (Recognizer, error) {
			return &echo{cost: s.echo.cost, fail: func(_ int, req Request) (Result, error, bool) {
				r := echoed(req)
				for i := range r.Words {
					r.Words[i].Text += accent
				}
				return r, nil, true
			}}, nil
		}
		return w
	}
}

// place is where an utterance lies, without its text.
func place(s meeting.Segment) string {
	return fmt.Sprintf("%s seq %d..%d", s.Seg, s.FirstSeq, s.EndSeq)
}

func places(segments []meeting.Segment) []string {
	var out []string
	for _, s := range segments {
		out = append(out, place(s))
	}
	slices.Sort(out)
	return out
}

func TestKilledAnywhereNothingIsPublishedTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("some minutes of speech, many times")
	}
	eachSeed(t, 1, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			s := newStage(t)
			worker := s.fickle()
			publishScripts(s, r)
			stop := s.run(worker(2))
			until(t, "everything recognised", s.bus.allCommitted)
			stop()
			want := places(s.segments())

			s.bus.forgetWork()
			kills := 0
			for ; !s.bus.allCommitted() && kills < 500; kills++ {
				s.echo.cost = time.Duration(r.IntN(2)) * 150 * time.Millisecond
				if r.IntN(2) == 0 {
					s.killedWith(worker, true, true, 1+r.IntN(900), 1+r.IntN(3))
				} else {
					s.killedWith(worker, true, false, 1+r.IntN(8), 1+r.IntN(3))
				}
			}
			// Every ID once, so no text is there in two versions, and every end as one worker alone finds it.
			if got := places(s.segments()); !slices.Equal(got, want) {
				t.Errorf("after %d kills %d finals were published instead of %d:\n%q\nwant\n%q", kills, len(got), len(want), got, want)
			}
			t.Logf("%d finals over %d kills", len(want), kills)
		})
	})
}

func TestFinalOfAnotherWorkerIsNotDecodedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60}, act{"speech", 100}, act{"hush", 60})
		stop := s.run(s.worker(1))
		until(t, "both finals", func() bool { return len(s.segments()) == 2 })
		stop()
		want := s.segments()
		s.bus.mu.Lock() // as if the commit had never arrived
		s.bus.committed, s.bus.metadata = [2]int64{-1, -1}, [2]string{}
		s.bus.mu.Unlock()

		w := s.fickle()(1)
		defer s.run(w)()
		until(t, "heard again", func() bool { return w.Counts().Adopted == 2 })
		s.speak("t0", 9000, act{"speech", 100}, act{"hush", 60})
		until(t, "the third final", func() bool { return len(s.segments()) == 3 })
		if n := w.Counts(); n.Finals != 1 {
			t.Errorf("counts %+v", n)
		}
		if got := s.segments(); !slices.Equal(lines(got[:2]), lines(want)) {
			t.Errorf("published %q, want first %q", lines(got), lines(want))
		}
	})
}

// A worker that was held still does not know that it has lost its partition; the broker does.
func TestNothingIsPublishedWithoutCertaintyOfThePartition(t *testing.T) {
	for name, refusal := range map[string]error{"fenced": bus.ErrFenced, "no answer": errBroker} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.echo.cost = 2500 * time.Millisecond // the final is decoded when what the worker knows is too old
				s.announce("t0", "p0", 0)
				defer s.run(s.worker(1))()
				s.speak("t0", 0, act{"hush", 100}, act{"speech", 100}, act{"hush", 40})
				s.bus.refuseCommits(refusal)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if got := s.segments(); len(got) != 0 {
					t.Fatalf("published %q", lines(got))
				}
				s.bus.refuseCommits(nil)
				if errors.Is(refusal, errBroker) {
					until(t, "the final, once the broker answers", func() bool { return len(s.segments()) == 1 })
				}
			})
		})
	}
}

// The end of a track that was taken for dead is none of the media. Whoever hears the utterance again ends it there, too.
func TestPublishedEndHoldsInAReplay(t *testing.T) {
	packets := script(t, act{"speech", 200}, act{"hush", 60})
	whole := segment(packets, 0, nil)
	end := packets[120].Seq
	e := &recalling{ear: &ear{}, final: &meeting.Segment{EndSeq: end}}
	s := newSegmenter("01JD0000000000000000000000", "t1", 5000, &loudness{}, e)
	for i, p := range packets {
		s.add(p.Packet, int64(i))
	}
	s.flush(int64(len(packets)))
	if len(e.found) != 2 || e.found[0].id != whole.found[0].id || e.found[0].endSeq != end || e.found[1].firstSeq < end {
		t.Errorf("found %d utterances, want two that meet at packet %d", len(e.found), end)
	}
	if again := segment(packets, end, nil); said(again.found[0]) != said(e.found[1]) {
		t.Errorf("after the end %s, from there %s", said(e.found[1]), said(again.found[0]))
	}
}

// recalling is an ear that knows the final of the first utterance.
type recalling struct {
	*ear
	final *meeting.Segment
}

func (r *recalling) opened(u *utterance) {
	u.final, r.final = r.final, nil
	r.ear.opened(u)
}

func TestNoTrackIsDeadWhileTheBrokerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		defer s.run(s.worker(1))()
		records := s.records("t0", 0, script(t, act{"speech", 200}, act{"hush", 60}))
		play := func(records []*bus.AudioRecord) {
			for _, rec := range records {
				time.Sleep(100 * time.Millisecond)
				s.record(0, rec)
			}
		}
		play(records[:20])
		s.bus.away(true)
		time.Sleep(12 * time.Second)
		s.bus.away(false)
		time.Sleep(2 * time.Second) // until the recorder tries again
		play(records[20:])
		until(t, "the final", func() bool { return len(s.segments()) > 0 })
		time.Sleep(5 * time.Second)
		if got := s.segments(); len(got) != 1 || got[0].EndSeq < records[39].FirstSeq {
			t.Errorf("the utterance became %q", lines(got))
		}
	})
}

func TestLedgerKnowsTheFirstOfTheHighestRevision(t *testing.T) {
	key, _ := seal.NewKey()
	l := newLedger()
	offset := int64(0)
	note := func(id meeting.SegmentID, rev int, text string, at time.Time) {
		m := bus.Message{Topic: bus.Segments, Partition: 1, Offset: offset, Key: string(id), Time: at}
		offset++
		if text != "" {
			var err error
			if m.Value, err = bus.SealJSON(key, bus.Segments, string(id), meeting.Segment{Caption: meeting.Caption{Seg: id, Rev: rev, Text: text}}); err != nil {
				t.Fatal(err)
			}
		}
		l.note(m)
	}
	now := time.Now()
	note("a", 1000, "first", now)
	note("a", 1000, "second", now)
	note("b", 1000, "fast", now)
	note("b", 1001, "heard", now)
	note("b", 1001, "heard otherwise", now)
	note("c", 1000, "forgotten", now)
	note("c", 0, "", now)
	for id, want := range map[meeting.SegmentID]string{"a": "first", "b": "heard", "c": ""} {
		if got := l.final(key, id); got == nil || got.Text != want {
			t.Errorf("%s is %+v, want %q", id, got, want)
		}
	}
	if other, _ := seal.NewKey(); l.final(other, "a") != nil || l.has("d") || l.final(key, "d") != nil {
		t.Error("a final that does not open, or was never published, is known")
	}
	note("e", 1000, "late", now.Add(ledgerKept+time.Second))
	if l.has("a") || l.has("b") || !l.has("e") || len(l.order) != 1 || len(l.known) != 1 {
		t.Errorf("%d finals are known after %v", len(l.known), ledgerKept)
	}
}

func TestLedgerIsBounded(t *testing.T) {
	l := newLedger()
	value := make([]byte, 1<<20)
	for i := range int64(200) {
		l.note(bus.Message{Partition: 0, Offset: i, Key: fmt.Sprint(i), Value: value})
		l.note(bus.Message{Partition: 0, Offset: i, Key: fmt.Sprint(i), Value: value})
	}
	if l.bytes > maxLedger || len(l.known) != l.bytes/(2<<20) || len(l.order) != len(l.known) || !l.has("199") || l.has("100") {
		t.Errorf("%d finals of %d bytes", len(l.known), l.bytes)
	}
	for i := range int64(100) {
		l.note(bus.Message{Partition: 0, Offset: 200 + i, Key: "199", Value: value})
	}
	if n := len(l.known["199"].records); n != maxVersions {
		t.Errorf("%d versions of one final", n)
	}
}

func TestLedgerIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.await(ctx, []int64{0, 3}) }()
		l.note(bus.Message{Partition: 1, Offset: 1})
		synctest.Wait()
		if len(done) != 0 {
			t.Error("waited for two of three records")
		}
		l.passed([]int64{5, 3})
		if err := <-done; err != nil {
			t.Error(err)
		}
		go func() { done <- l.await(ctx, []int64{6, 3}) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
