package sfu

import (
	"time"

	"souffleur/internal/signal"
	"souffleur/sfu/rate"
)

// What layers are taken for until they have been measured: bit rates and heights of what browsers are told to send.
var (
	nominalCamera    = nominal{900 * rate.Kbps, 720}
	nominalScreen    = nominal{1500 * rate.Kbps, 1080}
	nominalSimulcast = map[string]nominal{
		"q": {150 * rate.Kbps, 180}, "h": {500 * rate.Kbps, 360}, "f": {1700 * rate.Kbps, 720},
	}
)

type nominal struct {
	bitrate rate.Bitrate
	height  int
}

// nominal returns what the layer is taken for until it has been measured.
func (l *layer) nominal() nominal {
	switch {
	case l.rid != "":
		return nominalSimulcast[l.rid]
	case l.track.source == signal.Screen:
		return nominalScreen
	}
	return nominalCamera
}

// volumeWindow is how long a bit rate is measured: long enough that a key frame does not look like a rise.
const volumeWindow = 500 * time.Millisecond

// volume is what has been measured of a layer. Only the room's goroutine uses it; the counters are the intake's.
type volume struct {
	from    time.Time    // of the present window; zero: none has begun
	octets  uint64       // at its beginning
	bitrate rate.Bitrate // smoothed; 0: not measured yet
}

// measure ends a window when its time has come.
func (l *layer) measure(now time.Time) {
	m := &l.volume
	octets := l.count.octets.Load()
	if !l.live(now) {
		*m = volume{}
		return
	}
	if m.from.IsZero() {
		m.from, m.octets = now, octets
	}
	passed := now.Sub(m.from)
	if passed < volumeWindow {
		return
	}
	newest := rate.Bitrate(float64(octets-m.octets) * 8 / passed.Seconds())
	if m.bitrate == 0 {
		m.bitrate = newest
	}
	m.bitrate = (m.bitrate + newest) / 2
	m.from, m.octets = now, octets
}
