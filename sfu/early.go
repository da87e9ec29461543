package sfu

import (
	"slices"
	"time"

	"souffleur/sfu/ring"
)

// A client that unmutes says so by signalling and sends at once, and the packets may overtake the message. early keeps
// the beginning of what a muted layer sends, so that the first word and the first key frame are not lost when the
// message arrives a moment later.
//
// Mute means off: only a stream that has just begun can have overtaken the message. So what is kept begins after a pause,
// nothing is kept right after a mute (those packets may be from before it), and a stream that goes on longer than
// maxEarly is one of somebody who talks while muted, and is thrown away up to its next pause.
type early struct {
	kept   []kept    // oldest first; bounded by earlyPackets, beyond which the whole beginning is thrown away
	began  time.Time // when the present beginning began
	newest time.Time // newest packet, kept or not
	open   time.Time // newest packet that was forwarded
	over   bool      // the present stream is not a beginning any more
}

type kept struct {
	packet ring.Packet
	level  uint8
}

const (
	// maxEarly is the longest lead that packets can have over the message, and still be let through.
	maxEarly = 300 * time.Millisecond
	// earlyPackets bounds what is kept of a layer: 300 ms of audio are 15 packets, of a camera that starts about 40.
	earlyPackets = 64
	// pause is the silence before a beginning. A client that did not stop sending has no packets more than 120 ms apart,
	// the longest frame of Opus, but for those of silence.
	pause = 150 * time.Millisecond
	// afterMute is how long after the last forwarded packet nothing is kept.
	afterMute = 500 * time.Millisecond
)

// keep takes a packet of a muted layer.
func (e *early) keep(p *ring.Packet, level uint8, now time.Time) {
	began := now.Sub(e.newest) >= pause
	e.newest = now
	if began {
		e.discard()
		e.began, e.over = now, now.Sub(e.open) < afterMute
	}
	if e.over {
		return
	}
	if now.Sub(e.began) > maxEarly || len(e.kept) == earlyPackets || len(p.Payload) > ring.MaxPayload {
		e.discard()
		e.over = true
		return
	}
	k := kept{packet: *p, level: level}
	k.packet.Payload = slices.Clone(p.Payload)
	e.kept = append(e.kept, k)
}

func (e *early) any() bool { return len(e.kept) > 0 }

// passed notes that a packet is forwarded: what follows without a pause is no beginning.
func (e *early) passed(now time.Time) {
	e.newest, e.open, e.over = now, now, true
}

// release gives what was kept to pass, oldest first, if the stream has gone on without a pause until now, and is young
// enough to have overtaken the message.
func (e *early) release(now time.Time, pass func(*ring.Packet, uint8)) {
	if now.Sub(e.newest) < pause && now.Sub(e.began) <= maxEarly+pause {
		for i := range e.kept {
			pass(&e.kept[i].packet, e.kept[i].level)
		}
	}
	e.discard()
}

func (e *early) discard() { e.kept = nil }
