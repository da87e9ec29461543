package sfu

import (
	"bytes"
	"time"

	"github.com/pion/rtcp"

	"souffleur/sfu/ring"
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
