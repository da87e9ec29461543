package sfu

import (
	"sync"
	"time"
)

// ntpEpoch is the zero of NTP timestamps, 1900, in seconds before Unix time.
const ntpEpoch = 2208988800

// toNTP returns t in NTP's 32.32 fixed point, as sender reports carry it (RFC 3550, 4).
func toNTP(t time.Time) uint64 {
	ns := uint64(t.UnixNano()) + ntpEpoch*uint64(time.Second)
	seconds := ns / uint64(time.Second)
	return seconds<<32 | (ns%uint64(time.Second))<<32/uint64(time.Second)
}

// fromNTP is the inverse of toNTP, until 2036.
func fromNTP(ntp uint64) time.Time {
	return time.Unix(int64(ntp>>32)-ntpEpoch, int64(ntp&0xFFFFFFFF*uint64(time.Second)>>32))
}

// timing is what a publisher said in a sender report: rtp was captured at at, in the server's time, and at said by the
// publisher's own clock.
type timing struct {
	at   time.Time
	said time.Time
	rtp  uint32
}

// senderClock translates a publisher's wall clock into the server's, for all tracks of one publisher alike: their lip
// sync stays exact, and a slot that moves from one publisher to another stays on one clock.
type senderClock struct {
	mu     sync.Mutex // guards offset, known
	offset time.Duration
	known  bool
}

// drift is how fast the offset follows larger values, as a fraction of the difference a report. The smallest offset has
// the least network delay in it; larger ones are mostly queues, and slowly the drift of two clocks.
const drift = 64

// serverTime returns the server's time of what the publisher dates at, in a report that arrived now.
func (c *senderClock) serverTime(at, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	sample := now.Sub(at)
	if !c.known || sample < c.offset {
		c.offset, c.known = sample, true
	} else {
		c.offset += (sample - c.offset) / drift
	}
	return at.Add(c.offset)
}
