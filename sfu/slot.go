package sfu

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
	"souffleur/sfu/ring"
	"souffleur/sfu/splice"
	"souffleur/sfu/vp8"
)

// slot is one m-line of a downlink: an outgoing stream that carries whichever track the room puts into it. The receiver
// sees one stream that never restarts. It is a webrtc.TrackLocal.
type slot struct {
	name   string // set once, as all down to readers
	source string // what it is for: signal.Mic, Camera, …
	audio  bool
	mid    string
	open   *atomic.Bool    // the downlink is connected
	loops  *sync.WaitGroup // of the downlink: the RTCP loop

	wire  atomic.Pointer[wire] // where to send; nil until negotiated
	count struct{ packets, octets, repeats atomic.Uint32 }

	mu      sync.Mutex // guards all below; never held while sending
	track   *track     // what the room wants here, nil: nothing
	waiting bool       // the stream has not switched to track yet: audio needs a packet, video a key frame
	stream  *splice.Stream[*track]
}

var _ webrtc.TrackLocal = (*slot)(nil)

// wire is the outgoing end of a slot, as negotiated.
type wire struct {
	ssrc        uint32
	payloadType uint8
	out         webrtc.TrackLocalWriter
}

// writer is the memory that one goroutine needs to write to slots: a packet is rewritten in here, so that nothing is
// allocated and one slot's packet never shows in another's.
type writer struct {
	header  rtp.Header
	payload [ring.MaxPayload + 1]byte // a picture ID may grow by a byte
}

func newSlot(source string, number int, open *atomic.Bool, loops *sync.WaitGroup) *slot {
	s := &slot{name: fmt.Sprintf("%s-%d", source, number), source: source, audio: isAudio(source), open: open, loops: loops}
	if s.audio {
		s.stream = splice.NewAudio[*track](uint16(rand.Uint32()), rand.Uint32())
	} else {
		s.stream = splice.NewVideo[*track](uint16(rand.Uint32()), rand.Uint32())
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
	want := webrtc.MimeTypeVP8
	if s.audio {
		want = webrtc.MimeTypeOpus
	}
	for _, codec := range c.CodecParameters() {
		if codec.MimeType == want {
			w := &wire{ssrc: uint32(c.SSRC()), payloadType: uint8(codec.PayloadType), out: c.WriteStream()}
			s.wire.Store(w)
			s.loops.Add(1)
			go s.readFeedback(c.RTCPReader(), w)
			return codec, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind stops sending.
func (s *slot) Unbind(webrtc.TrackLocalContext) error {
	s.wire.Store(nil)
	return nil
}

// carry makes t the track of this slot; nil empties it. The client has been told before. Packets of t must reach write.
func (s *slot) carry(t *track) {
	s.mu.Lock()
	s.track, s.waiting = t, t != nil
	s.mu.Unlock()
}

// begin starts the slot anew when the connection has come up, or up again: what was written meanwhile is lost, so the
// stream goes on with a key frame and without a gap.
func (s *slot) begin(now time.Time) {
	s.mu.Lock()
	s.waiting = s.track != nil
	s.mu.Unlock()
	s.urge(now)
}

// urge asks for the key frame that the slot waits for.
func (s *slot) urge(now time.Time) {
	s.mu.Lock()
	t, waiting := s.track, s.waiting
	s.mu.Unlock()
	if waiting && !t.audio {
		t.keyFrames.want(now)
	}
}

// forget frees what belongs to a track that has ended.
func (s *slot) forget(t *track) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream.Drop(t)
}

// write sends a packet of t, if t is what the slot carries.
func (s *slot) write(t *track, p *ring.Packet, in splice.In, now time.Time, w *writer) {
	wire := s.wire.Load()
	if wire == nil || !s.open.Load() {
		return
	}
	s.mu.Lock()
	out, ok := s.mapLocked(t, in, now)
	needKeyFrame := s.track == t && s.waiting && !t.audio
	s.mu.Unlock()
	if ok {
		s.send(wire, p, in.VP8, out, w)
	}
	if needKeyFrame {
		t.keyFrames.want(now)
	}
}

func (s *slot) mapLocked(t *track, in splice.In, now time.Time) (splice.Out, bool) {
	if s.track != t {
		return splice.Out{}, false
	}
	if s.waiting {
		if in.Empty || !t.audio && !in.VP8.KeyFrame {
			return splice.Out{}, false
		}
		s.stream.Switch(t, in, now)
		s.waiting = false
	}
	return s.stream.Next(in, now)
}

// send rewrites and sends. The same arguments give the same bytes, as repeats must.
func (s *slot) send(wire *wire, p *ring.Packet, d vp8.Descriptor, out splice.Out, w *writer) {
	w.header = rtp.Header{
		Version: 2, Marker: out.Marker, PayloadType: wire.payloadType,
		SequenceNumber: out.Seq, Timestamp: out.TS, SSRC: wire.ssrc,
	}
	payload := p.Payload
	if !s.audio && len(payload) > 0 {
		payload = w.payload[:d.Rewrite(w.payload[:], payload, out.PictureID, out.TL0)]
	}
	if n, err := wire.out.WriteRTP(&w.header, payload); err != nil || n == 0 {
		return // the connection is closing; the client knows by itself
	}
	s.count.packets.Add(1)
	s.count.octets.Add(uint32(len(payload)))
}

// maxRepeats bounds the repeats of one slot in one second, so that a client cannot make the server flood it. A camera at
// 2 Mb/s is 250 packets a second, so this covers more loss than any call survives.
const maxRepeats = 500

// readFeedback answers what the receiver says about the slot, until the slot is closed.
func (s *slot) readFeedback(in interceptor.RTCPReader, wire *wire) {
	defer s.loops.Done()
	var (
		buf     = make([]byte, 1500)
		copyBuf = make([]byte, ring.MaxPayload)
		w       writer
		second  int64 // of budget
		budget  int
	)
	for {
		n, _, err := in.Read(buf, nil)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		now := time.Now()
		if now.Unix() != second {
			second, budget = now.Unix(), maxRepeats
		}
		for _, packet := range packets {
			budget -= s.answer(packet, wire, now, budget, copyBuf, &w)
		}
	}
}

// answer handles one RTCP packet and returns how many packets it repeated, at most budget. A compound packet comes to
// every slot it names: only what names this one counts.
func (s *slot) answer(packet rtcp.Packet, wire *wire, now time.Time, budget int, buf []byte, w *writer) int {
	switch f := packet.(type) {
	case *rtcp.TransportLayerNack:
		if f.MediaSSRC == wire.ssrc {
			return s.repeatAll(f.Nacks, wire, budget, buf, w)
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
	return 0
}

// renew asks the publisher for a key frame.
func (s *slot) renew(now time.Time) {
	s.mu.Lock()
	t := s.track
	s.mu.Unlock()
	if t != nil && !t.audio {
		t.keyFrames.want(now)
	}
}

func (s *slot) repeatAll(pairs []rtcp.NackPair, wire *wire, budget int, buf []byte, w *writer) int {
	sent := 0
	for i := range pairs {
		pairs[i].Range(func(seq uint16) bool {
			if sent < budget && s.repeat(seq, wire, buf, w) {
				sent++
			}
			return sent < budget
		})
	}
	s.count.repeats.Add(uint32(sent))
	return sent
}

// repeat sends packet seq of the slot again, if its track's ring still has it.
func (s *slot) repeat(seq uint16, wire *wire, buf []byte, w *writer) bool {
	s.mu.Lock()
	origin, ok := s.stream.Origin(seq)
	s.mu.Unlock()
	if !ok {
		return false
	}
	p, ok := origin.Source.ring.Get(origin.Seq, buf)
	if !ok {
		return false
	}
	in := splice.In{Seq: p.Seq, TS: p.TS, Marker: p.Marker, Empty: len(p.Payload) == 0}
	if !origin.Source.describe(&in, &p) {
		return false
	}
	s.send(wire, &p, in.VP8, origin.Map(in), w)
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
	t := s.track
	var said *timing
	var ts uint32
	ok := false
	if t != nil && !s.waiting {
		if said = t.timing.Load(); said != nil {
			ts, ok = s.stream.Timestamp(t, said.rtp)
		}
	}
	s.mu.Unlock()
	if !ok {
		return nil
	}
	passed := now.Sub(said.at)
	ts += uint32(int64(passed/time.Microsecond) * int64(t.clockRate) / 1e6)
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

// describe says what the slot carries when it carries t.
func (s *slot) describe(t *track) signal.MediaSlot {
	m := signal.MediaSlot{MID: s.mid, Kind: s.kind()}
	if t != nil {
		m.Participant, m.Source = t.owner, t.source
	}
	return m
}
