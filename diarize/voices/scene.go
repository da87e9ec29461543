package voices

import "souffleur/diarize/cluster"

// Samples of the clock: 16 a millisecond.
const (
	rate  = 16000
	perMS = rate / 1000
)

// Shapes of the segmentation network; see package pyannet.
const (
	frame    = 270                 // samples from frame to frame
	reach    = 991                 // samples that one frame looks at
	edge     = (reach - frame) / 2 // from the beginning of a window to that of its first frame's own time
	context  = 10 * rate           // samples that the network looks at
	leastRun = rate                // and at least
	locals   = 3                   // speakers that it tells apart
)

// How what the network says is read. Lengths are in frames.
const (
	flicker   = 6  // a pause or a burst of one speaker that is shorter is none: 0.1 s
	sameLeast = 10 // two speakers of runs that follow one another are one if they speak at the same times for as long
)

// How time goes on. Lengths are in samples.
const (
	jitter  = 20 * perMS // between Push's times and the samples counted, until a gap is believed
	longGap = context    // after which nothing of what came before helps
	silent  = 1e-4       // amplitude below which nobody speaks: -80 dBFS
)

// pair is who speaks at a moment: up to two chains, the older first; 0 for none. A chain is one speaker as far as the network follows them
// without a break; who that is, vectors say.
type pair [2]int32

// scene hears one track and says who speaks when. Every stride the network looks at the last ten seconds, and what lies more
// than a delay before their end is settled.
type scene struct {
	segmenter Segmenter
	stride    int64 // samples from run to run, whole frames
	delay     int64 // samples of the future that the network sees of the newest settled moment, whole frames

	pcm     []float32 // samples from at on: the last run's, and those after it
	at      int64
	begun   bool
	settled int64  // position up to which it is known who speaks
	chains  int32  // how many there were
	last    []pair // of the frames of the last run
	lastAt  int64  // position of the first of them
	failed  bool   // the network did not answer once
}

// end is the position behind the last sample taken.
func (s *scene) end() int64 { return s.at + int64(len(s.pcm)) }

// take adds samples that begin at a position and calls settle with what is known then. Short times that are missing are silence;
// a long one is passed to gap, after all before it was settled.
func (s *scene) take(at int64, pcm []float32, settle func(frames []pair, from int64), gap func()) {
	if !s.begun {
		s.begun = true
		s.restart(at)
	}
	switch missing := at - s.end(); {
	case missing >= longGap:
		s.finish(settle)
		gap()
		s.restart(at)
	case missing > jitter:
		s.pcm = append(s.pcm, make([]float32, missing)...)
	case missing < -jitter: // heard before
		pcm = pcm[min(-missing, int64(len(pcm))):]
	}
	for _, v := range pcm {
		if v-v != 0 { // not finite: damaged audio is silence
			v = 0
		}
		s.pcm = append(s.pcm, v)
	}
	for s.end() >= s.settled+s.stride+s.delay {
		s.run(s.settled+s.stride, s.settled+s.stride+s.delay, settle)
	}
}

// restart forgets the past: time goes on at a position.
func (s *scene) restart(at int64) {
	s.pcm, s.at, s.settled, s.last = s.pcm[:0], at, at, nil
}

// finish settles all that was heard.
func (s *scene) finish(settle func(frames []pair, from int64)) {
	if frames := (s.end() - s.settled) / frame; frames > 0 {
		s.run(s.settled+frames*frame, s.end(), settle)
	}
}

// run has the network look at what ends at a position, and settles what lies before another.
func (s *scene) run(until, end int64, settle func(frames []pair, from int64)) {
	// A window begins whole frames before what is to be settled, so that frames of runs lie on one another.
	past := min(s.settled-s.at, context-(end-s.settled)) / frame * frame
	begin := s.settled - past
	heard := s.pcm[begin-s.at : end-s.at]
	now := make([]pair, (until-begin)/frame)
	if loud(heard[past:]) {
		if found, err := s.look(heard); err != nil {
			s.failed = true
		} else {
			now = s.follow(found, begin, len(now))
		}
	}
	settle(now[past/frame:], s.settled)
	s.last, s.lastAt, s.settled = now, begin, until
	if keep := s.settled - max(context-s.stride-s.delay, 2*windowLen); keep > s.at+rate {
		s.pcm = append(s.pcm[:0], s.pcm[keep-s.at:]...)
		s.at = keep
	}
}

func loud(pcm []float32) bool {
	for _, v := range pcm {
		if v > silent || v < -silent {
			return true
		}
	}
	return false
}

// look asks the network; short windows are filled up with silence.
func (s *scene) look(pcm []float32) ([][7]float32, error) {
	if len(pcm) < leastRun {
		pcm = append(append(make([]float32, 0, leastRun), pcm...), make([]float32, leastRun-len(pcm))...)
	}
	return s.segmenter.Segment(pcm)
}

// activity is who of the network's speakers speaks in a frame.
type activity [locals]bool

// classes are the speakers of each class of the network.
var classes = [7]activity{{}, {true}, {1: true}, {2: true}, {true, true}, {true, false, true}, {false, true, true}}

// active turns probabilities into decisions for n frames of a run, frame i beginning at i times 270 samples.
func active(found [][7]float32, n int) []activity {
	out := make([]activity, n)
	for i := range out {
		p := &found[max(0, min(i-edge/frame, len(found)-1))]
		best := 0
		for c := range p {
			if p[c] > p[best] {
				best = c
			}
		}
		out[i] = classes[best]
	}
	for k := range locals {
		smooth(out, k, true)
		smooth(out, k, false)
	}
	return out
}

// smooth fills the short pauses of one speaker, or drops the short bursts.
func smooth(frames []activity, k int, pauses bool) {
	for i := 0; i < len(frames); {
		j := i
		for j < len(frames) && frames[j][k] == frames[i][k] {
			j++
		}
		if i > 0 && j < len(frames) && j-i < flicker && frames[i][k] != pauses {
			for ; i < j; i++ {
				frames[i][k] = pauses
			}
		}
		i = j
	}
}

// follow gives the speakers of a run their chains: those of the last run who speak at the same times go on, others are new.
func (s *scene) follow(found [][7]float32, begin int64, n int) []pair {
	frames := active(found, n)
	shift := int((begin - s.lastAt) / frame) // frame i of this run is frame i+shift of the last
	chain := s.same(frames, shift)
	out := make([]pair, len(frames))
	for i, a := range frames {
		for k := range locals {
			if !a[k] {
				continue
			}
			if chain[k] == 0 {
				s.chains++
				chain[k] = s.chains
			}
			out[i].add(chain[k])
		}
	}
	return out
}

// add adds a chain. A third is left out: the network knows two at once, and smoothing may make three of them.
func (p *pair) add(chain int32) {
	switch {
	case p[0] == 0:
		p[0] = chain
	case p[1] == 0:
		p[0], p[1] = min(p[0], chain), max(p[0], chain)
	}
}

// same are the chains of the last run that the speakers of this run are, 0 where they are new.
func (s *scene) same(frames []activity, shift int) (chain [locals]int32) {
	var known []int32
	var together [locals][]float64
	for i := max(0, -shift); i < len(frames) && i+shift < len(s.last); i++ {
		for _, c := range s.last[i+shift] {
			if c == 0 {
				continue
			}
			column := index(&known, c)
			for k := range locals {
				together[k] = append(together[k], make([]float64, len(known)-len(together[k]))...)
				if frames[i][k] {
					together[k][column]++
				}
			}
		}
	}
	if len(known) == 0 {
		return chain
	}
	for k, column := range cluster.Assign(together[:]) {
		if column >= 0 && together[k][column] >= sameLeast {
			chain[k] = known[column]
		}
	}
	return chain
}

// index is where a chain stands in a list; it is added if it is missing.
func index(known *[]int32, chain int32) int {
	for i, c := range *known {
		if c == chain {
			return i
		}
	}
	*known = append(*known, chain)
	return len(*known) - 1
}
