// Package sound makes sounds without speech, to see whether a recogniser writes words for them: silence, noise, typing and
// music. Each is a function of its seed alone, sample for sample. [Opus] encodes a sound as a browser would.
//
// Start reading at [All].
package sound

import (
	"math"
	"math/rand/v2"
)

// Rate is the rate of all sounds, in hertz: that of Opus.
const Rate = 48000

// Source writes the next samples of a sound without end, mono, in [-1, 1].
type Source interface{ Read(pcm []float32) }

// Sound is a named source.
type Sound struct {
	Name string
	Source
}

// All returns one of each sound from its beginning.
func All(seed uint64) []Sound {
	return []Sound{
		{"digital silence", Silence{}},
		{"faint noise", NewHiss(seed, 0.001)},
		{"pink noise", NewPink(seed, 0.05)},
		{"typing", NewTyping(seed)},
		{"music", NewMusic(seed)},
	}
}

// Silence is digital silence.
type Silence struct{}

// Read implements Source.
func (Silence) Read(pcm []float32) { clear(pcm) }

// Hiss is white noise, as of a microphone's amplifier.
type Hiss struct {
	r   *rand.Rand
	rms float64
}

// NewHiss returns Gaussian white noise with the given root mean square.
func NewHiss(seed uint64, rms float64) *Hiss { return &Hiss{random(seed, 1), rms} }

// Read implements Source.
func (h *Hiss) Read(pcm []float32) {
	for i := range pcm {
		pcm[i] = limited(h.rms * h.r.NormFloat64())
	}
}

// pinkRows is how many octaves of pink noise fall by 3 dB: below 48000/2^16 Hz it is flat.
const pinkRows = 16

// Pink is pink noise, as of air conditioning: power falls by 3 dB an octave. The method is that of Voss and McCartney: sums of
// white noises of which each is renewed half as often as the one before.
type Pink struct {
	r     *rand.Rand
	scale float64
	rows  [pinkRows]float64
	sum   float64
	n     uint32
}

// NewPink returns pink noise with about the given root mean square.
func NewPink(seed uint64, rms float64) *Pink {
	p := &Pink{r: random(seed, 2), scale: rms / math.Sqrt(pinkRows+1)}
	for i := range p.rows {
		p.rows[i] = p.r.NormFloat64()
		p.sum += p.rows[i]
	}
	return p
}

// Read implements Source.
func (p *Pink) Read(pcm []float32) {
	for i := range pcm {
		p.n++
		row := 0
		for m := p.n; m&1 == 0 && row < pinkRows-1; m >>= 1 {
			row++
		}
		fresh := p.r.NormFloat64()
		p.sum += fresh - p.rows[row]
		p.rows[row] = fresh
		pcm[i] = limited(p.scale * (p.sum + p.r.NormFloat64()))
	}
}

// random returns the randomness of one sound.
func random(seed, sound uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, sound)) }

func limited(x float64) float32 { return float32(min(max(x, -1), 1)) }

// samples converts seconds.
func samples(seconds float64) int { return int(seconds * Rate) }
