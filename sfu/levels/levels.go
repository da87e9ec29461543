// Package levels decides which microphones are forwarded: the few that are heard. It measures each from the level its
// sender writes into every packet (RFC 6464) and gives seats to those who talk. Levels are a client's claim: they choose
// what is forwarded, nothing else; bots hear every microphone. A claim that no voice could make, a level that never varies
// or talk without a pause for a minute, keeps nobody from being heard.
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
	// flatFor is how long a level must not have varied for a microphone to count as silent: it is a hum, or a client
	// that claims to be loud. Within a second speech varies by 20 dB and more, even in syllables without a pause.
	flatFor = 3 * time.Second
	// flatRange is by how much a level that does not vary may vary, in dB.
	flatRange = 3
)

// Meter measures one microphone. Note is called by one goroutine, Loudness by any.
type Meter struct {
	ema  atomic.Int32 // loudness, in 1/16
	last atomic.Int64 // Unix time of the newest packet, in ns
	flat atomic.Bool  // the level has not varied for flatFor

	began time.Time // of young; Note's own, as all below
	young span      // levels of the present half of flatFor
	old   span      // and of the half before
}

// span is the lowest and the highest level of some packets. Its zero value is of none.
type span struct {
	any       bool
	low, high uint8
}

func (s *span) add(level uint8) {
	if !s.any {
		*s = span{true, level, level}
		return
	}
	s.low, s.high = min(s.low, level), max(s.high, level)
}

// flat says whether both spans together are.
func flat(a, b span) bool {
	return a.any && b.any && max(a.high, b.high)-min(a.low, b.low) < flatRange
}

// Note counts one packet with its RFC 6464 level, 0 to 127.
func (m *Meter) Note(level uint8, now time.Time) {
	loudness := int32(Silence-min(level, Silence)) * 16
	old := m.ema.Load()
	passed := now.UnixNano() - m.last.Load()
	if passed > int64(stale) {
		old = 0
	}
	if passed > int64(flatFor) {
		m.began, m.young, m.old = now, span{}, span{} // the pause alone is variation enough
		m.flat.Store(false)
	}
	m.vary(level, now)
	m.ema.Store(old + (loudness-old)/smoothing)
	m.last.Store(now.UnixNano())
}

// vary notes whether the level varies.
func (m *Meter) vary(level uint8, now time.Time) {
	if now.Sub(m.began) > flatFor/2 {
		m.flat.Store(flat(m.young, m.old)) // both halves are full
		m.began, m.old, m.young = now, m.young, span{}
	}
	m.young.add(level)
	if m.flat.Load() && !flat(m.young, m.old) {
		m.flat.Store(false)
	}
}

// Loudness returns 0 for silence and for what is no voice, else up to 127.
func (m *Meter) Loudness(now time.Time) int {
	if now.UnixNano()-m.last.Load() > int64(stale) || m.flat.Load() {
		return 0
	}
	if l := int(m.ema.Load() / 16); l >= threshold {
		return l
	}
	return 0
}
