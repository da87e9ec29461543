package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"souffleur/sfu/ring"
)

// answers is the memory in which the slots of one downlink answer their receiver. Everything is answered on the one
// goroutine that decrypts RTCP: a goroutine for each slot, with its stack and its buffers, took half of a participant's memory.
type answers struct {
	w      writer
	copied [ring.MaxPayload]byte
}

// listenTo is what the downlink's guard asks who takes the reports about a stream: the slot that sends it. It is asked once
// for each SSRC that a report names, or when a slot sends for the first time.
func (d *downlink) listenTo(ssrc uint32) func([]byte) {
	for _, s := range d.slots {
		if w := s.wire.Load(); w != nil && w.ssrc == ssrc {
			return func(report []byte) { s.hear(report, w, &d.answers) }
		}
	}
	return nil
}

// hear answers what the receiver says about the slot. report is valid during the call only.
func (s *slot) hear(report []byte, wire *wire, a *answers) {
	packets, err := rtcp.Unmarshal(report)
	if err != nil {
		return
	}
	now := time.Now()
	for _, packet := range packets {
		s.answer(packet, wire, now, a.copied[:], &a.w)
	}
	if s.path != nil {
		s.path.estimate.Skipped(wire.ssrc, s.skipped())
		s.path.note(packets, now)
	}
}
