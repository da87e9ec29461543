package asr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

func quietLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// until waits, in the bubble's time, for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 600 {
		synctest.Wait()
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// line is what a segment says, without what may differ after a restart.
func line(s meeting.Segment) string {
	return fmt.Sprintf("%s %s %d..%d seq %d..%d %s %s", s.Seg, s.Spk, s.T0, s.T1, s.FirstSeq, s.EndSeq, s.Quality, s.Text)
}

// lines returns the distinct lines of segments, sorted; two texts under one ID are two lines.
func lines(segments []meeting.Segment) []string {
	var out []string
	for _, s := range segments {
		out = append(out, line(s))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// publishScripts writes three tracks of random speech into the log, in the order of their times, with two epochs each.
func publishScripts(s *stage, r *rand.Rand) {
	type timed struct {
		at        int64
		partition int
		rec       *bus.AudioRecord
	}
	var all []timed
	for i := range 3 {
		track := meeting.TrackID(fmt.Sprintf("t%d", i))
		s.announce(track, meeting.ParticipantID(fmt.Sprintf("p%d", i)), i%2)
		for epoch := range uint64(2) {
			began := 100 + epoch*120_000
			for _, rec := range s.records(track, began, play(s.t, randomScript(r), r)) {
				all = append(all, timed{int64(began + rec.RTP/48), i % 2, rec})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return int(a.at - b.at) })
	for _, x := range all {
		s.record(x.partition, x.rec)
	}
	s.event(meeting.Event{Type: meeting.EventEnded, At: 300_000})
}

func TestKilledAnywhereNothingIsMissingOrDoubled(t *testing.T) {
	eachSeed(t, 2, func(t *testing.T, seed uint64) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			s := newStage(t)
			s.echo.cost = 150 * time.Millisecond
			publishScripts(s, r)
			stop := s.run(s.worker(2))
			until(t, "everything recognised", s.bus.allCommitted)
			stop()
			want := s.segments()
			if len(want) < 5 || len(lines(want)) != len(want) {
				t.Fatalf("%d finals, %d distinct", len(want), len(lines(want)))
			}

			s.bus.forgetWork()
			kills := 0
			for ; !s.bus.allCommitted() && kills < 500; kills++ {
				s.echo.cost = time.Duration(r.IntN(2)) * 150 * time.Millisecond
				if r.IntN(2) == 0 {
					s.killed(r.IntN(2) == 0, true, 1+r.IntN(900), 1+r.IntN(3))
				} else {
					s.killed(r.IntN(2) == 0, false, 1+r.IntN(5), 1+r.IntN(3))
				}
			}
			got := s.segments()
			if !slices.Equal(lines(got), lines(want)) {
				t.Errorf("seed %d, %d kills: %d finals (%d published) instead of %d:\n%s\nwant\n%s", seed, kills, len(lines(got)), len(got), len(want),
					strings.Join(lines(got), "\n"), strings.Join(lines(want), "\n"))
			}
			t.Logf("seed %d: %d finals, published %d times over %d kills", seed, len(want), len(got), kills)
		})
	})
}

// killed runs a worker until so many publications and commits, and reads if they count, have happened. A crash commits nothing any more.
func (s *stage) killed(crash, reads bool, after, workers int) {
	s.killedWith(s.worker, crash, reads, after, workers)
}

func (s *stage) killedWith(worker func(int) *Worker, crash, reads bool, after, workers int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.bus.mu.Lock()
	s.bus.countdown, s.bus.reads, s.bus.kill = after, reads, func() { s.bus.crashed = crash; cancel() }
	s.bus.mu.Unlock()
	if err := worker(workers).Run(ctx); err != nil {
		s.t.Errorf("worker: %v", err)
	}
	s.bus.mu.Lock()
	s.bus.countdown, s.bus.crashed = 0, false
	s.bus.mu.Unlock()
}

// forgetWork makes the bus as if nobody had recognised anything.
func (b *memoryBus) forgetWork() {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.log, bus.Segments)
	delete(b.log, bus.Captions)
	b.committed, b.metadata = [2]int64{-1, -1}, [2]string{}
}

// speak plays a script on a track in real time, of the bubble.
func (s *stage) speak(track meeting.TrackID, epoch uint64, acts ...act) {
	var before uint64
	for _, rec := range s.records(track, epoch, play(s.t, acts, rand.New(rand.NewPCG(1, 1)))) {
		time.Sleep(time.Duration(rec.RTP-before) * time.Second / 48000)
		before = rec.RTP
		s.record(0, rec)
	}
	time.Sleep(100 * time.Millisecond)
}

func TestCaptionsOfOneSpeaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.echo.cost = 100 * time.Millisecond
		s.announce("t0", "p0", 0)
		defer s.run(s.worker(1))()
		time.Sleep(time.Second)
		s.speak("t0", 1000, act{"hush", 50}, act{"speech", 250}, act{"hush", 100})
		until(t, "the final", func() bool { return len(s.segments()) == 1 })

		final := s.segments()[0]
		partials, states := s.drafts()
		if final.Spk != "p0" || final.Lang != "en" || final.Quality != meeting.QualityFull || final.Rev != meeting.FinalRev || !final.Final ||
			final.Level != meeting.Transcript || final.Engine != "echo" || final.Track != "t0" {
			t.Errorf("final %+v", final)
		}
		if final.T0 < 1700 || final.T0 > 2100 || final.T1 < 6500 || final.T1 > 7300 {
			t.Errorf("final from %d to %d ms, want about 2000 to 7000", final.T0, final.T1)
		}
		if len(partials) < 3 {
			t.Fatalf("%d partials of five seconds", len(partials))
		}
		for i, c := range partials {
			if c.Seg != final.Seg || c.Final || c.Spk != "p0" || c.Rev >= meeting.FinalRev {
				t.Errorf("partial %+v", c)
			}
			if i > 0 && c.Rev <= partials[i-1].Rev {
				t.Errorf("revision %d after %d", c.Rev, partials[i-1].Rev)
			}
		}
		if partials[len(partials)-1].Stable == 0 {
			t.Error("nothing was committed in five seconds")
		}
		checkStable(t, partials)
		if len(states) == 0 {
			t.Fatal("the room was told nothing of its captions")
		}
		last := states[len(states)-1]
		if last.Work.Worker == "" || last.Work.Hands != 1 || last.Work.Queue != 0 {
			t.Errorf("work %+v", last.Work)
		}
		last.Work = meeting.Work{}
		if last != (meeting.Status{State: meeting.StateLive, Engine: "echo"}) {
			t.Errorf("states %+v", states)
		}
	})
}

// checkStable fails if a partial changes what one before called stable.
func checkStable(t *testing.T, partials []meeting.Caption) {
	t.Helper()
	stable := map[meeting.SegmentID]string{}
	for _, c := range partials {
		text := []rune(c.Text)
		if !strings.HasPrefix(c.Text, stable[c.Seg]) || c.Stable < len([]rune(stable[c.Seg])) {
			t.Errorf("%q was stable, then came %q with %d stable", stable[c.Seg], c.Text, c.Stable)
		}
		stable[c.Seg] = string(text[:c.Stable])
	}
}

func TestFailingEngineLeavesTheTextOfThePartials(t *testing.T) {
	for name, answer := range map[string]func() (Result, error){
		"error":        func() (Result, error) { return Result{}, errors.New("out of memory") },
		"panic":        func() (Result, error) { panic("engine") },
		"not a number": func() (Result, error) { return Result{LogProb: math.NaN()}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.echo.fail = func(_ int, req Request) (Result, error, bool) {
					if req.Partial {
						return Result{}, nil, false
					}
					r, err := answer()
					return r, err, true
				}
				s.announce("t0", "p0", 0)
				w := s.worker(1)
				defer s.run(w)()
				s.speak("t0", 0, act{"speech", 200}, act{"hush", 60}, act{"speech", 100}, act{"hush", 60})
				until(t, "both finals", func() bool { return len(s.segments()) == 2 })
				partials, _ := s.drafts()
				for _, final := range s.segments() {
					shown := ""
					for _, c := range partials {
						if c.Seg == final.Seg {
							shown = c.Text
						}
					}
					if final.Quality != meeting.QualityFast || !strings.HasPrefix(final.Text, shown) || shown == "" {
						t.Errorf("final %q of quality %s, shown was %q", final.Text, final.Quality, shown)
					}
				}
				if c := w.Counts(); c.Failures != 2 || c.Fast != 2 {
					t.Errorf("counts %+v", c)
				}
			})
		})
	}
}

func TestUtteranceWithoutWordsIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.echo.fail = func(call int, req Request) (Result, error, bool) {
			if req.Partial {
				return Result{Lang: "en", Words: []RecognizedWord{{Text: fmt.Sprint("Hm", call), End: time.Second, P: 0.5}}}, nil, true
			}
			return Result{Lang: "en"}, nil, true
		}
		s.announce("t0", "p0", 0)
		defer s.run(s.worker(1))()
		s.speak("t0", 0, act{"speech", 60}, act{"hush", 60})
		until(t, "all committed", func() bool { return s.bus.allCommitted() || s.bus.commitsSoFar() > 2 })
		partials, _ := s.drafts()
		if len(partials) < 2 || partials[0].Text != "Hm1" || partials[len(partials)-1].Text != "" || len(s.segments()) != 0 {
			t.Errorf("partials %+v and %d finals", partials, len(s.segments()))
		}
	})
}

func (b *memoryBus) commitsSoFar() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}

func TestNothingIsWrittenAfterTheSwitch(t *testing.T) {
	for name, switchOff := range map[string]func(s *stage){
		"off": func(s *stage) { s.policy(meeting.Off, 4000) },
		"opt-out": func(s *stage) {
			s.event(meeting.Event{Type: meeting.EventOptOut, Participant: "p0", OptOut: true, At: 4000})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.echo.cost = 3 * time.Second // the final is under way when the switch comes
				s.announce("t0", "p0", 0)
				defer s.run(s.worker(1))()
				s.speak("t0", 0, act{"speech", 100}, act{"hush", 60}, act{"speech", 30})
				switchOff(s)
				time.Sleep(10 * time.Second)
				if got := s.segments(); len(got) != 0 {
					t.Fatalf("published %q after the switch", lines(got))
				}
				until(t, "the group is done with it", s.bus.allCommitted)

				// Switched on again: what was said before stays unwritten, what is said now is written.
				s.echo.cost = 0
				s.policy(meeting.Captions, 20_000)
				s.event(meeting.Event{Type: meeting.EventOptOut, Participant: "p0", OptOut: false, At: 20_000})
				s.speak("t0", 20_000, act{"speech", 100}, act{"hush", 60})
				until(t, "the new final", func() bool { return len(s.segments()) == 1 })
				if got := s.segments()[0]; got.T0 < 20_000 {
					t.Errorf("published %s", line(got))
				}
			})
		})
	}
}

func TestLateWorkerKeepsToTheSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		s.policy(meeting.Off, 3500)
		s.policy(meeting.Transcript, 5000)
		s.speak("t0", 5000, act{"speech", 100}, act{"hush", 60})
		defer s.run(s.worker(1))()
		until(t, "the final after the switch", func() bool { return len(s.segments()) == 1 })
		time.Sleep(5 * time.Second)
		if got := s.segments(); len(got) != 1 || got[0].T0 < 5000 {
			t.Errorf("published %q: what was said before the switch must stay unwritten", lines(got))
		}
	})
}

func TestRecordsThatDoNotOpenAreDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		s.put(bus.Message{Topic: bus.Audio, Key: bus.AudioKey(s.id, "t0"), Meeting: s.id, Value: []byte("\x01 these are not sealed bytes of ours at all")})
		s.put(bus.Message{Topic: bus.Audio, Key: "nonsense", Meeting: s.id, Value: []byte{9}})
		s.put(bus.Message{Topic: bus.Meetings, Key: string(s.id), Meeting: s.id, Value: []byte("nor these")})
		defer s.run(s.worker(1))()
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		until(t, "the final after them", func() bool { return len(s.segments()) == 1 })
		letters := s.bus.recordsOf(bus.DeadLetters)
		if len(letters) != 3 {
			t.Fatalf("%d dead letters, want 3", len(letters))
		}
		for _, m := range letters {
			if strings.Contains(string(m.Value), "sealed bytes") || !strings.Contains(string(m.Value), `"offset"`) {
				t.Errorf("dead letter %s", m.Value)
			}
		}
	})
}

func TestMeetingWhoseKeyIsGoneIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		w := s.worker(1)
		defer s.run(w)()
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60}, act{"speech", 60})
		until(t, "the first final", func() bool { return len(s.segments()) == 1 })
		s.keys.set(errGone)
		s.speak("t0", 9000, act{"speech", 100}, act{"hush", 60})
		until(t, "the group is done", s.bus.allCommitted)
		if n := len(s.bus.recordsOf(bus.Segments)); n != 1 {
			t.Errorf("%d finals", n)
		}
	})
}

// TestOnlyTheKeySaysThatAMeetingIsForgotten: an empty record is a hint, which anybody who may write to Kafka can give.
func TestOnlyTheKeySaysThatAMeetingIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		w := s.worker(1)
		defer s.run(w)()
		hint := bus.Message{Topic: bus.Meetings, Key: string(s.id), Meeting: s.id}
		s.put(hint)
		until(t, "the key is dropped from memory", func() bool { return s.keys.dropped() == 1 })
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		until(t, "the final after a hint that was wrong", func() bool { return len(s.segments()) == 1 })
		s.keys.set(errGone)
		s.put(hint)
		until(t, "the key is dropped again", func() bool { return s.keys.dropped() == 2 })
		until(t, "nothing is known of the meeting", func() bool { return !w.roster.Of(s.id, "t0").Known })
	})
}

func TestExpiredAudioCountsAsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		s.bus.first = s.bus.end(bus.Audio, 0)
		defer s.run(s.worker(1))()
		until(t, "the group is done", s.bus.allCommitted)
	})
}

func TestKeysAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		s.keys.set(errors.New("the store is away"))
		defer s.run(s.worker(1))()
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		time.Sleep(5 * time.Second)
		s.keys.set(nil)
		until(t, "the final", func() bool { return len(s.segments()) == 1 })
	})
}

func TestFinalIsPublishedAgainUntilTheBusTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		refused := 0
		s.bus.refuse = func(m bus.Message) error {
			if m.Topic == bus.Segments && refused < 5 {
				refused++
				return errBroker
			}
			return nil
		}
		defer s.run(s.worker(1))()
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		until(t, "the final", func() bool { return len(s.segments()) == 1 })
	})
}

func TestSilentEndOfATrackEndsItsUtterance(t *testing.T) {
	for name, end := range map[string]func(s *stage){
		"meeting ended": func(s *stage) { s.event(meeting.Event{Type: meeting.EventEnded, At: 2000}) },
		"left":          func(s *stage) { s.event(meeting.Event{Type: meeting.EventLeft, Participant: "p0", At: 2000}) },
		"muted":         func(s *stage) { s.record(0, s.emptyRecord("t0", 0, 1100, 100*960, bus.Muted)) },
		"kept alive":    func(s *stage) { s.record(0, s.emptyRecord("t0", 0, 1100, 160*960, bus.KeepAlive)) },
		"new epoch":     func(s *stage) { s.speak("t0", 9000, act{"hush", 5}) },
		"nothing more":  func(*stage) { time.Sleep(deadSilence) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.announce("t0", "p0", 0)
				defer s.run(s.worker(1))()
				s.speak("t0", 0, act{"speech", 100})
				time.Sleep(time.Second)
				if len(s.segments()) != 0 {
					t.Fatal("the utterance ended by itself")
				}
				end(s)
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if n := len(s.segments()); n != 1 {
					t.Errorf("%d finals", n)
				}
			})
		})
	}
}

func TestDeadTrackEndsWhileOthersTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		s.announce("t1", "p1", 0)
		b := &alwaysAhead{memoryBus: s.bus}
		w := s.worker(1)
		w.bus = b
		defer s.run(w)()
		s.speak("t0", 0, act{"speech", 100})
		s.event(meeting.Event{Type: meeting.EventLeft, Participant: "p0"})
		s.speak("t1", 2000, act{"hush", 200})
		if n := len(s.segments()); n != 1 {
			t.Errorf("%d finals of the one who left", n)
		}
	})
}

// alwaysAhead is a bus whose log always has a few records more than anybody has read.
type alwaysAhead struct{ *memoryBus }

func (a *alwaysAhead) EndOffsets(ctx context.Context, t bus.Topic) ([]int64, error) {
	ends, err := a.memoryBus.EndOffsets(ctx, t)
	for i := range ends {
		ends[i] += 3
	}
	return ends, err
}

func (s *stage) emptyRecord(track meeting.TrackID, epoch, seq, rtp uint64, flags bus.AudioFlags) *bus.AudioRecord {
	return &bus.AudioRecord{Meeting: s.id, Track: track, Epoch: epoch, FirstSeq: seq, RTP: rtp, Level: meeting.Transcript, Flags: flags}
}

func TestTrackAnnouncedAfterItsAudio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		defer s.run(s.worker(1))()
		go func() {
			time.Sleep(time.Second)
			s.announce("t0", "p0", 0)
		}()
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		until(t, "the final", func() bool { return len(s.segments()) == 1 })
		s.speak("t9", 0, act{"speech", 100}, act{"hush", 60})
		until(t, "the group is done with the stranger", s.bus.allCommittedUpToSilence)
		if n := len(s.segments()); n != 1 {
			t.Errorf("%d finals, want none of the stranger", n)
		}
	})
}

// allCommittedUpToSilence is allCommitted, but for the last records of silence that a track's mark may hold back.
func (b *memoryBus) allCommittedUpToSilence() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.committed[0] >= int64(len(b.partitions(bus.Audio)[0])-40)
}

func TestLateCaptionsAreCalledLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60})
		time.Sleep(20 * time.Second)
		s.echo.cost = 10 * time.Second
		defer s.run(s.worker(1))()
		late := func() bool {
			_, states := s.drafts()
			return slices.ContainsFunc(states, func(st meeting.Status) bool { return st.State == meeting.StateCatchingUp && st.LagMS > 20_000 })
		}
		until(t, "catching up", late)
		live := func() bool {
			_, states := s.drafts()
			return states[len(states)-1].State == meeting.StateLive
		}
		until(t, "live again", live)
	})
}

func TestStopIsPromptAndFreesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.echo.cost = 5 * time.Second
		s.announce("t0", "p0", 0)
		stop := s.run(s.worker(3))
		s.speak("t0", 0, act{"speech", 100}, act{"hush", 60}, act{"speech", 60})
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > time.Second {
			t.Errorf("stopped after %v", took)
		}
		for _, v := range s.vads {
			if !v.Closed {
				t.Error("a detector was left open")
			}
		}
	})
}

func TestModelThatCannotBeUsedEndsTheWorker(t *testing.T) {
	broken := errors.New("no such model")
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		w := s.worker(2)
		w.engines.all[0].New = func() (Recognizer, error) { return nil, broken }
		if err := w.Run(t.Context()); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		s.announce("t0", "p0", 0)
		s.speak("t0", 0, act{"speech", 10})
		w = s.worker(2)
		w.cfg.NewDetector = func() (VoiceDetector, error) { return nil, broken }
		if err := w.Run(t.Context()); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}
