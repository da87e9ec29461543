package rate

import (
	"time"

	"souffleur/sfu/seqnum"
)

// Reports come once a second. A link that is suddenly too small loses most packets within a tenth of that, and sound with
// them; but receivers ask for what they miss at once. So a burst of such requests is counted, too: only as long as it is
// heavy, since a request says nothing of what arrived outside of it.
const (
	burstPause   = 200 * time.Millisecond // without requests a burst is over
	burstLength  = 120 * time.Millisecond // it is judged after so long,
	burstPackets = 30                     // and by so many packets at least
	askedWindow  = 1024                   // packets of which is known whether they were asked for
)

// burst is a time in which packets of video are asked for again.
type burst struct {
	from, last  time.Time
	lost, total int // packets asked for, and all between the first and the last of them
}

// asked is what was asked for of one stream. Requests are repeated until the packet comes: each packet counts once.
type asked struct {
	any    bool
	newest uint16
	bits   [askedWindow / 64]uint64
}

// noteAsked counts a packet that a receiver asks for.
func (l *losses) noteAsked(ssrc uint32, seq uint16, now time.Time) {
	s := l.find(ssrc)
	if s == nil || s.audio {
		return
	}
	b := &l.burst
	if now.Sub(b.last) > burstPause {
		*b = burst{from: now}
		for i := range l.following {
			l.streams[i].asked.any = false
		}
	}
	b.last = now
	b.count(&s.asked, seq)
}

func (b *burst) count(a *asked, seq uint16) {
	ahead := seqnum.Ahead(a.newest, seq)
	switch {
	case !a.any || ahead >= askedWindow:
		*a = asked{any: true, newest: seq - 1}
		ahead = 1
	case ahead <= -askedWindow:
		return
	}
	for ; ahead > 0; ahead-- {
		a.newest++
		b.total++
		a.bits[a.newest/64%uint16(len(a.bits))] &^= 1 << (a.newest % 64)
	}
	word, bit := &a.bits[seq/64%uint16(len(a.bits))], uint64(1)<<(seq%64)
	if *word&bit == 0 {
		*word |= bit
		b.lost++
	}
}

// judgeBurst returns the share lost in a burst, and how much video arrived beside it in bits per second, when there is
// enough to tell. The next burst is counted anew.
func (l *losses) judgeBurst(now time.Time) (share, arriving float64, ok bool) {
	b := &l.burst
	passed := now.Sub(b.from)
	if b.total < burstPackets || passed < burstLength {
		return 0, 0, false
	}
	share = float64(min(b.lost, b.total)) / float64(b.total)
	arriving = 8 * l.size * float64(max(b.total-b.lost, 0)) / passed.Seconds()
	b.from, b.lost, b.total = now, 0, 0
	return share, arriving, true
}
