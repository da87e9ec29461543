package voices

import (
	"errors"
	"fmt"
	"math"

	"souffleur/diarize/cluster"
)

// State is what a [Tracker] knows of finished speech: enough for another one to go on under the same numbers, and to judge
// everything again at the end. It holds vectors, which are biometric data, and no sound.
type State struct {
	Model   string // of the vectors; another model's mean nothing
	Until   int64  // ms on the clock of Push: sound from there on is in no part of it
	Voices  []StateVoice
	Units   []StateUnit // by time
	Windows []StateWindow
}

// StateVoice is a voice that was heard live.
type StateVoice struct {
	Number  int // from 1
	Into    int // the voice that it turned out to be, 0: itself
	Seconds float64
	Sum     []float32 // of its windows' vectors; nil for one that turned out to be another
}

// StateUnit is speech without a pause, in ms.
type StateUnit struct {
	Start, End int64
	Who        [2]int32 // the chains that speak in it; 0: none
	Lead       int      // levels before Start
	Levels     []byte   // of each frame of 270 samples, as turns are cut by
	Floor      byte     // level of the track without speech
}

// StateWindow is a stretch of a unit, in ms, and its vector.
type StateWindow struct {
	Start, End int64
	Unit       int // index of its unit
	Voice      int // its number live, 0 if it has none
	Vec        []float32
}

// latest bounds times, so that none wraps around: 30 years.
const latest = 1 << 40 // ms

// State returns what is known of the units that have ended. Its vectors and levels are the tracker's: they must not be changed.
func (t *Tracker) State() State {
	t.embed()
	units := t.units
	if t.open {
		units = units[:len(units)-1]
	}
	s := State{Model: t.embedder.Model(), Until: t.finished() / perMS}
	seconds := make(map[int]float64)
	for i := range t.windows {
		w := &t.windows[i]
		if w.unit >= len(units) {
			break // of the unit under way
		}
		voice := t.live.name(w.voice)
		seconds[voice] += float64(newSpeech(t.windows, i)) / rate
		s.Windows = append(s.Windows, StateWindow{Start: w.start / perMS, End: w.end / perMS, Unit: w.unit, Voice: voice, Vec: w.vec})
	}
	for _, u := range units {
		s.Units = append(s.Units, StateUnit{Start: u.start / perMS, End: u.end / perMS, Who: u.who, Lead: int((u.start - u.from) / frame), Levels: u.levels, Floor: u.floor})
	}
	for i, v := range t.live.voices {
		known := StateVoice{Number: i + 1, Into: t.live.name(v.into), Seconds: seconds[i+1]}
		if v.into == 0 {
			known.Sum = append([]float32(nil), v.sum...)
		}
		s.Voices = append(s.Voices, known)
	}
	return s
}

// finished is the position from which on sound may still belong to a unit that is not known yet.
func (t *Tracker) finished() int64 {
	if t.open {
		return t.units[len(t.units)-1].start
	}
	return t.scene.settled
}

// ErrState says that a state does not fit: it is another model's, or contradicts itself.
var ErrState = errors.New("no state of this tracker's")

// Restore makes a tracker that has heard nothing go on where another one's state ends, and takes its vectors over. Sound before that is
// dropped. After an error it knows nothing, as before.
func (t *Tracker) Restore(s State) error {
	if err := s.check(t.embedder.Model(), t.embedder.Dim()); err != nil {
		return err
	}
	t.units, t.windows, t.live.voices = nil, nil, nil
	for _, u := range s.Units {
		start := u.Start * perMS
		t.units = append(t.units, unit{start: start, end: u.End * perMS, who: u.Who, from: start - int64(u.Lead)*frame, levels: u.Levels, floor: u.Floor})
		t.scene.chains = max(t.scene.chains, u.Who[0], u.Who[1])
	}
	for _, w := range s.Windows {
		t.windows = append(t.windows, window{start: w.Start * perMS, end: w.End * perMS, unit: w.Unit, chain: s.Units[w.Unit].Who[0], vec: normalised(w.Vec), voice: w.Voice, counted: true})
	}
	for _, v := range s.Voices {
		known := voice{into: v.Into}
		if v.Into == 0 {
			known.sum = append([]float32(nil), v.Sum...)
			known.unit = cluster.Unit(v.Sum)
		}
		t.live.voices = append(t.live.voices, known)
	}
	t.live.frozen = len(t.windows)
	t.live.several = len(t.live.alive()) > 1
	t.scene.begun = true
	t.scene.restart(s.Until * perMS)
	return nil
}

// normalised brings a vector to length one where it stands.
func normalised(v []float32) []float32 {
	size := float32(math.Sqrt(float64(cluster.Dot(v, v))))
	for i := range v {
		v[i] /= size
	}
	return v
}

// check says what is wrong with a state: it comes from outside.
func (s *State) check(model string, dim int) error {
	switch {
	case s.Model != model:
		return fmt.Errorf("%w: its vectors are of another model", ErrState)
	case s.Until < 0 || s.Until > latest:
		return fmt.Errorf("%w: its end", ErrState)
	case len(s.Windows) > MaxWindows || len(s.Units) > maxUnits || len(s.Voices) > 4*MaxVoices || len(s.Windows) > 0 && len(s.Voices) == 0:
		return fmt.Errorf("%w: %d windows, %d voices", ErrState, len(s.Windows), len(s.Voices))
	}
	for i, v := range s.Voices {
		alive := v.Into == 0 && fits(v.Sum, dim)
		gone := v.Into > 0 && v.Into <= len(s.Voices) && s.Voices[v.Into-1].Into == 0
		if v.Number != i+1 || !alive && !gone {
			return fmt.Errorf("%w: voice %d", ErrState, i+1)
		}
	}
	last := int64(0)
	for i, u := range s.Units {
		if u.Start < last || u.End <= u.Start || u.End > s.Until || u.Who[0] < 0 || u.Who[1] < 0 || u.Lead < 0 || u.Lead > around {
			return fmt.Errorf("%w: unit %d", ErrState, i)
		}
		last = u.End
	}
	return s.checkWindows(dim)
}

func (s *State) checkWindows(dim int) error {
	unit := 0
	for i, w := range s.Windows {
		if w.Unit < unit || w.Unit >= len(s.Units) || w.Start < 0 || w.End <= w.Start || w.End > s.Until ||
			w.Voice < 0 || w.Voice > len(s.Voices) || !fits(w.Vec, dim) {
			return fmt.Errorf("%w: window %d", ErrState, i)
		}
		unit = w.Unit
	}
	return nil
}

// fits says whether v is a vector of so many finite numbers that has a direction.
func fits(v []float32, dim int) bool {
	square := float32(0)
	for _, x := range v {
		square += x * x
	}
	return len(v) == dim && square > 1e-6 && square-square == 0
}
