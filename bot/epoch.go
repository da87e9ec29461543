package bot

import (
	"time"
)

// clockTolerance is how far a track's RTP clock and the arrival clock may part before the track gets a new epoch. Above
// the jitter of a bad network's best packets, below what a reader would notice between speech and caption.
const clockTolerance = 300 * time.Millisecond

// driftWindow is how long the clocks must disagree. The best packet of a window counts, so a stalled network that
// delivers late and then catches up does not look like a jump.
const driftWindow = time.Second

const ticksPerMillisecond = 48 // RTP clock of Opus, RFC 7587 section 4.1

// epochClock follows one track's RTP clock inside one epoch and tells when it can no longer be trusted: browsers stop
// the RTP clock while a track is detached, so after an unmute it lags behind the room by the length of the mute.
type epochClock struct {
	start time.Time // arrival of the epoch's first packet

	windowStart time.Time
	best        time.Duration // smallest disagreement of the window
	seen        bool
}

func newEpochClock(start time.Time) *epochClock { return &epochClock{start: start} }

// jumped takes the arrival of a packet with rtp ticks since the start of the epoch, and says whether the epoch is over.
func (c *epochClock) jumped(rtp uint64, arrival time.Time) bool {
	off := arrival.Sub(c.start) - time.Duration(rtp/ticksPerMillisecond)*time.Millisecond
	if !c.seen || abs(off) < abs(c.best) {
		c.best = off
	}
	if !c.seen {
		c.seen, c.windowStart = true, arrival
		return false
	}
	if arrival.Sub(c.windowStart) < driftWindow {
		return false
	}
	over := abs(c.best) > clockTolerance
	c.windowStart, c.best, c.seen = arrival, off, true
	return over
}

func abs(d time.Duration) time.Duration {
	if d < 0 {
		return -d
	}
	return d
}
