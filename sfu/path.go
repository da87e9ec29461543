package sfu

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"souffleur/sfu/rate"
	"souffleur/sfu/ring"
)

// path is what is known of the way to one reader. The slots' RTCP loops feed it, the room asks it. Safe for all goroutines.
type path struct {
	estimate estimator // set once
	narrow   func()    // set once: called when the budget has fallen below what was given out

	given   atomic.Uint64 // budget that the room last gave out, bits per second; 0: none since narrow was called
	repeats allowance
}

// estimator is the rate.Estimator of a downlink that is told which streams go there, and what of them was never sent.
type estimator interface {
	rate.Estimator
	FollowVideo(ssrc uint32)
	FollowAudio(ssrc uint32)
	Skipped(ssrc, packets uint32)
	Asked(ssrc uint32, seq uint16, now time.Time)
}

func newPath(narrow func()) *path {
	return &path{estimate: rate.NewReports(rate.DefaultConfig()), narrow: narrow}
}

// follow makes reports of a stream count.
func (p *path) follow(ssrc uint32, audio bool) {
	if audio {
		p.estimate.FollowAudio(ssrc)
	} else {
		p.estimate.FollowVideo(ssrc)
	}
}

// fallen is how much of the budget given out must be left: below it the layers are chosen anew at once.
const fallen = 0.9

// note takes what the receiver reports, and calls narrow if there is less room now.
func (p *path) note(packets []rtcp.Packet, now time.Time) {
	p.estimate.OnRTCP(packets, now)
	given := p.given.Load()
	if given != 0 && float64(p.estimate.Budget(now)) < fallen*float64(given) && p.given.CompareAndSwap(given, 0) {
		p.narrow()
	}
}

// budget returns what may be sent, which the caller gives out.
func (p *path) budget(now time.Time) rate.Bitrate {
	b := p.estimate.Budget(now)
	p.given.Store(uint64(b))
	return b
}

// mayRepeat says whether so many bytes of lost video may be sent again. Sound always may.
func (p *path) mayRepeat(bytes int, now time.Time) bool {
	return p.repeats.take(bytes, p.estimate.Budget(now), now)
}

// What repeats of video may take: a share of the budget, which is more than is lost on a line on which a picture is worth
// sending, and at most 5 % of the largest page of cameras. Where a line is overrun most packets are asked for again, and
// to send them all would keep it overrun. What was not taken can be for repeatSaved.
const (
	repeatShare = 0.25
	repeatMost  = 640 * rate.Kbps
	repeatSaved = 250 * time.Millisecond
)

// allowance is what may still be spent on repeats. Any goroutine may use it.
type allowance struct {
	mu    sync.Mutex // guards all below; a last lock, held for a moment
	bytes float64
	at    time.Time
}

func (a *allowance) take(bytes int, budget rate.Bitrate, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	perSecond := min(repeatShare*float64(budget), float64(repeatMost)) / 8
	a.bytes = min(a.bytes+perSecond*max(now.Sub(a.at), 0).Seconds(), max(perSecond*repeatSaved.Seconds(), ring.MaxPayload))
	a.at = now
	if a.bytes < float64(bytes) {
		return false
	}
	a.bytes -= float64(bytes)
	return true
}
