package rate

import "time"

const (
	// leastWindow is how long the quickest round trip is remembered, twice over: the way of packets may change.
	leastWindow = 30 * time.Second
	// A round trip of more than maxRoundTrip is a lie, or a clock was set.
	maxRoundTrip = 10 * time.Second
)

// queue measures how long packets wait on their way: by how much the round trip is longer than the quickest one. Receivers
// repeat in their reports when our own sender reports were written (RFC 3550, section 6.4.1).
type queue struct {
	least, older time.Duration // quickest round trip of this window and the one before; 0: none
	since        time.Time     // beginning of this window
	wait         time.Duration // of the newest round trip
	before       time.Duration // of the one before
	at           time.Time
}

// note takes the two fields of a report.
func (q *queue) note(sent, held uint32, now time.Time) {
	if sent == 0 {
		return // the receiver has no sender report yet
	}
	trip := time.Duration(compactNTP(now)-sent-held) * time.Second >> 16
	if trip <= 0 || trip > maxRoundTrip {
		return
	}
	if now.Sub(q.since) > leastWindow {
		q.least, q.older, q.since = 0, q.least, now
	}
	if q.least == 0 || trip < q.least {
		q.least = trip
	}
	least := q.least
	if q.older != 0 {
		least = min(least, q.older)
	}
	q.before, q.wait, q.at = q.wait, trip-least, now
}

// waits returns how long packets wait by the newest two round trips: the shorter, as one may be an accident.
func (q *queue) waits(now time.Time) time.Duration {
	if now.Sub(q.at) > reportExpires {
		return 0
	}
	return min(q.wait, q.before)
}

// compactNTP is the middle of an NTP time: 16 bits of seconds, 16 bits of their fraction.
func compactNTP(t time.Time) uint32 {
	const epoch = 2_208_988_800 // seconds from 1900 to 1970
	seconds := uint64(t.Unix()) + epoch
	return uint32(seconds<<16 | uint64(t.Nanosecond())<<16/1e9)
}
