package sfu

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/sfu/levels"
	"souffleur/sfu/ring"
)

// intake reads one incoming stream, for as long as its m-line receives it, and gives its packets to whichever track it
// is at the moment: a client may reuse an m-line for another source.
type intake struct {
	mid     string // set once, as all down to levelID
	remote  *webrtc.TrackRemote
	reports *webrtc.RTPReceiver
	clock   *senderClock
	levelID uint8 // of the audio level header extension; 0: not negotiated

	target atomic.Pointer[track] // nil: what arrives is dropped
}

func newIntake(mid string, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, clock *senderClock) *intake {
	in := &intake{mid: mid, remote: remote, reports: receiver, clock: clock}
	for _, e := range receiver.GetParameters().HeaderExtensions {
		if e.URI == uriAudioLevel {
			in.levelID = uint8(e.ID)
		}
	}
	return in
}

// maxBadReads is how many packets in a row may be unreadable before the stream is given up.
const maxBadReads = 1000

// readMedia is the packet path's first half: one goroutine a stream, until the stream ends. It allocates nothing of its own.
func (in *intake) readMedia() {
	var (
		buf    = make([]byte, 1500)
		packet rtp.Packet
		kept   ring.Packet
		w      = &writer{}
		bad    int
	)
	for bad < maxBadReads {
		n, _, err := in.remote.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		if err != nil || packet.Unmarshal(buf[:n]) != nil {
			bad++
			continue
		}
		bad = 0
		t := in.target.Load()
		if t == nil {
			continue
		}
		kept = ring.Packet{Seq: packet.SequenceNumber, TS: packet.Timestamp, Marker: packet.Marker, Payload: packet.Payload}
		t.accept(&kept, in.level(&packet), time.Now(), w)
	}
}

// Levels assumed of clients that do not send the header extension: a packet of Opus DTX has at most dtxBytes.
const (
	dtxBytes     = 3
	assumedLevel = 30
)

// level returns the packet's RFC 6464 level: 0 the loudest, 127 silence.
func (in *intake) level(p *rtp.Packet) uint8 {
	if in.levelID != 0 {
		if e := p.GetExtension(in.levelID); len(e) > 0 {
			return e[0] & 0x7F
		}
	}
	if len(p.Payload) <= dtxBytes {
		return levels.Silence
	}
	return assumedLevel
}

// readReports takes the publisher's sender reports, until the stream ends.
func (in *intake) readReports() {
	buf := make([]byte, 1500)
	for {
		n, _, err := in.reports.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		if err != nil {
			// pion's interceptors return their own errors for malformed reports; only a closed stream ends the loop. A
			// failed read always has taken a packet, so this cannot spin.
			continue
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			in.note(p, time.Now())
		}
	}
}

func (in *intake) note(p rtcp.Packet, now time.Time) {
	sr, ok := p.(*rtcp.SenderReport)
	t := in.target.Load()
	if !ok || t == nil || sr.SSRC != t.ssrc {
		return
	}
	t.timing.Store(&timing{at: in.clock.serverTime(fromNTP(sr.NTPTime), now), rtp: sr.RTPTime})
}
