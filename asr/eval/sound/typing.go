package sound

import (
	"math"
	"math/rand/v2"
)

// Typing is somebody at a keyboard beside the microphone: keys go down and come up, in words with pauses between, and now and
// then a harder key.
type Typing struct {
	r     *rand.Rand
	clock int // samples written
	next  int // when the next key goes down
	word  int // keys left of the word
	taps  []tap
}

// tap is one sound of a key: noise through a resonance, dying away.
type tap struct {
	at            int // first sample
	level, decay  float64
	a1, a2        float64 // of the resonator
	y1, y2, noise float64
}

// NewTyping returns typing from the beginning of a word.
func NewTyping(seed uint64) *Typing { return &Typing{r: random(seed, 3), word: 5} }

// Read implements Source.
func (t *Typing) Read(pcm []float32) {
	for i := range pcm {
		if t.clock >= t.next {
			t.press()
		}
		x := 0.0
		for k := range t.taps {
			if t.taps[k].at <= t.clock {
				x += t.taps[k].sample(t.r)
			}
		}
		if t.clock%Rate == 0 {
			t.forget()
		}
		pcm[i] = limited(x)
		t.clock++
	}
}

// press lets a key go down now and up a little later, and decides on the next.
func (t *Typing) press() {
	level := 0.15 + 0.25*t.r.Float64()
	pitch := 1800 + 2600*t.r.Float64()
	t.taps = append(t.taps,
		newTap(t.clock, level, pitch), newTap(t.clock+samples(0.06+0.05*t.r.Float64()), level/2, pitch*1.2))
	t.word--
	wait := 0.09 + 0.12*t.r.Float64()
	if t.word <= 0 {
		t.word = 2 + t.r.IntN(9)
		wait += 0.15 + t.r.ExpFloat64()*0.6
	}
	t.next = t.clock + samples(wait)
}

// forget drops the taps that nobody hears any more.
func (t *Typing) forget() {
	live := t.taps[:0]
	for _, k := range t.taps {
		if k.level > 1e-5 {
			live = append(live, k)
		}
	}
	t.taps = live
}

// newTap resonates at a pitch in hertz with a bandwidth of a third of it.
func newTap(at int, level, pitch float64) tap {
	radius := math.Exp(-math.Pi * pitch / 3 / Rate)
	return tap{
		at: at, level: level, decay: math.Exp(-1 / (0.008 * Rate)),
		a1: 2 * radius * math.Cos(2*math.Pi*pitch/Rate), a2: -radius * radius,
	}
}

func (k *tap) sample(r *rand.Rand) float64 {
	y := k.level*0.3*r.NormFloat64() + k.a1*k.y1 + k.a2*k.y2
	k.y1, k.y2 = y, k.y1
	k.level *= k.decay
	return y
}
