package sound

import (
	"math"
	"math/rand/v2"
)

// Music is a simple song without singer: chords, a melody that wanders over them, a bass drum and a hi-hat.
type Music struct {
	r      *rand.Rand
	clock  int // samples written
	beat   int
	notes  []note
	melody int // degree of the scale
}

const (
	beatSeconds = 0.5 // 120 a minute
	chordBeats  = 4
)

// chords are I, V, vi and IV of C major, in semitones above C.
var chords = [4][3]int{{0, 4, 7}, {7, 11, 14}, {9, 12, 16}, {5, 9, 12}}

// scale is the pentatonic scale over two octaves, in semitones above C: it fits all chords.
var scale = [10]int{0, 2, 4, 7, 9, 12, 14, 16, 19, 21}

// note is one sound of an instrument.
type note struct {
	instrument instrument
	at         int // first sample
	pitch      float64
	level      float64
	length     float64 // seconds until it is a third as loud
}

type instrument int

const (
	pad instrument = iota
	lead
	drum
	hat
)

// NewMusic returns a song from its beginning.
func NewMusic(seed uint64) *Music { return &Music{r: random(seed, 4), melody: 5} }

// Read implements Source.
func (m *Music) Read(pcm []float32) {
	for i := range pcm {
		if m.clock == m.beat*samples(beatSeconds) {
			m.strike()
			m.beat++
		}
		x := 0.0
		for k := range m.notes {
			x += m.notes[k].sample(m.clock, m.r)
		}
		pcm[i] = limited(x)
		m.clock++
	}
}

// strike adds the notes of a beat, and drops those that nobody hears any more.
func (m *Music) strike() {
	live := m.notes[:0]
	for _, n := range m.notes {
		if float64(m.clock-n.at) < 6*n.length*Rate {
			live = append(live, n)
		}
	}
	m.notes = live
	if m.beat%chordBeats == 0 {
		for _, semitone := range chords[m.beat/chordBeats%len(chords)] {
			m.add(note{instrument: pad, pitch: hertz(semitone - 12), level: 0.06, length: 2})
		}
	}
	if m.beat%2 == 0 {
		m.add(note{instrument: drum, pitch: 60, level: 0.3, length: 0.12})
	}
	m.add(note{instrument: hat, level: 0.05, length: 0.03})
	if m.r.IntN(4) > 0 {
		m.melody = min(max(m.melody+m.r.IntN(5)-2, 0), len(scale)-1)
		m.add(note{instrument: lead, pitch: hertz(scale[m.melody]), level: 0.12, length: 0.35})
	}
}

func (m *Music) add(n note) {
	n.at = m.clock
	m.notes = append(m.notes, n)
}

// hertz of a number of semitones above middle C.
func hertz(semitones int) float64 { return 261.63 * math.Exp2(float64(semitones)/12) }

func (n *note) sample(clock int, r *rand.Rand) float64 {
	t := float64(clock-n.at) / Rate
	loud := n.level * math.Exp(-t/n.length) * min(1, t/0.005)
	turn := 2 * math.Pi * n.pitch * t
	switch n.instrument {
	case pad:
		return loud * (math.Sin(turn) + math.Sin(turn*1.003) + 0.3*math.Sin(2*turn))
	case lead:
		return loud * (math.Sin(turn) + 0.4*math.Sin(2*turn) + 0.2*math.Sin(3*turn) + 0.1*math.Sin(5*turn))
	case drum:
		return loud * math.Sin(turn*(1+math.Exp(-t/0.03)))
	}
	return loud * r.NormFloat64()
}
