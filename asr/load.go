package asr

import (
	"math"
	"time"
)

// pressure is how far recognisers fall short of what is said. Each step includes those before it.
type pressure int

const (
	relaxed    pressure = iota // everything in time
	thinned                    // partials come less often than they could
	hurried                    // finals are decoded the quick way, in the way of partials; none is guessed at a pause
	overloaded                 // finals that wait too long are published with the text of the partials, and decoded when there is time
)

// String names the pressure for the log.
func (p pressure) String() string {
	return [...]string{"relaxed", "thinned", "hurried", "overloaded"}[p]
}

// What raises the pressure, and how long it lasts.
const (
	// hurryShare is the part of all recognisers that finals take in which partials starve.
	hurryShare = 0.75
	// hurryAfter is the age of the oldest waiting final from which finals hurry.
	hurryAfter = time.Second
	// fastAfter is how long a final may wait before the text of the partials is published in its place.
	fastAfter = 2500 * time.Millisecond
	// calmAfter is how long it must be calm before the pressure falls by one step, so that it does not swing.
	calmAfter = 10 * time.Second
	// shareMemory is the time constant over which the recognisers' time is averaged.
	shareMemory = 5 * time.Second
)

// load weighs how busy recognisers are. The scheduler guards it with its mutex.
type load struct {
	hands    int
	finals   float64 // seconds of recognisers' time that finals took, fading with shareMemory
	at       time.Time
	now      pressure
	calmFrom time.Time // since when less than now would do
}

// took notes that a final occupied a recogniser.
func (l *load) took(at time.Time, d time.Duration) {
	l.fade(at)
	l.finals += d.Seconds()
}

func (l *load) fade(at time.Time) {
	if !l.at.IsZero() {
		l.finals *= math.Exp(-at.Sub(l.at).Seconds() / shareMemory.Seconds())
	}
	l.at = at
}

// finalShare is the part of all recognisers that finals take, 0 to about 1.
func (l *load) finalShare(at time.Time) float64 {
	l.fade(at)
	return l.finals / (shareMemory.Seconds() * float64(l.hands))
}

// weigh sets the pressure from what it takes at the moment: upwards at once, back by a step when it was calm for long enough.
func (l *load) weigh(at time.Time, partialsThinned bool, oldestFinal time.Duration) {
	needed := relaxed
	switch share := l.finalShare(at); {
	case oldestFinal >= fastAfter:
		needed = overloaded
	case oldestFinal >= hurryAfter || share >= hurryShare:
		needed = hurried
	case partialsThinned:
		needed = thinned
	}
	if needed >= l.now {
		l.now, l.calmFrom = needed, at
		return
	}
	if at.Sub(l.calmFrom) >= calmAfter {
		l.now, l.calmFrom = l.now-1, at
	}
}
