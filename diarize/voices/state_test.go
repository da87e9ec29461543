package voices

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// push hears sound that begins at a moment, in pieces.
func push(t *Tracker, at int64, pcm []float32) {
	for i := 0; i < len(pcm); i += rate / 10 {
		t.Push(at+int64(i)*1000/rate, pcm[i:min(len(pcm), i+rate/10)])
	}
}

func TestATrackerGoesOnWhereAnotherEnded(t *testing.T) {
	pcm := append(make([]float32, rate/2), talk()...)
	whole := NewTracker(steps{}, tones{}, Options{Room: true})
	push(whole, 0, pcm)

	first := NewTracker(steps{}, tones{}, Options{Room: true})
	const half = 22 * rate // in the middle of what the second voice says
	push(first, 0, pcm[:half])
	s := first.State()
	if s.Until > 22_000 || s.Until < 15_000 || len(s.Voices) != 3 || s.Voices[0].Seconds < 4 || s.Voices[0].Seconds > 12 {
		t.Fatalf("until %d, voices %+v", s.Until, s.Voices)
	}
	second := NewTracker(steps{}, tones{}, Options{Room: true})
	if err := second.Restore(s); err != nil {
		t.Fatal(err)
	}
	const again = 10 * rate // sound is heard again from before the state's end
	push(second, 10_000, pcm[again:])
	push(whole, 60_000, make([]float32, 3*rate)) // so that everything is settled
	push(second, 60_000, make([]float32, 3*rate))
	for name, turns := range map[string][2][]Turn{"live": {whole.Turns(0), second.Turns(0)}, "at the end": {whole.End(0), second.End(0)}} {
		same := slices.EqualFunc(turns[0], turns[1], func(a, b Turn) bool {
			return a.Voice == b.Voice && abs(a.T0-b.T0) <= 100 && abs(a.T1-b.T1) <= 100
		})
		if !same {
			t.Errorf("%s: %+v, without a break %+v", name, turns[1], turns[0])
		}
	}
}

func TestAVoiceKeepsItsNumberThoughNothingOfItIsHeardAgain(t *testing.T) {
	first := NewTracker(steps{}, tones{}, Options{Room: true})
	push(first, 0, says(says(says(make([]float32, rate/2), 2, 8), 15, 8), -1, 3))
	second := NewTracker(steps{}, tones{}, Options{Room: true})
	if err := second.Restore(first.State()); err != nil {
		t.Fatal(err)
	}
	push(second, 3_600_000, says(says(says(says(make([]float32, rate/2), 15, 6), 30, 6), 2, 6), -1, 3))
	if got := voicesOf(second.Turns(3_600_000)); !slices.Equal(got, []int{2, 3, 1}) {
		t.Errorf("voices %v", got)
	}
	if got := voicesOf(second.End(0)); !slices.Equal(got, []int{1, 2, 2, 3, 1}) {
		t.Errorf("at the end %v", got)
	}
}

func TestNumbersThatWereGivenUpStayGivenUp(t *testing.T) {
	first := NewTracker(steps{}, tones{}, Options{Room: true})
	push(first, 0, append(make([]float32, rate/2), talk()...))
	first.live.merge(3, 2)
	second := NewTracker(steps{}, tones{}, Options{Room: true})
	if err := second.Restore(first.State()); err != nil {
		t.Fatal(err)
	}
	if got := voicesOf(second.Turns(0)); slices.Max(got) != 2 || !slices.Equal(second.live.alive(), []int{1, 2}) {
		t.Errorf("voices %v, alive %v", got, second.live.alive())
	}
}

func TestAStateThatCannotBeIsRefused(t *testing.T) {
	tr := NewTracker(steps{}, tones{}, Options{Room: true})
	push(tr, 0, append(make([]float32, rate/2), talk()...))
	for name, spoil := range map[string]func(s *State){
		"of another model":        func(s *State) { s.Model = "other" },
		"of other vectors":        func(s *State) { s.Windows[3].Vec = s.Windows[3].Vec[:10] },
		"without a number":        func(s *State) { s.Windows[3].Vec = slices.Repeat([]float32{float32(math.NaN())}, 64) },
		"without an end":          func(s *State) { s.Voices[0].Sum = slices.Repeat([]float32{float32(math.Inf(1))}, 64) },
		"without a direction":     func(s *State) { s.Windows[0].Vec = make([]float32, 64) },
		"a voice's sum is gone":   func(s *State) { s.Voices[1].Sum = nil },
		"voices out of order":     func(s *State) { s.Voices[0].Number = 2 },
		"a circle of voices":      func(s *State) { s.Voices[0].Into, s.Voices[1].Into = 2, 1 },
		"a voice that is unknown": func(s *State) { s.Windows[0].Voice = 9 },
		"a unit that is unknown":  func(s *State) { s.Windows[len(s.Windows)-1].Unit = len(s.Units) },
		"units out of order":      func(s *State) { slices.Reverse(s.Units) },
		"times that wrap around":  func(s *State) { s.Until = math.MaxInt64 },
		"a window after the end":  func(s *State) { s.Windows[0].End = s.Until + 1 },
		"too many windows":        func(s *State) { s.Windows = make([]StateWindow, MaxWindows+1) },
		"too many voices":         func(s *State) { s.Voices = make([]StateVoice, 4*MaxVoices+1) },
	} {
		s := tr.State()
		spoil(&s)
		again := NewTracker(steps{}, tones{}, Options{Room: true})
		if err := again.Restore(s); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
		if push(again, 0, says(nil, 2, 4)); len(again.Turns(0)) != 1 {
			t.Errorf("%s: afterwards %+v", name, again.Turns(0))
		}
	}
}
