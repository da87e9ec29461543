package sfu

import (
	"bytes"
	"time"

	"github.com/pion/rtcp"

	"souffleur/sfu/ring"
	"souffleur/sfu/seqnum"
	"souffleur/sfu/splice"
)

// answers is the memory in which the slots of one downlink answer their receiver. Everything is answered on the one
// goroutine that decrypts RTCP: a goroutine for each slot, with its stack and its buffers, took half of a participant's memory.
type answers struct {
	w      writer
	copied [ring.MaxPayload]byte

	report  []byte // the newest one: a compound packet comes once for each slot that it names, but is read once
	packets []rtcp.Packet
}

// read returns what stands in a report; nothing if it cannot be read. again says that it is the same as the one before.
func (a *answers) read(report []byte) (packets []rtcp.Packet, again bool) {
	if len(report) > 0 && bytes.Equal(report, a.report) {
		return a.packets, true
	}
	a.report = append(a.report[:0], report...)
	a.packets, _ = rtcp.Unmarshal(a.report) // nil if it is malformed
	return a.packets, false
}

// listenTo is what the downlink's guard asks who takes the reports about a stream: the slot that sends it. It is asked once
// for each SSRC that a report names, or when a slot sends for the first time.
func (d *downlink) listenTo(ssrc uint32) func([]byte) {
	for _, s := range d.slots {
		if w := s.wire.Load(); w != nil && w.ssrc == ssrc {
			return func(report []byte) { d.hear(s, w, report) }
		}
	}
	return nil
}

// hear answers what the receiver says about a slot, and lets the estimator know what he says at all, once. report is valid
// during the call only.
func (d *downlink) hear(s *slot, wire *wire, report []byte) {
	now := time.Now()
	packets, again := d.answers.read(report)
	for _, packet := range packets {
		s.answer(packet, wire, now, d.answers.copied[:], &d.answers.w)
	}
	if again || len(packets) == 0 {
		return
	}
	for _, o := range d.slots {
		if w := o.wire.Load(); w != nil {
			d.path.estimate.Skipped(w.ssrc, o.skipped())
		}
	}
	d.path.note(packets, now)
}

// answer handles one RTCP packet. A compound packet comes to every slot it names: only what names this one counts.
func (s *slot) answer(packet rtcp.Packet, wire *wire, now time.Time, buf []byte, w *writer) {
	switch f := packet.(type) {
	case *rtcp.TransportLayerNack:
		if f.MediaSSRC == wire.ssrc {
			s.repeatAll(f.Nacks, wire, now, buf, w)
		}
	case *rtcp.PictureLossIndication:
		if f.MediaSSRC == wire.ssrc {
			s.renew(now)
		}
	case *rtcp.FullIntraRequest:
		for _, entry := range f.FIR {
			if entry.SSRC == wire.ssrc {
				s.renew(now)
			}
		}
	}
}

// renew asks the publisher for a key frame.
func (s *slot) renew(now time.Time) {
	l, target := s.sending()
	if l == nil {
		l = target
	}
	if l != nil && !l.track.audio {
		l.keyFrames.want(now)
	}
}

// repeatAll repeats what is asked for, as far as the downlink's repairs go.
func (s *slot) repeatAll(pairs []rtcp.NackPair, wire *wire, now time.Time, buf []byte, w *writer) {
	for i := range pairs {
		pairs[i].Range(func(seq uint16) bool {
			if !s.repairs.take(now) {
				return false
			}
			if s.repeat(seq, wire, now, buf, w) {
				s.count.repeats.Add(1)
			}
			return true
		})
	}
}

// repeat sends packet seq of the slot again, if its layer's ring still has it and there is room for it.
func (s *slot) repeat(seq uint16, wire *wire, now time.Time, buf []byte, w *writer) bool {
	s.mu.Lock()
	origin, ok := s.stream.Origin(seq)
	s.mu.Unlock()
	if !ok {
		return false
	}
	codec := origin.Source.track.codec
	p, ok := origin.Source.ring.Get(origin.Seq, buf)
	if !ok || wire.payloads[codec] == 0 {
		return false
	}
	if !s.audio && s.path != nil {
		s.path.estimate.Asked(wire.ssrc, seq, now)
		if !s.path.mayRepeat(len(p.Payload), now) {
			return false
		}
	}
	in := splice.In{Seq: p.Seq, TS: p.TS, Marker: p.Marker, Empty: len(p.Payload) == 0}
	if !origin.Source.describe(&in, &p) {
		return false
	}
	s.send(wire, codec, &p, in.VP8, origin.Map(in), w)
	return true
}

// numbers counts the sequence numbers of a slot that are used up, and those with which a packet was sent.
type numbers struct {
	begun      bool
	newest     uint16
	used, sent uint32
}

func (n *numbers) note(seq uint16) {
	if !n.begun {
		*n = numbers{begun: true, newest: seq - 1}
	}
	if ahead := seqnum.Ahead(n.newest, seq); ahead > 0 {
		n.newest = seq
		n.used += uint32(ahead)
	}
	n.sent++
}

// skipped returns how many numbers are left free: for packets that the publisher's network lost, and that may still come.
func (s *slot) skipped() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbers.used - s.numbers.sent
}
