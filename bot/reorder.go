package bot

import (
	"time"
)

// repairWait is how long a missing packet may still come as a retransmission before its gap is written as a gap.
// NACK repairs take a round trip and a bit; captions lose nothing by it, because a record spans 100 ms anyway.
const repairWait = 150 * time.Millisecond

// maxHeld bounds the packets that wait behind a gap: more than repairWait can hold of 10 ms packets. When it is full
// the gap is written at once.
const maxHeld = 32

// packet is one Opus packet of a track with extended sequence and RTP time.
type packet struct {
	seq     uint64
	rtp     uint64 // extended, as sent (not yet counted from the epoch)
	arrival time.Time
	kept    bool // may be stored as sound
	opus    []byte
	skipped bool // packets before it were dropped by the recorder
}

// reorder puts packets back in sequence. The zero value waits for its first packet.
type reorder struct {
	next uint64 // sequence expected next
	any  bool
	held []packet // sorted by seq, all above next
}

// push takes a packet in any order and returns those that are now in sequence. Doubles and packets older than what was
// already given out are dropped.
func (r *reorder) push(p packet) []packet {
	if !r.any {
		r.any, r.next = true, p.seq
	}
	if p.seq < r.next {
		return nil
	}
	at := len(r.held)
	for at > 0 && r.held[at-1].seq >= p.seq {
		at--
	}
	if at < len(r.held) && r.held[at].seq == p.seq {
		return nil
	}
	r.held = append(r.held, packet{})
	copy(r.held[at+1:], r.held[at:])
	r.held[at] = p
	if len(r.held) > maxHeld {
		r.next = r.held[0].seq
	}
	return r.release()
}

// expire gives up on gaps that have been open for repairWait at now, and returns the packets behind them.
func (r *reorder) expire(now time.Time) []packet {
	if len(r.held) == 0 || now.Sub(r.held[0].arrival) < repairWait {
		return nil
	}
	r.next = r.held[0].seq
	return r.release()
}

// flush returns everything held, gaps or not.
func (r *reorder) flush() []packet {
	out := r.held
	r.held = nil
	if len(out) > 0 {
		r.next = out[len(out)-1].seq + 1
	}
	return out
}

func (r *reorder) release() []packet {
	n := 0
	for n < len(r.held) && r.held[n].seq == r.next {
		r.next++
		n++
	}
	out := r.held[:n:n]
	r.held = r.held[n:]
	if len(r.held) == 0 {
		r.held = nil
	}
	return out
}

// unwrap extends 16-bit sequence numbers and 32-bit RTP timestamps (RFC 3550 appendix A.1) past their wrap-around.
// Values may step backwards by less than half their range. The zero value starts at the first value, plus one full
// range so that an early packet that arrives late stays above zero.
type unwrap struct {
	bits uint
	last uint64
	any  bool
}

func (u *unwrap) extend(v uint64) uint64 {
	span := uint64(1) << u.bits
	if !u.any {
		u.any, u.last = true, span+v
		return u.last
	}
	forward := (v - u.last) & (span - 1)
	next := u.last + forward
	if forward >= span/2 {
		if next -= span; next > u.last { // below zero: a foreign packet far in the past
			return u.last
		}
		return next
	}
	u.last = next
	return next
}
