package asr

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"souffleur/internal/timeline"
)

// ear collects what a segmenter finds.
type ear struct {
	found   []*utterance // closed, in order
	dropped []*utterance
	openNow *utterance
	pauses  []int64 // ends of audio that were foreseen; 0: the voice came back
}

func (e *ear) opened(u *utterance) { e.openNow = u }
func (e *ear) closed(u *utterance) { e.found, e.openNow = append(e.found, u), nil }
func (e *ear) resumed()            { e.pauses = append(e.pauses, 0) }
func (e *ear) paused(_ *utterance, audioEnd int64) {
	e.pauses = append(e.pauses, audioEnd)
}
func (e *ear) discarded(u *utterance) { e.dropped, e.openNow = append(e.dropped, u), nil }

// said describes an utterance completely.
func said(u *utterance) string {
	h := fnv.New64a()
	for _, x := range u.pcm {
		fmt.Fprintf(h, "%v ", x)
	}
	return fmt.Sprintf("%s seq %d..%d samples %d..%d voice %d pcm %d/%x", u.id, u.firstSeq, u.endSeq, u.start, u.end, u.voicedN, len(u.pcm), h.Sum64())
}

func segment(packets []played, from uint64, watch func(*segmenter)) *ear {
	e := &ear{}
	s := newSegmenter("01JD0000000000000000000000", "t1", 5000, &loudness{}, e)
	for i, p := range packets {
		switch {
		case p.Seq < from:
			continue
		case p.alive:
			s.silentUntil(p.RTP, int64(i))
		default:
			s.add(p.Packet, int64(i))
		}
		if watch != nil {
			watch(s)
		}
	}
	s.flush(int64(len(packets)))
	return e
}

func TestReplayFromEveryRestartPointFindsTheSameUtterances(t *testing.T) {
	eachSeed(t, 3, func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 7))
		packets := play(t, randomScript(r), r)
		marks := []mark{}
		whole := segment(packets, 0, func(s *segmenter) {
			if len(marks) == 0 || s.mark != marks[len(marks)-1] {
				marks = append(marks, s.mark)
			}
		})
		if len(marks) < 3 {
			t.Fatalf("seed %d: only %d marks", seed, len(marks))
		}
		for i, m := range marks {
			if i > 0 && (m.seq < marks[i-1].seq || m.offset < marks[i-1].offset) {
				t.Fatalf("seed %d: marks go back from %+v to %+v", seed, marks[i-1], m)
			}
			again := segment(packets, m.seq, nil)
			want := slices.DeleteFunc(slices.Clone(whole.found), func(u *utterance) bool { return u.firstSeq < m.seq })
			if !slices.Equal(describe(want), describe(again.found)) {
				t.Fatalf("seed %d: replay from %d found\n%q\nwant\n%q", seed, m.seq, describe(again.found), describe(want))
			}
		}
	})
}

func describe(found []*utterance) []string {
	var out []string
	for _, u := range found {
		out = append(out, said(u))
	}
	return out
}

func TestUtterancesDoNotOverlapAndHoldBackTheirMark(t *testing.T) {
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 11))
		packets := play(t, randomScript(r), r)
		e := segment(packets, 0, func(s *segmenter) {
			if s.u != nil && s.mark.seq > s.u.firstSeq {
				t.Fatalf("mark %d behind the first packet %d of the open utterance", s.mark.seq, s.u.firstSeq)
			}
		})
		for i, u := range e.found {
			if u.end <= u.start || u.endSeq <= u.firstSeq || duration(int64(len(u.pcm))) > 12*time.Second {
				t.Errorf("seed %d: impossible %s", seed, said(u))
			}
			if i > 0 && (u.firstSeq < e.found[i-1].endSeq || u.start < e.found[i-1].end) {
				t.Errorf("seed %d: overlap of\n%s\n%s", seed, said(e.found[i-1]), said(u))
			}
		}
	}
}

func script(t *testing.T, acts ...act) []played {
	return play(t, acts, rand.New(rand.NewPCG(1, 1)))
}

func TestUtteranceEndsAfterHalfASecondOfSilence(t *testing.T) {
	packets := script(t, act{"hush", 50}, act{"speech", 85}, act{"hush", 60})
	var closedAt uint64
	e := segment(packets, 0, func(s *segmenter) {
		if closedAt == 0 && s.begun && s.mark.seq > 1130 {
			closedAt = s.lastSeq
		}
	})
	if len(e.found) != 1 {
		t.Fatalf("found %d utterances, want 1", len(e.found))
	}
	u := e.found[0]
	if u.firstSeq < 1030 || u.firstSeq > 1045 {
		t.Errorf("begins at packet %d, want about 300 ms before packet 1050", u.firstSeq)
	}
	if closedAt < 1135+24 || closedAt > 1135+36 {
		t.Errorf("ended at packet %d, want 500 ms after 1135 and the detector's own delay", closedAt)
	}
	if tail := u.end - u.voiced[len(u.voiced)-1].to; tail != 2560 {
		t.Errorf("%d samples after the last voice, want 160 ms", tail)
	}
}

func TestShortPauseDoesNotEndAnUtterance(t *testing.T) {
	e := segment(script(t, act{"speech", 60}, act{"hush", 15}, act{"speech", 60}, act{"hush", 60}), 0, nil)
	if len(e.found) != 1 {
		t.Fatalf("found %d utterances, want 1", len(e.found))
	}
}

func TestClickIsDiscarded(t *testing.T) {
	e := segment(script(t, act{"hush", 50}, act{"speech", 4}, act{"hush", 60}), 0, nil)
	if len(e.found) != 0 || len(e.dropped) != 1 {
		t.Fatalf("found %d, discarded %d, want 0 and 1", len(e.found), len(e.dropped))
	}
}

func TestLongSpeechIsCutAtItsQuietestMoment(t *testing.T) {
	// 10 s of speech, a breath too short to end anything, and speech again.
	e := segment(script(t, act{"speech", 500}, act{"hush", 6}, act{"speech", 300}, act{"hush", 60}), 0, nil)
	if len(e.found) != 2 {
		t.Fatalf("found %d utterances, want 2", len(e.found))
	}
	cut := e.found[0].endSeq
	if cut < 1498 || cut > 1508 {
		t.Errorf("cut at packet %d, want the breath at 1500 to 1506, or the settling before it", cut)
	}
	if e.found[1].firstSeq != cut {
		t.Errorf("second begins at %d, want %d: nothing may be lost at a cut", e.found[1].firstSeq, cut)
	}
}

func TestLongGapEndsAnUtterance(t *testing.T) {
	packets := script(t, act{"speech", 60}, act{"pause", 60}, act{"speech", 60})
	early := 0
	e := &ear{}
	s := newSegmenter("01JD0000000000000000000000", "t1", 0, &loudness{}, e)
	for _, p := range packets {
		if p.alive {
			s.silentUntil(p.RTP, 0)
			early = len(e.found)
			continue
		}
		s.add(p.Packet, 0)
	}
	s.flush(0)
	if early != 1 {
		t.Error("the keep-alive a second after the last packet ends the utterance")
	}
	if len(e.found) != 2 {
		t.Fatalf("found %d utterances, want 2", len(e.found))
	}
	s = newSegmenter("01JD0000000000000000000000", "t1", 0, &loudness{}, &ear{})
	for _, p := range packets[:60] {
		s.add(p.Packet, 0)
	}
	s.silentUntil(packets[59].RTP+48000+957, 6)
	if s.u == nil {
		t.Error("a keep-alive before that does not")
	}
	s.silentUntil(packets[59].RTP+48000+960, 7)
	if s.u != nil || !s.quiet() || s.mark != (mark{packets[59].Seq + 1, 7}) {
		t.Errorf("the mark after it is the next packet, got %+v", s.mark)
	}
}

func TestDoubledPacketsAreHeardOnce(t *testing.T) {
	packets := script(t, act{"speech", 80}, act{"hush", 60})
	twice := []played{}
	for i := 0; i < len(packets); i += 5 {
		record := packets[i:min(i+5, len(packets))]
		twice = append(append(twice, record...), record...)
	}
	if a, b := segment(packets, 0, nil), segment(twice, 0, nil); !slices.Equal(describe(a.found), describe(b.found)) {
		t.Errorf("found %q, without doubles %q", describe(b.found), describe(a.found))
	}
}

func TestPacketsThatTakeNoTimeAreBounded(t *testing.T) {
	e := &ear{}
	s := newSegmenter("01JD0000000000000000000000", "t1", 0, &loudness{}, e)
	for _, p := range script(t, act{"speech", 60}) {
		s.add(p.Packet, 0)
	}
	for i := range 4 * maxHeld {
		s.add(timeline.Packet{Seq: uint64(2000 + i), RTP: 60 * 960, Opus: nil}, 0)
		if len(s.packets) > maxHeld+1 {
			t.Fatalf("holds %d packets", len(s.packets))
		}
	}
	if len(e.found) != 1 {
		t.Errorf("found %d utterances, want 1", len(e.found))
	}
}

func TestDetectorFaultIsSilence(t *testing.T) {
	e := &ear{}
	broken := &loudness{}
	s := newSegmenter("01JD0000000000000000000000", "t1", 0, broken, e)
	packets := script(t, act{"speech", 200})
	for i, p := range packets {
		broken.Closed = i > 80
		s.add(p.Packet, 0)
	}
	if len(e.found) != 1 || s.faults == 0 {
		t.Errorf("found %d utterances with %d faults, want the one before the faults", len(e.found), s.faults)
	}
}

func TestPausesAdaptToWhatWasSaid(t *testing.T) {
	cfg := defaultEndpointing()
	for _, c := range []struct {
		spoken, want time.Duration
	}{
		{time.Second, 650 * time.Millisecond},
		{3 * time.Second, 500 * time.Millisecond},
		{7 * time.Second, 500 * time.Millisecond},
		{9500 * time.Millisecond, 400 * time.Millisecond},
		{12 * time.Second, 300 * time.Millisecond},
		{time.Minute, 300 * time.Millisecond},
	} {
		if got := duration(cfg.pause(samples(c.spoken))); got != c.want {
			t.Errorf("after %v of speech a pause of %v ends the utterance, want %v", c.spoken, got, c.want)
		}
	}
}
