package score

import (
	"cmp"
	"slices"
	"strings"

	"souffleur/diarize/cluster"
)

// Errors is time given to nobody, or to the wrong person. Times are seconds of speakers: where two speak at once, a second
// counts two.
type Errors struct {
	Speech     float64 `json:"speech"`      // of the reference
	Miss       float64 `json:"miss"`        // speakers nobody noticed
	FalseAlarm float64 `json:"false_alarm"` // speakers who were not there
	Confusion  float64 `json:"confusion"`   // speakers taken for others
	// Speakers of the reference, and how many more the hypothesis has.
	Speakers     int `json:"speakers"`
	SpeakerError int `json:"speaker_error"`
}

// DER is the diarization error rate: all errors by the speech of the reference. It may exceed 1; without speech it is 0.
func (e Errors) DER() float64 { return e.part(e.Miss + e.FalseAlarm + e.Confusion) }

func (e Errors) part(v float64) float64 {
	if e.Speech == 0 {
		return 0
	}
	return v / e.Speech
}

// Parts are miss, false alarm and confusion as parts of the speech.
func (e Errors) Parts() (miss, falseAlarm, confusion float64) {
	return e.part(e.Miss), e.part(e.FalseAlarm), e.part(e.Confusion)
}

// Add sums the errors of several recordings. The rate of the sum is that of all of them as one.
func (e Errors) Add(f Errors) Errors {
	return Errors{
		e.Speech + f.Speech, e.Miss + f.Miss, e.FalseAlarm + f.FalseAlarm, e.Confusion + f.Confusion,
		e.Speakers + f.Speakers, e.SpeakerError + f.SpeakerError,
	}
}

// Rate compares a hypothesis with a reference. Speakers are mapped one to one so that as much time as possible agrees. collar is
// how many seconds on each side of each edge of the reference's segments are left out; 0 scores everything. Segments of one
// speaker that overlap count once.
func Rate(reference, hypothesis []Segment, collar float64) Errors {
	ref, hyp := newVoices(reference), newVoices(hypothesis)
	spans := scored(ref, hyp, collar)
	shared := make([][]float64, len(ref.names))
	for i := range shared {
		shared[i] = make([]float64, len(hyp.names))
	}
	for _, s := range spans {
		for _, r := range s.ref {
			for _, h := range s.hyp {
				shared[r][h] += s.length
			}
		}
	}
	mapped := cluster.Assign(shared)
	e := Errors{Speakers: len(ref.names), SpeakerError: len(hyp.names) - len(ref.names)}
	for _, s := range spans {
		right := 0
		for _, r := range s.ref {
			if slices.Contains(s.hyp, mapped[r]) {
				right++
			}
		}
		e.Speech += s.length * float64(len(s.ref))
		e.Miss += s.length * float64(max(0, len(s.ref)-len(s.hyp)))
		e.FalseAlarm += s.length * float64(max(0, len(s.hyp)-len(s.ref)))
		e.Confusion += s.length * float64(min(len(s.ref), len(s.hyp))-right)
	}
	return e
}

// voices are segments by number of speaker.
type voices struct {
	names    []string
	segments []Segment
	of       []int // number of each segment's speaker
}

// newVoices joins segments of one speaker that overlap or touch.
func newVoices(segments []Segment) voices {
	v := voices{names: Recording{Segments: segments}.Speakers()}
	sorted := slices.Clone(segments)
	slices.SortStableFunc(sorted, func(a, b Segment) int {
		return cmp.Or(strings.Compare(a.Speaker, b.Speaker), cmp.Compare(a.Start, b.Start))
	})
	for _, s := range sorted {
		if !(s.End > s.Start) {
			continue
		}
		if n := len(v.segments) - 1; n >= 0 && v.segments[n].Speaker == s.Speaker && s.Start <= v.segments[n].End {
			v.segments[n].End = max(v.segments[n].End, s.End)
			continue
		}
		i, _ := slices.BinarySearch(v.names, s.Speaker)
		v.segments, v.of = append(v.segments, s), append(v.of, i)
	}
	return v
}

// span is time in which nobody begins or ends.
type span struct {
	length   float64
	ref, hyp []int // who speaks, each once
}

// edge is where a segment begins (by 1) or ends (by -1): of the reference, the hypothesis or a collar.
type edge struct {
	at   float64
	what int
	who  int
	by   int
}

const (
	ofReference = iota
	ofHypothesis
	ofCollar
)

// scored sweeps over all edges and returns the spans outside the collars in which anybody speaks.
func scored(ref, hyp voices, collar float64) []span {
	var edges []edge
	for what, v := range []voices{ref, hyp} {
		for i, s := range v.segments {
			edges = append(edges, edge{s.Start, what, v.of[i], 1}, edge{s.End, what, v.of[i], -1})
			if what != ofReference || collar <= 0 {
				continue
			}
			for _, at := range []float64{s.Start, s.End} {
				edges = append(edges, edge{at - collar, ofCollar, 0, 1}, edge{at + collar, ofCollar, 0, -1})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	open := [3][]int{make([]int, len(ref.names)), make([]int, len(hyp.names)), make([]int, 1)}
	var out []span
	for i, e := range edges {
		open[e.what][e.who] += e.by
		if i+1 == len(edges) || edges[i+1].at <= e.at || open[ofCollar][0] > 0 {
			continue
		}
		s := span{edges[i+1].at - e.at, speaking(open[ofReference]), speaking(open[ofHypothesis])}
		if len(s.ref)+len(s.hyp) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// speaking are the numbers of those with an open segment.
func speaking(open []int) []int {
	var out []int
	for i, n := range open {
		if n > 0 {
			out = append(out, i)
		}
	}
	return out
}
