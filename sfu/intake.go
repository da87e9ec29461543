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

// intake reads one incoming stream, for as long as its m-line receives it, and gives its packets to the layer of
// whichever track it is at the moment: a client may reuse an m-line for another source.
type intake struct {
	stream  stream // set once, as all down to changed
	ssrc    uint32
	remote  *webrtc.TrackRemote
	reports *webrtc.RTPReceiver
	clock   *senderClock
	levelID uint8 // of the audio level header extension; 0: not negotiated
	// payloads says which payload types are of which codec, so that no packet of another one gets to readers.
	payloads [128]codec
	changed  func(codec) // called by readMedia when the stream goes on in another codec

	codec  codec                 // the member's goroutine only: what the stream comes in
	target atomic.Pointer[layer] // nil: what arrives is dropped
	ended  atomic.Bool           // another intake has taken the stream over
}

// stream names an incoming stream of an uplink.
type stream struct {
	mid string
	rid string // "": the only one of its section
}

func newIntake(id stream, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, clock *senderClock, changed func(*intake, codec)) *intake {
	in := &intake{
		stream: id, ssrc: uint32(remote.SSRC()), remote: remote, reports: receiver, clock: clock, codec: codecOf(remote.Codec().MimeType),
	}
	in.changed = func(c codec) { changed(in, c) }
	parameters := receiver.GetParameters()
	for _, e := range parameters.HeaderExtensions {
		if e.URI == uriAudioLevel {
			in.levelID = uint8(e.ID)
		}
	}
	for _, c := range parameters.Codecs {
		in.payloads[c.PayloadType&0x7F] = codecOf(c.MimeType)
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
		turned codec // what changed was called with
	)
	for bad < maxBadReads {
		n, _, err := in.remote.Read(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || in.ended.Load() {
			return
		}
		if err != nil || packet.Unmarshal(buf[:n]) != nil {
			bad++
			continue
		}
		bad = 0
		l := in.target.Load()
		if l == nil {
			continue
		}
		if c := in.payloads[packet.PayloadType&0x7F]; c != l.track.codec {
			l.count.bad.Add(1)
			if c != codecNone && c != turned {
				turned = c
				in.changed(c)
			}
			continue
		}
		turned = codecNone
		kept = ring.Packet{Seq: packet.SequenceNumber, TS: packet.Timestamp, Marker: packet.Marker, Payload: packet.Payload}
		l.accept(&kept, in.level(&packet), time.Now(), w)
	}
}

const (
	// dtxBytes is the most that a packet of Opus DTX has. Whatever its level says, there is no voice in it.
	dtxBytes = 3
	// assumedLevel is that of the largest packets of clients that do not send the header extension.
	assumedLevel = 20
)

// level returns the packet's RFC 6464 level: 0 the loudest, 127 silence.
func (in *intake) level(p *rtp.Packet) uint8 {
	if len(p.Payload) <= dtxBytes {
		return levels.Silence
	}
	if in.levelID != 0 {
		if e := p.GetExtension(in.levelID); len(e) > 0 {
			return e[0] & 0x7F
		}
	}
	// Opus spends more bytes on speech than on noise, so sizes vary as levels do.
	return assumedLevel + uint8(max(0, 150-len(p.Payload))/10)
}

// readReports takes the publisher's sender reports, until the stream ends.
func (in *intake) readReports() {
	buf := make([]byte, 1500)
	for bad := 0; bad < maxBadReads && !in.ended.Load(); {
		n, err := in.readReport(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		if err != nil {
			bad++ // pion's interceptors return their own errors for malformed reports; only a closed stream ends the loop
			continue
		}
		bad = 0
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			in.note(p, time.Now())
		}
	}
}

func (in *intake) readReport(buf []byte) (n int, err error) {
	if in.stream.rid != "" {
		n, _, err = in.reports.ReadSimulcast(buf, in.stream.rid)
		return n, err
	}
	n, _, err = in.reports.Read(buf)
	return n, err
}

func (in *intake) note(p rtcp.Packet, now time.Time) {
	sr, ok := p.(*rtcp.SenderReport)
	l := in.target.Load()
	if !ok || l == nil || sr.SSRC != in.ssrc {
		return
	}
	said := fromNTP(sr.NTPTime)
	l.timing.Store(&timing{at: in.clock.serverTime(said, now), said: said, rtp: sr.RTPTime})
}
