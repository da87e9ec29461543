package voices

import "math"

// Samples of the clock: 16 a millisecond.
const (
	rate  = 16000
	perMS = rate / 1000
	frame = 512 // samples that are judged together
)

// How speech is found. All lengths are in samples.
const (
	onset     = 0.4          // probability at which speech begins
	offset    = 0.2          // and below which it pauses
	pause     = 300 * perMS  // silence that ends a unit
	pad       = 20 * perMS   // before and behind the voiced frames
	leastUnit = 250 * perMS  // of voice; shorter is a click
	jitter    = 20 * perMS   // between Push's times and the samples counted, until a gap is believed
	longGap   = 1000 * perMS // after which the detector begins afresh
)

const (
	voicedBit = 0x80
	half      = frame / 2
	early     = 4 // halves of frames, 64 ms, by which detection may be late; turns begin there if it is loud
)

// unit is speech without a pause of 300 ms.
type unit struct {
	start, end int64
	from       int64   // position of the first frame
	levels     []uint8 // of each half frame, in decibels above -100 dBFS; those of voice have the highest bit set
	floor      uint8   // level of the track without voice
}

// listener finds units in the samples of one track.
type listener struct {
	detector Detector
	pcm      []float32 // samples from at on: what a window may still need
	at       int64
	judged   int64 // position of the next frame
	begun    bool

	open      bool
	start     int64 // of the open unit
	voiced    int64 // end of its last voiced frame
	voice     int64 // voiced samples in it
	levels    []uint8
	levelFrom int64
	before    []uint8 // levels right before a unit: at most early

	power  float64 // running mean square of the track's speech
	weight float64 // speech that power has seen, in frames; bounded by memory

	floor   float64 // level without voice
	floored bool    // floor is set
}

// memory is over how many frames of speech the loudness of a track is taken: 10 s.
const memory = 10 * rate / frame

// end is the position behind the last sample taken.
func (l *listener) end() int64 { return l.at + int64(len(l.pcm)) }

// take adds samples that begin at a position. It reports whether what was open before had to end: time is missing.
func (l *listener) take(at int64, pcm []float32) (gap bool) {
	if !l.begun {
		l.begun, l.at, l.judged = true, at, at
	}
	switch missing := at - l.end(); {
	case missing > jitter:
		if missing >= longGap {
			l.detector.Reset()
		}
		l.at, l.judged, l.pcm, l.before = at, at, l.pcm[:0], l.before[:0]
		gap = true
	case missing < -jitter: // heard before
		skip := min(-missing, int64(len(pcm)))
		pcm = pcm[skip:]
	}
	for _, s := range pcm {
		if s-s != 0 { // not finite: damaged audio is silence
			s = 0
		}
		l.pcm = append(l.pcm, s)
	}
	return gap
}

// verdict is what a frame did.
type verdict int

const (
	nothing verdict = iota
	speaks
	ends // the unit is over, and worth hearing
)

// judge looks at the next frame; ok says whether there was one.
func (l *listener) judge() (v verdict, ok bool) {
	if l.end() < l.judged+frame {
		return nothing, false
	}
	samples := l.pcm[l.judged-l.at:][:frame]
	p, err := l.detector.Probability(samples)
	if err != nil || p != p {
		p = 0
	}
	from := l.judged
	l.judged += frame
	return l.decide(p, meanSquare(samples[:half]), meanSquare(samples[half:]), from), true
}

func meanSquare(samples []float32) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return sum / float64(len(samples))
}

// decide takes a frame by its probability and the mean squares of its halves.
func (l *listener) decide(p float32, first, second float64, from int64) verdict {
	square := (first + second) / 2
	if !l.open {
		if p < onset {
			l.silence(square)
			l.before = append(l.before, level(first), level(second))
			l.before = l.before[max(0, len(l.before)-early):]
			l.forget()
			return nothing
		}
		l.open, l.start, l.voiced, l.voice = true, max(from-pad, l.at), l.judged, frame
		l.levels = append(append(l.levels[:0], l.before...), level(first)|voicedBit, level(second)|voicedBit)
		l.levelFrom = from - int64(len(l.before))*half
		l.heard(square)
		return speaks
	}
	if p < offset {
		l.silence(square)
		l.levels = append(l.levels, level(first), level(second))
	} else {
		l.levels = append(l.levels, level(first)|voicedBit, level(second)|voicedBit)
		l.voiced = l.judged
		l.voice += frame
		l.heard(square)
	}
	if l.judged-l.voiced < pause {
		return speaks
	}
	return l.finish()
}

// finish ends the open unit.
func (l *listener) finish() verdict {
	if !l.open {
		return nothing
	}
	l.open, l.before = false, l.before[:0]
	if l.voice < leastUnit {
		return nothing
	}
	return ends
}

// silence follows the loudness of what is no speech: quickly downwards, 6 dB in ten seconds upwards.
func (l *listener) silence(square float64) {
	db := float64(level(square))
	l.floor = min(l.floor+0.02, db)
	if !l.floored {
		l.floor, l.floored = db, true
	}
}

// heard follows the loudness of speech.
func (l *listener) heard(square float64) {
	l.weight = min(l.weight+1, memory)
	l.power += (square - l.power) / l.weight
}

// quiet is the loudness that speech is raised to: the front end has no logarithm (Resemblyzer's audio_norm_target_dBFS).
const quiet = -30 // dBFS

// gain is what speech is multiplied by: never less than 1.
func (l *listener) gain() float32 {
	if l.power <= 0 {
		return 1
	}
	return float32(max(1, min(1000, math.Pow(10, quiet/20.0)/math.Sqrt(l.power))))
}

// unit is the unit that just ended.
func (l *listener) unit() unit {
	return unit{start: min(l.start, l.levelFrom), from: l.levelFrom, end: min(l.voiced+pad, l.end()), levels: append([]uint8(nil), l.levels...), floor: uint8(l.floor)}
}

// forget drops what no unit can need any more.
func (l *listener) forget() {
	if n := l.judged - pad - l.at; n > rate {
		l.pcm = append(l.pcm[:0], l.pcm[n:]...)
		l.at += n
	}
}

// since drops what lies before a position of the open unit.
func (l *listener) since(from int64) {
	if n := from - l.at; n > rate {
		l.pcm = append(l.pcm[:0], l.pcm[n:]...)
		l.at += n
	}
}

// level is a mean square in decibels above -100 dBFS.
func level(square float64) uint8 {
	if square <= 1e-10 {
		return 0
	}
	return uint8(min(100+10*math.Log10(square), 100))
}

// loudness is a Detector that knows no speech: it takes for voice what is 9 dB above the floor of the last seconds. It is
// there for builds without the speech engine.
type loudness struct{ floor float64 }

func (d *loudness) Reset() { d.floor = 0 }

// Probability implements Detector.
func (d *loudness) Probability(window []float32) (float32, error) {
	db := float64(level(meanSquare(window)))
	if d.floor == 0 {
		d.floor = min(db, 45)
	}
	if db < d.floor {
		d.floor = db
	}
	d.floor += 0.02 // 0.6 dB a second: rooms become louder
	if db > max(d.floor+9, 30) {
		return 1, nil
	}
	return 0, nil
}
