package sfu

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
	"souffleur/sfu/ring"
	"souffleur/sfu/splice"
	"souffleur/sfu/vp8"
)

// slot is one m-line of a downlink: an outgoing stream that carries whichever track the room puts into it, in one of its
// layers. The receiver sees one stream that never restarts. It is a webrtc.TrackLocal.
//
// A packet for 150 readers touches 150 slots, which are in no cache by then: what it needs stands together, at the start.
type slot struct {
	wire  atomic.Pointer[wire] // where to send; nil until negotiated
	open  *atomic.Bool         // the downlink is connected; set once
	count struct{ packets, octets, repeats atomic.Uint32 }

	mu         sync.Mutex // guards all down to numbers; never held while sending
	replaying  bool       // replay sends what has come of target; write leaves it alone
	replayed   bool       // a replay has just caught up, with packet caughtUpAt; write may still come with that
	caughtUpAt uint16
	target     *layer // what the room wants here, nil: nothing
	layer      *layer // what is sent: target, or the layer of its track to be left for it; nil: nothing until target begins
	stream     splice.Stream[*layer]
	numbers    numbers // of stream

	name    string // set once, as all down to moved
	source  string // what it is for: signal.Mic, Camera, …
	audio   bool
	mid     string
	repairs *repairs     // of all video of the downlink; of an audio slot its own
	path    *path        // of the downlink: what its receiver can take; nil: nobody asks
	moved   *atomic.Bool // of the room: set when a slot has gone over to another layer; nil: nobody asks

	told slotTotals // the room's goroutine only: what path and node know of
}

// slotTotals is what a slot has sent. Both wrap around.
type slotTotals struct{ packets, octets uint32 }

var _ webrtc.TrackLocal = (*slot)(nil)

// wire is the outgoing end of a slot, as negotiated.
type wire struct {
	ssrc     uint32
	payloads [codecs]uint8 // payload type of each codec; 0: the receiver does not take it
	out      webrtc.TrackLocalWriter
}

// writer is the memory that one goroutine needs to write to slots: a packet is rewritten in here, so that nothing is
// allocated and one slot's packet never shows in another's.
type writer struct {
	header  rtp.Header
	payload [ring.MaxPayload + 1]byte // a picture ID may grow by a byte
}

func newSlot(source string, number int, open *atomic.Bool) *slot {
	s := &slot{name: fmt.Sprintf("%s-%d", source, number), source: source, audio: isAudio(source), open: open, repairs: &repairs{}}
	if s.audio {
		s.stream = *splice.NewAudio[*layer](uint16(rand.Uint32()), rand.Uint32())
	} else {
		s.stream = *splice.NewVideo[*layer](uint16(rand.Uint32()), rand.Uint32())
	}
	return s
}

// ID, RID, StreamID and Kind are of webrtc.TrackLocal. Each slot is a stream of its own, or browsers would try to
// synchronise the lips of two strangers.
func (s *slot) ID() string       { return s.name }
func (s *slot) RID() string      { return "" }
func (s *slot) StreamID() string { return s.name }
func (s *slot) Kind() webrtc.RTPCodecType {
	if s.audio {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// Bind is called when the client has answered.
func (s *slot) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	w := &wire{ssrc: uint32(c.SSRC()), out: c.WriteStream()}
	first := -1
	for i, parameters := range c.CodecParameters() {
		codec := codecOf(parameters.MimeType)
		if codec == codecNone || s.audio != (codec == codecOpus) || w.payloads[codec] != 0 {
			continue
		}
		w.payloads[codec] = uint8(parameters.PayloadType)
		if first < 0 || codec == codecVP8 {
			first = i
		}
	}
	if first < 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	if s.path != nil {
		s.path.follow(w.ssrc, s.audio)
	}
	s.wire.Store(w) // from now on the downlink's listenTo finds it
	return c.CodecParameters()[first], nil
}

// takes says whether the receiver can decode a codec. Before the client has answered everything is assumed of him.
func (s *slot) takes(c codec) bool {
	w := s.wire.Load()
	return w == nil || w.payloads[c] != 0
}

// Unbind stops sending.
func (s *slot) Unbind(webrtc.TrackLocalContext) error {
	s.wire.Store(nil)
	return nil
}

// aim makes l the layer of this slot; nil empties or pauses it. The client has been told before. Packets of l must reach
// write. A layer of the same track that is being sent goes on until l begins, one of another track ends at once. aim
// returns whether anything has changed.
func (s *slot) aim(l *layer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	target, sending := s.target, s.layer
	s.target = l
	if l == nil || sending != nil && sending.track != l.track {
		s.layer = nil
	}
	return s.target != target || s.layer != sending
}

// halt stops the layer that is sent until another one begins, where going on would hurt more than a still picture.
func (s *slot) halt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layer != s.target {
		s.layer = nil
	}
}

// sending returns what is sent and what the slot is to send. Both are nil for a slot that is empty or paused.
func (s *slot) sending() (now, target *layer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.layer, s.target
}

// begin starts the slot anew when the connection has come up, or up again: what was written meanwhile is lost, so the
// stream goes on with a key frame and without a gap.
func (s *slot) begin(now time.Time) {
	s.mu.Lock()
	s.layer = nil
	s.mu.Unlock()
	s.start(now)
}

// forget frees what belongs to a track that has ended.
func (s *slot) forget(t *track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range t.layers {
		s.stream.Drop(l)
	}
}

// write sends a packet of l, if l is what the slot sends, or is to send from this packet on.
func (s *slot) write(l *layer, p *ring.Packet, in splice.In, now time.Time, w *writer) {
	wire := s.wire.Load()
	if wire == nil || !s.open.Load() || wire.payloads[l.track.codec] == 0 {
		return
	}
	s.mu.Lock()
	out, ok := s.mapLocked(l, in, now)
	// Where the last key frame will do, start is about to send it.
	needKeyFrame := s.target == l && s.layer != l && !l.track.audio && !s.replaying
	if needKeyFrame {
		_, passed := s.beginningLocked(l, wire)
		needKeyFrame = !passed
	}
	s.mu.Unlock()
	if ok {
		s.send(wire, l.track.codec, p, in.VP8, out, w)
	}
	if needKeyFrame {
		l.keyFrames.want(now)
	}
}

func (s *slot) mapLocked(l *layer, in splice.In, now time.Time) (splice.Out, bool) {
	switch {
	case s.replaying:
		return splice.Out{}, false
	case s.layer == l && s.wasReplayedLocked(in.Seq):
		return splice.Out{}, false
	case s.layer == l:
	case s.target == l && !in.Empty && (l.track.audio || in.KeyFrame):
		s.switchLocked(l, in, now)
	default:
		return splice.Out{}, false
	}
	return s.nextLocked(in, now)
}

// nextLocked maps a packet of what is sent.
func (s *slot) nextLocked(in splice.In, now time.Time) (splice.Out, bool) {
	out, ok := s.stream.Next(in, now)
	if ok {
		s.numbers.note(out.Seq)
	}
	return out, ok
}

// switchLocked makes l what is sent, from packet in on.
func (s *slot) switchLocked(l *layer, in splice.In, now time.Time) {
	if s.layer != nil && s.moved != nil {
		s.moved.Store(true)
	}
	s.layer, s.replayed = l, false
	if old, ok := s.stream.Source(); ok {
		if same, ok := l.sameInstant(old, in.TS); ok {
			s.stream.Follow(l, in, same, now)
			return
		}
	}
	s.stream.Switch(l, in, now)
}

// send rewrites and sends. The same arguments give the same bytes, as repeats must.
func (s *slot) send(wire *wire, codec codec, p *ring.Packet, d vp8.Descriptor, out splice.Out, w *writer) {
	w.header = rtp.Header{
		Version: 2, Marker: out.Marker, PayloadType: wire.payloads[codec],
		SequenceNumber: out.Seq, Timestamp: out.TS, SSRC: wire.ssrc,
	}
	payload := p.Payload
	if codec == codecVP8 && len(payload) > 0 {
		payload = w.payload[:d.Rewrite(w.payload[:], payload, out.PictureID, out.TL0)]
	}
	if n, err := wire.out.WriteRTP(&w.header, payload); err != nil || n == 0 {
		return // the connection is closing; the client knows by itself
	}
	s.count.packets.Add(1)
	s.count.octets.Add(uint32(len(payload)))
}

// senderReport tells the receiver which wall-clock time the slot's timestamps mean. It returns nil as long as the
// publisher has not said so, and for slots that carry nothing.
func (s *slot) senderReport(now time.Time) rtcp.Packet {
	wire := s.wire.Load()
	if wire == nil {
		return nil
	}
	s.mu.Lock()
	l := s.layer
	var said *timing
	var ts uint32
	ok := false
	if l != nil {
		if said = l.timing.Load(); said != nil {
			ts, ok = s.stream.Timestamp(l, said.rtp)
		}
	}
	s.mu.Unlock()
	if !ok {
		return nil
	}
	passed := now.Sub(said.at)
	ts += uint32(int64(passed/time.Microsecond) * int64(l.track.clockRate) / 1e6)
	return &rtcp.SenderReport{
		SSRC: wire.ssrc, NTPTime: toNTP(now), RTPTime: ts,
		PacketCount: s.count.packets.Load(), OctetCount: s.count.octets.Load(),
	}
}

func (s *slot) kind() string {
	if s.audio {
		return "audio"
	}
	return "video"
}

// describe says what the slot carries when it carries t, and why it does not send it.
func (s *slot) describe(t *track, paused string) signal.MediaSlot {
	m := signal.MediaSlot{MID: s.mid, Kind: s.kind()}
	if t != nil {
		m.Participant, m.Source, m.Paused = t.owner, t.source, paused
	}
	return m
}
