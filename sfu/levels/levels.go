// Package levels decides which microphones are forwarded: the few that are heard. It measures each from the level its
// sender writes into every packet (RFC 6464) and gives seats to those who talk. Levels are a client's claim: they choose
// what is forwarded, nothing else; bots hear every microphone.
package levels

import (
	"sync/atomic"
	"time"
)

// Silence is the level of digital silence in RFC 6464: levels are minus dBov, so 0 is the loudest.
const Silence = 127

const (
	// threshold is the loudness (Silence minus level) from which a microphone counts as talking: -50 dBov. Speech into a
	// headset is at -20 to -40, a quiet room with its gain turned up at -55 to -65.
	threshold = Silence - 50
	// smoothing is the weight of a new packet, 1/4: four packets of 20 ms, so a click does not count as speech.
	smoothing = 4
	// stale is how old the newest packet may be: with DTX a silent microphone sends one packet in 400 ms.
	stale = 100 * time.Millisecond
)

// Meter measures one microphone. Note is called by one goroutine, Loudness by any.
type Meter struct {
	ema  atomic.Int32 // loudness, in 1/16
	last atomic.Int64 // Unix time of the newest packet, in ns
}

// Note counts one packet with its RFC 6464 level, 0 to 127.
func (m *Meter) Note(level uint8, now time.Time) {
	loudness := int32(Silence-min(level, Silence)) * 16
	old := m.ema.Load()
	if now.UnixNano()-m.last.Load() > int64(stale) {
		old = 0
	}
	m.ema.Store(old + (loudness-old)/smoothing)
	m.last.Store(now.UnixNano())
}

// Loudness returns 0 for silence, else up to 127.
func (m *Meter) Loudness(now time.Time) int {
	if now.UnixNano()-m.last.Load() > int64(stale) {
		return 0
	}
	if l := int(m.ema.Load() / 16); l >= threshold {
		return l
	}
	return 0
}
