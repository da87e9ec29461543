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
	"souffleur/sfu/seqnum"
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

	told  uint32 // the room's goroutine only: octets that path knows of
	meter slotMeter
}

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

// start helps a video slot that waits for its layer: it begins with the last key frame, if that has just passed, or asks
// for one. It sends, so it belongs on the goroutine of the reader or his connection and not on the room's.
func (s *slot) start(now time.Time) {
	wire := s.wire.Load()
	if wire == nil || s.audio || !s.open.Load() {
		return
	}
	s.mu.Lock()
	l := s.target
	if l == nil || s.layer == l || s.replaying {
		s.mu.Unlock()
		return
	}
	key, passed := s.beginningLocked(l, wire)
	s.replaying = passed
	s.mu.Unlock()
	if !passed || !s.replay(l, key, wire) {
		l.keyFrames.want(now)
	}
}

// beginningLocked returns the key frame that has passed and with which the slot can begin, if there is one. One from before
// the newest picture that was sent of the same camera would take the reader back in time.
func (s *slot) beginningLocked(l *layer, wire *wire) (key keyFrame, ok bool) {
	if s.layer != nil || wire.payloads[l.track.codec] == 0 {
		return keyFrame{}, false
	}
	if key, ok = l.recentKeyFrame(); !ok {
		return keyFrame{}, false
	}
	old, sent := s.stream.Source()
	return key, !sent || old.track != l.track || key.at.After(s.stream.SentAt())
}

// maxReplayed bounds how many packets a replay sends, those included that come while it runs.
const maxReplayed = 256

// replay sends what has come of l since a key frame, until it has caught up with what comes. It returns false if it could
// not. replaying has been set. The picture's time is that at which it came, so that the reader is not late from then on.
func (s *slot) replay(l *layer, key keyFrame, wire *wire) bool {
	var w writer
	seq := key.seq
	buf := make([]byte, ring.MaxPayload)
	for range maxReplayed {
		p, there := l.ring.Get(seq, buf)
		if !there {
			if s.caughtUp(l, seq) {
				return true
			}
			if p, there = l.ring.Get(seq, buf); !there { // it may have come a moment ago
				seq++ // lost; when it is repaired, write sends it late
				continue
			}
		}
		in := splice.In{Seq: p.Seq, TS: p.TS, Marker: p.Marker, Empty: len(p.Payload) == 0}
		if !l.describe(&in, &p) {
			break
		}
		out, ok, on := s.mapReplayed(l, in, key.at)
		if !on {
			break
		}
		if ok {
			s.send(wire, l.track.codec, &p, in.VP8, out, &w)
		}
		seq++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layer == l {
		s.layer = nil
	}
	s.replaying = false
	return false
}

// caughtUp ends a replay, unless packets from seq on have come. Those that come later find that write sends them.
func (s *slot) caughtUp(l *layer, seq uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ring.Behind(seq) >= 0 {
		return false
	}
	s.replaying = false
	s.replayed, s.caughtUpAt = true, seq-1
	return true
}

// mapReplayed is mapLocked for replay. on is false when the room has taken the slot away meanwhile, or the packet to
// begin with is not that of a key frame any more.
func (s *slot) mapReplayed(l *layer, in splice.In, began time.Time) (out splice.Out, ok, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target != l {
		return splice.Out{}, false, false
	}
	if s.layer != l {
		if !in.KeyFrame {
			return splice.Out{}, false, false
		}
		s.switchLocked(l, in, began)
	}
	out, ok = s.nextLocked(in, time.Now())
	return out, ok, true
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

// wasReplayedLocked says whether seq is the packet with which a replay has just caught up: it stood in the ring while its
// intake was still on the way here.
func (s *slot) wasReplayedLocked(seq uint16) bool {
	if !s.replayed {
		return false
	}
	if seqnum.Older(s.caughtUpAt, seq) {
		s.replayed = false
	}
	return seq == s.caughtUpAt
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
