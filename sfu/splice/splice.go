// Package splice makes one continuous RTP stream out of packets of changing sources: what a media slot sends while it is
// switched from one camera or microphone to another, or between the simulcast layers of one camera. It rewrites numbers
// only; it sends nothing, keeps no packets and knows no locks. Start reading at [Stream].
//
// To the receiver it looks as if one encoder had been running all the time: sequence numbers go on without a gap,
// timestamps advance by the time that has passed, VP8 picture numbers go on rising (RFC 3550, RFC 7741).
package splice

import (
	"time"

	"souffleur/sfu/seqnum"
	"souffleur/sfu/vp8"
)

// In is what a source's packet says that matters here.
type In struct {
	Seq      uint16
	TS       uint32
	Marker   bool
	Empty    bool           // only padding: a bandwidth probe, not media
	KeyFrame bool           // video: a stream may begin with this packet
	VP8      vp8.Descriptor // zero for all but VP8
}

// Out is what the same packet says in the spliced stream.
type Out struct {
	Seq       uint16
	TS        uint32
	Marker    bool
	PictureID uint16 // 15 bits; meaningless if the source has none
	TL0       uint8
}

// spans is how many runs of one mapping a stream remembers, the present one included. A run ends with a switch or with
// dropped padding, so in practice this reaches back seconds; the oldest is overwritten, and repeats from it are refused.
const spans = 32

// maxLate is how far behind the newest packet a repeat is still answered: no ring holds more.
const maxLate = 1024

// span is a run of source packets that share one mapping.
type span[S comparable] struct {
	source   S
	switched bool   // the span was begun by a switch, not by dropped padding
	dropped  bool   // the source has ended: see Drop
	first    uint16 // source sequence number it begins with
	seq      uint16 // what is added to a source's numbers
	ts       uint32
	picture  uint16
	tl0      uint8
}

// Stream is the state of one slot. Its methods allocate nothing, but for the memory of past mappings, once. It is not safe
// for concurrent use.
type Stream[S comparable] struct {
	clockRate uint32
	step      uint32 // least advance of the timestamp at a switch: one frame, in ticks
	isAudio   bool

	begun int             // spans begun since the start
	now   span[S]         // the present one; meaningless before the first
	past  *[spans]span[S] // those before; span i is past[i%spans]. Made by the second: most slots never have one

	highest uint16 // newest source packet seen in the present span's source

	sent      bool   // below: the newest packet sent
	seq       uint16 // also counts numbers left free
	ts        uint32
	at        time.Time
	pictured  bool // below: the newest picture numbers sent
	picture   uint16
	tl0       uint8
	lastShort uint16 // newest 7-bit picture ID of the present source, before unwrapping
	hasShort  bool
}

// NewAudio returns a stream for Opus (48 kHz), which may switch at any packet. Its first packet has number seq and time ts.
func NewAudio[S comparable](seq uint16, ts uint32) *Stream[S] {
	return &Stream[S]{clockRate: 48000, step: 960, isAudio: true, seq: seq - 1, ts: ts}
}

// NewVideo returns a stream for VP8 and H.264 (90 kHz), which must be switched at the first packet of a key frame. Its
// first packet has number seq and time ts.
func NewVideo[S comparable](seq uint16, ts uint32) *Stream[S] {
	return &Stream[S]{clockRate: 90000, step: 3000, seq: seq - 1, ts: ts}
}

// Switch makes source the one that Next maps, beginning with packet in, which the caller passes to Next afterwards.
func (s *Stream[S]) Switch(source S, in In, now time.Time) {
	next := s.ts
	if s.sent {
		next += s.elapsed(now)
	}
	s.switchTo(source, in, next)
}

// Follow is Switch to another encoding of the same picture: same is what the time of packet in reads on the clock of the
// present source, so that the picture goes on exactly where it was. A time that cannot be, because a publisher's reports
// are wrong, is not used.
func (s *Stream[S]) Follow(source S, in In, same uint32, now time.Time) {
	if s.begun == 0 || !s.sent || s.present().dropped {
		s.Switch(source, in, now)
		return
	}
	next := same + s.present().ts
	guess := s.ts + s.elapsed(now)
	if off := seqnum.AheadTS(guess, next); off > maxDeviation || off < -maxDeviation {
		next = guess
	}
	if seqnum.AheadTS(s.ts, next) <= 0 {
		next = s.ts + 1 // this very picture was sent already, from the other source: it must not be taken for the same frame
	}
	s.switchTo(source, in, next)
}

// maxDeviation is how far a reported time may be from the time that has passed, in ticks of video: one second.
const maxDeviation = 90000

// switchTo begins a span whose first packet has time next.
func (s *Stream[S]) switchTo(source S, in In, next uint32) {
	p := span[S]{source: source, switched: true, first: in.Seq, seq: s.seq + 1 - in.Seq, ts: next - in.TS}
	if s.pictured {
		p.picture = (s.picture + 1 - in.VP8.PictureID) & seqnum.PictureMask
		p.tl0 = s.tl0 + 1 - in.VP8.TL0
	}
	s.begin(p)
	s.highest = in.Seq - 1
	s.hasShort = false
}

// elapsed returns the ticks since the newest packet was sent, at least one frame.
func (s *Stream[S]) elapsed(now time.Time) uint32 {
	passed := now.Sub(s.at)
	if passed < 0 {
		passed = 0
	}
	ticks := uint32(uint64(passed/time.Microsecond) * uint64(s.clockRate) / 1e6)
	return max(ticks, s.step)
}

// Next maps a packet of the present source. It returns false for a packet that must not be sent: padding, whose gap is
// closed, or a packet from before the switch.
func (s *Stream[S]) Next(in In, now time.Time) (Out, bool) {
	if s.begun == 0 || s.present().dropped {
		return Out{}, false
	}
	if !seqnum.Older(s.highest, in.Seq) {
		return s.late(in)
	}
	if in.Empty {
		s.skip(in.Seq)
		return Out{}, false
	}
	s.highest = in.Seq
	s.unwrapPicture(in)
	out := s.present().apply(in, s.isAudio)
	s.sent, s.seq, s.ts, s.at = true, out.Seq, out.TS, now
	if in.VP8.HasPicture {
		s.pictured, s.picture = true, out.PictureID
	}
	if in.VP8.HasTL0 {
		s.tl0 = out.TL0
	}
	return out, true
}

// late maps a packet older than the newest of its source: reordered, or repaired by the sender. Late padding is sent as
// an empty packet, since a number was already left free for it.
func (s *Stream[S]) late(in In) (Out, bool) {
	for i := s.begun - 1; i >= s.oldest(); i-- {
		p := s.span(i)
		if !seqnum.Older(in.Seq, p.first) {
			return p.apply(in, s.isAudio), true
		}
		if p.switched {
			break
		}
	}
	return Out{}, false
}

// skip drops padding packet seq of the present source and closes the gap: what follows is numbered one lower.
func (s *Stream[S]) skip(seq uint16) {
	p := *s.present()
	s.seq = seq - 1 + p.seq         // numbers left free for packets still under way count as used
	fresh := s.highest == p.first-1 // nothing of this span was sent or left free
	p.first, p.seq = seq+1, p.seq-1
	if fresh && seq == s.highest+1 {
		*s.present() = p
	} else {
		p.switched = false
		s.begin(p)
	}
	s.highest = seq
}

// unwrapPicture begins a new span when a source that writes picture IDs in 7 bits wraps around, so that they go on
// rising in the 15 bits that are sent.
func (s *Stream[S]) unwrapPicture(in In) {
	if !in.VP8.HasPicture {
		return
	}
	id := in.VP8.PictureID
	if !in.VP8.Wide && s.hasShort && id < s.lastShort && s.lastShort-id > 64 {
		p := *s.present()
		p.switched = false
		p.first, p.picture = in.Seq, (p.picture+128)&seqnum.PictureMask
		s.begin(p)
	}
	s.hasShort, s.lastShort = !in.VP8.Wide, id
}

// Origin is where a packet of the spliced stream came from.
type Origin[S comparable] struct {
	Source S
	Seq    uint16
	span   span[S]
	audio  bool
}

// Origin finds the source packet that was sent with number seq. It returns false for numbers that were never sent and
// for those too long ago.
func (s *Stream[S]) Origin(seq uint16) (Origin[S], bool) {
	if !s.sent || seqnum.Older(s.seq, seq) || seqnum.Ahead(seq, s.seq) > maxLate {
		return Origin[S]{}, false
	}
	for i := s.begun - 1; i >= s.oldest(); i-- {
		p := s.span(i)
		if !seqnum.Older(seq, p.first+p.seq) {
			return Origin[S]{Source: p.source, Seq: seq - p.seq, span: *p, audio: s.isAudio}, !p.dropped
		}
	}
	return Origin[S]{}, false
}

// Map maps the source packet that Origin asked for exactly as it was mapped the first time. SRTP's nonce is made of the
// sequence number, so a repeat must be equal to the last bit (RFC 7714, section 8.2).
func (o *Origin[S]) Map(in In) Out { return o.span.apply(in, o.audio) }

// Drop forgets packets of a source that has ended, so that it can be freed: repeats of them are refused.
func (s *Stream[S]) Drop(source S) {
	for i := s.begun - 1; i >= s.oldest(); i-- {
		if p := s.span(i); p.source == source {
			var none S
			p.source, p.dropped = none, true
		}
	}
}

// Source returns the present source. It returns false before the first, and after Drop of the present one.
func (s *Stream[S]) Source() (source S, ok bool) {
	if s.begun == 0 || s.present().dropped {
		return source, false
	}
	return s.present().source, true
}

// SentAt returns when the newest packet was sent; the zero time before the first.
func (s *Stream[S]) SentAt() time.Time { return s.at }

// Timestamp translates a timestamp of the present source, for sender reports. It returns false before the first packet.
func (s *Stream[S]) Timestamp(source S, ts uint32) (uint32, bool) {
	if !s.sent || s.present().source != source {
		return 0, false
	}
	return ts + s.present().ts, true
}

func (s *Stream[S]) present() *span[S] { return &s.now }

// span returns span i, which must be one of the last ones: oldest or later.
func (s *Stream[S]) span(i int) *span[S] {
	if i == s.begun-1 {
		return &s.now
	}
	return &s.past[i%spans]
}

// oldest returns the number of the oldest span that is remembered.
func (s *Stream[S]) oldest() int { return max(0, s.begun-spans) }

func (s *Stream[S]) begin(p span[S]) {
	if s.begun > 0 {
		if s.past == nil {
			s.past = new([spans]span[S])
		}
		s.past[(s.begun-1)%spans] = s.now
	}
	s.now = p
	s.begun++
}

// apply is a pure function of the span and the packet: the repeat of a packet must equal the first.
func (p *span[S]) apply(in In, audio bool) Out {
	return Out{
		Seq: in.Seq + p.seq,
		TS:  in.TS + p.ts,
		// The marker of an audio packet begins a talk spurt: the receiver may reset its jitter buffer (RFC 3551, 4.1).
		Marker:    in.Marker || audio && p.switched && in.Seq == p.first,
		PictureID: (in.VP8.PictureID + p.picture) & seqnum.PictureMask,
		TL0:       in.VP8.TL0 + p.tl0,
	}
}
