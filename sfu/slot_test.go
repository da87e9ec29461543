package sfu

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"souffleur/internal/signal"
	"souffleur/sfu/levels"
	"souffleur/sfu/ring"
	"souffleur/sfu/vp8"
)

// outlet is a slot's wire that keeps what is sent, or only counts it.
type outlet struct {
	keep    bool
	sent    int
	headers []rtp.Header
	bodies  [][]byte
}

func (o *outlet) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	o.sent++
	if o.keep {
		o.headers = append(o.headers, *h)
		o.bodies = append(o.bodies, bytes.Clone(payload))
	}
	return 12 + len(payload), nil
}

func (o *outlet) Write(b []byte) (int, error) { return len(b), nil }

// boundSlot returns a slot of a connected downlink that carries t.
func boundSlot(t *track, out *outlet) *slot {
	var open atomic.Bool
	open.Store(true)
	s := newSlot(t.source, 0, &open, &sync.WaitGroup{})
	s.wire.Store(&wire{ssrc: 77, payloads: [codecs]uint8{codecOpus: payloadOpus, codecVP8: payloadVP8, codecH264: payloadH264}, out: out})
	s.aim(t.layers[0])
	return s
}

func activeTrack(source string) *track {
	codec := codecVP8
	if isAudio(source) {
		codec = codecOpus
	}
	t := newTrack("p1", source, codec, nil, func(uint32) {})
	t.active.Store(true)
	return t
}

// frame is a VP8 packet of n bytes with a 15-bit picture ID.
func frame(seq uint16, key bool, n int) *ring.Packet {
	payload := make([]byte, n)
	copy(payload, []byte{0x90, 0x80, 0x80 | byte(seq>>8&0x7F), byte(seq), 1})
	if key {
		payload[4] = 0
	}
	return &ring.Packet{Seq: seq, TS: uint32(seq) * 3000, Payload: payload}
}

func TestRepeatIsEqualToTheLastBit(t *testing.T) {
	out := &outlet{keep: true}
	cam, other := activeTrack(signal.Camera), activeTrack(signal.Camera)
	s := boundSlot(cam, out)
	cam.layers[0].slots.Store(&[]*slot{s})
	other.layers[0].slots.Store(&[]*slot{s})
	var w writer
	now := time.Now()
	for i := range 30 {
		cam.layers[0].accept(frame(uint16(65520+i&0xFFFF), i == 0, 100+i), 0, now, &w)
	}
	s.aim(other.layers[0])
	for i := range 30 {
		other.layers[0].accept(frame(uint16(40+i), i == 3, 200+i), 0, now, &w)
	}
	n := len(out.headers)
	if n != 57 { // three frames of the other camera came before its key frame
		t.Fatalf("%d packets were sent", n)
	}
	var again writer
	buf := make([]byte, ring.MaxPayload)
	for i := range n {
		if !s.repeat(out.headers[i].SequenceNumber, s.wire.Load(), buf, &again) {
			t.Fatalf("packet %d cannot be repeated", i)
		}
		first, _ := out.headers[i].Marshal()
		second, _ := out.headers[n+i].Marshal()
		if !bytes.Equal(first, second) || !bytes.Equal(out.bodies[i], out.bodies[n+i]) {
			t.Fatalf("packet %d was sent as % x % x and repeated as % x % x", i, first, out.bodies[i], second, out.bodies[n+i])
		}
	}
	s.forget(cam)
	if s.repeat(out.headers[0].SequenceNumber, s.wire.Load(), buf, &again) {
		t.Error("a packet of a track that has ended was repeated")
	}
}

func TestVideoWaitsForAKeyFrameAndAsksForIt(t *testing.T) {
	asked := 0
	cam := newTrack("p1", signal.Camera, codecVP8, nil, func(uint32) { asked++ })
	cam.layers[0].begin(1, time.Now())
	cam.active.Store(true)
	out := &outlet{}
	cam.layers[0].slots.Store(&[]*slot{boundSlot(cam, out)})
	var w writer
	now := time.Now()
	for i := range 10 {
		cam.layers[0].accept(frame(uint16(i), false, 50), 0, now, &w)
	}
	if out.sent != 0 || asked != 1 {
		t.Errorf("before the key frame %d packets were sent, and it was asked for %d times", out.sent, asked)
	}
	cam.layers[0].accept(frame(10, false, 50), 0, now.Add(keyFrameInterval), &w)
	if asked != 2 {
		t.Error("the request was not repeated")
	}
	cam.layers[0].accept(frame(11, true, 50), 0, now, &w)
	cam.layers[0].keyFrames.retry(now.Add(time.Hour))
	if out.sent != 1 || asked != 2 {
		t.Errorf("after the key frame %d packets were sent, and it was asked for %d times", out.sent, asked)
	}
}

func TestInactiveTrackForwardsNothing(t *testing.T) {
	out := &outlet{}
	mic := activeTrack(signal.Mic)
	l := mic.layers[0]
	l.slots.Store(&[]*slot{boundSlot(mic, out)})
	var w writer
	now := time.Now()
	l.accept(&ring.Packet{Seq: 1, Payload: []byte("opus")}, levels.Silence, now, &w)
	mic.active.Store(false)
	l.accept(&ring.Packet{Seq: 2, Payload: []byte("opus")}, 10, now, &w)
	if out.sent != 1 || mic.meter.Loudness(now) != 0 {
		t.Error("a muted microphone was forwarded or measured")
	}
	mic.active.Store(true)
	l.accept(&ring.Packet{Seq: 3, Payload: []byte("opus")}, levels.Silence, now, &w)
	if out.sent != 2 {
		t.Error("an unmuted microphone was not forwarded")
	}
}

// FuzzAccept sends any payloads under any numbers through a track to a slot and asks for repeats of them.
func FuzzAccept(f *testing.F) {
	f.Add([]byte{0x90, 0x80, 0x80, 0x01, 0x00, 0x11}, uint16(1), uint16(2))
	f.Add([]byte{0x90, 0xF0, 0x81, 0x02, 0x33, 0x60, 0x00}, uint16(65535), uint16(0))
	f.Add([]byte{}, uint16(0), uint16(40000))
	f.Fuzz(func(t *testing.T, payload []byte, seq, next uint16) {
		out := &outlet{keep: true}
		cam := activeTrack(signal.Camera)
		s := boundSlot(cam, out)
		cam.layers[0].slots.Store(&[]*slot{s})
		var w writer
		now := time.Now()
		for _, p := range []*ring.Packet{
			frame(seq, true, 20), {Seq: next, Payload: payload}, {Seq: next + 1}, frame(next+2, false, 9), {Seq: seq + 1, Payload: payload}, {Seq: next + 3, Payload: payload},
		} {
			cam.layers[0].accept(p, 0, now, &w)
		}
		buf := make([]byte, ring.MaxPayload)
		for i, n := 0, len(out.headers); i < n; i++ {
			if s.repeat(out.headers[i].SequenceNumber, s.wire.Load(), buf, &w) && !bytes.Equal(out.bodies[i], out.bodies[len(out.bodies)-1]) {
				t.Fatalf("packet %d was repeated differently", i)
			}
			if d, err := vp8.Parse(out.bodies[i]); err != nil && len(out.bodies[i]) > 0 {
				t.Fatalf("unreadable payload was forwarded: % x (%+v)", out.bodies[i], d)
			}
		}
	})
}

// BenchmarkSlotWrite is the budget of one forwarded packet before SRTP: 0 allocations, < 2 µs.
func BenchmarkSlotWrite(b *testing.B) {
	for _, source := range []string{signal.Mic, signal.Camera} {
		b.Run(source, func(b *testing.B) {
			t := activeTrack(source)
			slots := make([]*slot, 50)
			out := &outlet{}
			for i := range slots {
				slots[i] = boundSlot(t, out)
			}
			t.layers[0].slots.Store(&slots)
			size := 120
			if source == signal.Camera {
				size = 1100
			}
			p := frame(0, true, size)
			w := &writer{}
			now := time.Now()
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += len(slots) {
				p.Seq++
				p.TS += 960
				t.layers[0].accept(p, 30, now, w)
			}
			if out.sent < b.N {
				b.Fatalf("%d of %d packets were sent", out.sent, b.N)
			}
		})
	}
}
