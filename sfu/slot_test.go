package sfu

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
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
	s := newSlot(t.source, 0, &open)
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
		if !s.repeat(out.headers[i].SequenceNumber, s.wire.Load(), time.Now(), buf, &again) {
			t.Fatalf("packet %d cannot be repeated", i)
		}
		first, _ := out.headers[i].Marshal()
		second, _ := out.headers[n+i].Marshal()
		if !bytes.Equal(first, second) || !bytes.Equal(out.bodies[i], out.bodies[n+i]) {
			t.Fatalf("packet %d was sent as % x % x and repeated as % x % x", i, first, out.bodies[i], second, out.bodies[n+i])
		}
	}
	s.forget(cam)
	if s.repeat(out.headers[0].SequenceNumber, s.wire.Load(), time.Now(), buf, &again) {
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
		for _, codec := range []codec{codecVP8, codecH264} {
			out := &outlet{keep: true}
			cam := cameraOf(codec, map[uint32]int{})
			s := boundSlot(cam, out)
			carriedBy(cam, s)
			var w writer
			now := time.Now()
			begin := frame(seq, true, 20)
			if codec == codecH264 {
				begin.Payload = []byte{0x67, 0x42, 0xC0, 0x1F, 0x8C, 0x8D, 0x40}
			}
			for _, p := range []*ring.Packet{
				begin, {Seq: next, Payload: payload}, {Seq: next + 1}, frame(next+2, false, 9), {Seq: seq + 1, Payload: payload}, {Seq: next + 3, Payload: payload},
			} {
				cam.layers[0].accept(p, 0, now, &w)
			}
			buf := make([]byte, ring.MaxPayload)
			for i, n := 0, len(out.headers); i < n; i++ {
				if s.repeat(out.headers[i].SequenceNumber, s.wire.Load(), time.Now(), buf, &w) && !bytes.Equal(out.bodies[i], out.bodies[len(out.bodies)-1]) {
					t.Fatalf("packet %d was repeated differently", i)
				}
				if d, err := vp8.Parse(out.bodies[i]); codec == codecVP8 && err != nil && len(out.bodies[i]) > 0 {
					t.Fatalf("unreadable payload was forwarded: % x (%+v)", out.bodies[i], d)
				}
			}
			s.begin(now) // what is in the ring is sent once more
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

// cameraOf returns an active camera with these layers, whose key frame requests are counted by SSRC.
func cameraOf(codec codec, asked map[uint32]int, rids ...string) *track {
	t := newTrack("p1", signal.Camera, codec, rids, func(ssrc uint32) { asked[ssrc]++ })
	t.active.Store(true)
	for i, l := range t.layers {
		l.begin(uint32(i+1), time.Now())
	}
	return t
}

// carriedBy makes slots the ones that all layers of t write to.
func carriedBy(t *track, slots ...*slot) {
	for _, l := range t.layers {
		l.slots.Store(&slots)
	}
}

func TestLayerSwitchWaitsForAKeyFrame(t *testing.T) {
	asked := map[uint32]int{}
	cam := cameraOf(codecVP8, asked, "q", "h", "f")
	out := &outlet{keep: true}
	low, high := cam.layers[0], cam.layers[2]
	s := boundSlot(cam, out)
	carriedBy(cam, s)
	var w writer
	now := time.Now()
	seq := uint16(0)
	both := func(lowKey, highKey bool) {
		seq++
		low.accept(frame(seq, lowKey, 50), 0, now, &w)
		high.accept(frame(seq+1000, highKey, 500), 0, now, &w)
		now = now.Add(33 * time.Millisecond)
	}
	both(true, false)
	both(false, false)
	s.aim(high)
	both(false, false)
	both(false, false)
	if len(out.bodies) != 4 || len(out.bodies[3]) != 50 || asked[3] == 0 {
		t.Fatalf("before the key frame %d packets were sent, the last of %d bytes; it was asked for %d times", len(out.bodies), len(out.bodies[3]), asked[3])
	}
	both(false, true)
	both(false, false)
	if n := len(out.bodies); n != 7 || len(out.bodies[5]) != 500 || len(out.bodies[6]) != 500 {
		t.Fatalf("after the key frame %d packets were sent, the last of %d bytes", n, len(out.bodies[n-1]))
	}
	s.aim(low)
	s.halt() // the way is too narrow for the large one until the small one begins
	both(false, false)
	if len(out.bodies) != 7 {
		t.Error("a layer that was stopped was sent")
	}
	both(true, false)
	for i, h := range out.headers {
		if h.SequenceNumber != out.headers[0].SequenceNumber+uint16(i) || h.SSRC != 77 {
			t.Fatalf("packet %d has number %d", i, h.SequenceNumber)
		}
	}
	if n := len(out.bodies); n != 8 || len(out.bodies[7]) != 50 {
		t.Errorf("%d packets were sent in the end", n)
	}
}

func TestLayersShareTheClockOfTheirCamera(t *testing.T) {
	cam := cameraOf(codecVP8, map[uint32]int{}, "q", "h")
	out := &outlet{keep: true}
	s := boundSlot(cam, out)
	carriedBy(cam, s)
	var w writer
	start := time.Now()
	low, high := cam.layers[0], cam.layers[1]
	// A picture taken at second t reads 1000 + 90000 t in one layer, 4e9 + 90000 t in the other. The reports are of other times.
	low.timing.Store(&timing{at: start, said: start.Add(-5 * time.Hour), rtp: 1000})
	high.timing.Store(&timing{at: start, said: start.Add(-5*time.Hour + 700*time.Millisecond), rtp: 4_000_000_000 + 63000})
	picture := func(l *layer, base uint32, seq uint16, at, delay time.Duration, key bool) {
		p := frame(seq, key, 50)
		p.TS = base + uint32(at*90000/time.Second)
		l.accept(p, 0, start.Add(at+delay), &w)
	}
	picture(low, 1000, 1, 0, 0, true)
	picture(low, 1000, 2, 100*time.Millisecond, 0, false)
	s.aim(high)
	picture(high, 4_000_000_000, 9, 200*time.Millisecond, 77*time.Millisecond, true) // large, so it came late
	picture(high, 4_000_000_000, 10, 300*time.Millisecond, 0, false)
	s.aim(low)
	picture(low, 1000, 5, 300*time.Millisecond, 9*time.Millisecond, true) // this picture was sent already
	picture(low, 1000, 6, 400*time.Millisecond, 0, false)
	want := []uint32{0, 9000, 18000, 27000, 27001, 36001}
	for i, h := range out.headers {
		if got := h.Timestamp - out.headers[0].Timestamp; got != want[i] {
			t.Errorf("picture %d is sent with time %d, want %d", i, got, want[i])
		}
	}
	if len(out.headers) != len(want) {
		t.Errorf("%d pictures were sent", len(out.headers))
	}
}

func TestLateReaderBeginsWithTheLastKeyFrame(t *testing.T) {
	asked := map[uint32]int{}
	cam := cameraOf(codecVP8, asked)
	l := cam.layers[0]
	var w writer
	now := time.Now()
	for i := range 12 {
		l.accept(frame(uint16(65530+i), i == 2, 100+i), 0, now, &w)
	}
	out := &outlet{keep: true}
	s := boundSlot(cam, out)
	carriedBy(cam, s)
	s.begin(now)
	if len(out.bodies) != 10 || len(out.bodies[0]) != 102 || len(out.bodies[9]) != 111 || asked[1] != 0 {
		t.Fatalf("%d packets were sent at once, key frames asked for %d times", len(out.bodies), asked[1])
	}
	l.accept(frame(6, false, 200), 0, now, &w)
	if len(out.bodies) != 11 {
		t.Fatal("what comes next is not sent")
	}
	for i := range maxReplay {
		l.accept(frame(uint16(7+i), false, 200), 0, now, &w)
	}
	late := &outlet{keep: true}
	s = boundSlot(cam, late)
	carriedBy(cam, s)
	s.begin(now)
	if len(late.bodies) != 0 || asked[1] != 1 {
		t.Errorf("%d packets of an old key frame were sent, another was asked for %d times", len(late.bodies), asked[1])
	}
}

func TestReplayAndWriterSendEveryPacketOnce(t *testing.T) {
	cam := cameraOf(codecVP8, map[uint32]int{})
	l := cam.layers[0]
	out := &outlet{keep: true}
	var mu sync.Mutex
	s := boundSlot(cam, nil)
	s.wire.Store(&wire{ssrc: 77, payloads: [codecs]uint8{codecVP8: payloadVP8}, out: lockedOutlet{&mu, out}})
	var w writer
	l.accept(frame(0, true, 50), 0, time.Now(), &w)
	carriedBy(cam, s)
	var both sync.WaitGroup
	both.Add(2)
	go func() {
		defer both.Done()
		var w writer
		for i := range 200 {
			l.accept(frame(uint16(i+1), false, 50), 0, time.Now(), &w)
		}
	}()
	go func() { defer both.Done(); s.begin(time.Now()) }()
	both.Wait()
	seen := map[uint16]int{}
	for _, h := range out.headers {
		seen[h.SequenceNumber-out.headers[0].SequenceNumber]++
	}
	for seq, n := range seen {
		if n > 1 && int(seq) < len(seen) {
			t.Errorf("packet %d was sent %d times", seq, n)
		}
	}
	if len(seen) != 201 && len(seen) != 0 { // none: the key frame was too old already
		t.Errorf("%d of 201 packets were sent", len(seen))
	}
}

// lockedOutlet is an outlet for several goroutines.
type lockedOutlet struct {
	mu  *sync.Mutex
	out *outlet
}

func (o lockedOutlet) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out.WriteRTP(h, payload)
}

func (o lockedOutlet) Write(b []byte) (int, error) { return len(b), nil }

func TestWhatOvertakesAnUnmuteIsLetThrough(t *testing.T) {
	start := time.Now()
	type step struct {
		at     time.Duration
		active bool
	}
	every20 := func(from, to time.Duration, active bool) (steps []step) {
		for at := from; at < to; at += 20 * time.Millisecond {
			steps = append(steps, step{at, active})
		}
		return steps
	}
	const s = time.Second
	for _, c := range []struct {
		what  string
		steps []step
		want  int
	}{
		{"the message comes a moment after the first packets", append(every20(2*s, 2*s+100*time.Millisecond, false), every20(2*s+100*time.Millisecond, 3*s, true)...), 50},
		{"it never comes", every20(2*s, 3*s, false), 0},
		{"it comes long after", append(every20(2*s, 3*s, false), every20(3*s, 4*s, true)...), 50},
		{"a client that did not stop sending", append(append(every20(0, s, true), every20(s, 3*s, false)...), every20(3*s, 4*s, true)...), 100},
		{"packets from just before a mute", append(append(every20(0, s, true), every20(s, s+100*time.Millisecond, false)...), every20(3*s, 4*s, true)...), 100},
		{"a mute and an unmute within a moment", append(append(every20(0, s, true), every20(s+200*time.Millisecond, s+300*time.Millisecond, false)...), every20(s+300*time.Millisecond, 2*s, true)...), 85},
		{"a word said while muted, a pause, the unmute", append(every20(2*s, 2*s+200*time.Millisecond, false), every20(3*s, 4*s, true)...), 50},
		{"a pause in what was said while muted", append(append(every20(0, s, false), every20(s+200*time.Millisecond, s+300*time.Millisecond, false)...), every20(s+300*time.Millisecond, 2*s, true)...), 40},
	} {
		mic := activeTrack(signal.Mic)
		out := &outlet{keep: true}
		mic.layers[0].slots.Store(&[]*slot{boundSlot(mic, out)})
		var w writer
		for i, step := range c.steps {
			mic.active.Store(step.active)
			mic.layers[0].accept(&ring.Packet{Seq: uint16(i), TS: uint32(i) * 960, Payload: []byte{1, 2, 3, byte(i)}}, 30, start.Add(step.at), &w)
		}
		if out.sent != c.want {
			t.Errorf("%s: %d packets were sent, want %d", c.what, out.sent, c.want)
		}
		for i := 1; i < len(out.headers); i++ {
			if int16(out.headers[i].SequenceNumber-out.headers[i-1].SequenceNumber) <= 0 {
				t.Errorf("%s: packet %d is out of order", c.what, i)
			}
		}
	}
}

func TestLipSyncSurvivesALayerSwitch(t *testing.T) {
	cam := cameraOf(codecVP8, map[uint32]int{}, "q", "h")
	mic := activeTrack(signal.Mic)
	video, sound := boundSlot(cam, &outlet{}), boundSlot(mic, &outlet{})
	carriedBy(cam, video)
	carriedBy(mic, sound)
	start := time.Now()
	said := start.Add(-time.Hour) // the publisher's clock
	// What is taken at said + t reads 90000 t + 5 and 90000 t + 7e8 in the camera's layers, 48000 t + 3 in the microphone.
	base := []uint32{5, 700_000_000}
	for i, l := range cam.layers {
		after := time.Duration(i+1) * 400 * time.Millisecond
		l.timing.Store(&timing{at: start.Add(after), said: said.Add(after), rtp: base[i] + uint32(after*90000/time.Second)})
	}
	mic.layers[0].timing.Store(&timing{at: start, said: said, rtp: 3})
	var w writer
	send := func(l *layer, base, rate uint32, seq uint16, at time.Duration) (in, now time.Time) {
		p := frame(seq, true, 50)
		p.TS = base + uint32(at*time.Duration(rate)/time.Second)
		now = start.Add(at + time.Duration(seq)*time.Millisecond) // some delay
		l.accept(p, 0, now, &w)
		return start.Add(at), now
	}
	lastTS := func(s *slot) uint32 {
		return s.wire.Load().out.(*outlet).headers[len(s.wire.Load().out.(*outlet).headers)-1].Timestamp
	}
	for _, s := range []*slot{video, sound} {
		s.wire.Load().out.(*outlet).keep = true
	}
	// taken returns when the newest packet of a slot was taken, as its receiver computes it.
	taken := func(s *slot, rate int, now time.Time) time.Time {
		sr, ok := s.senderReport(now).(*rtcp.SenderReport)
		if !ok {
			t.Fatal("no sender report")
		}
		return fromNTP(sr.NTPTime).Add(time.Duration(int32(lastTS(s)-sr.RTPTime)) * time.Second / time.Duration(rate))
	}
	for i, step := range []*layer{cam.layers[0], cam.layers[1], cam.layers[0], cam.layers[1]} {
		at := time.Duration(i+1) * 700 * time.Millisecond
		video.aim(step)
		want, now := send(step, base[slices.Index(cam.layers, step)], 90000, uint16(40*i+1), at)
		send(mic.layers[0], 3, 48000, uint16(i+1), at)
		if d := taken(video, 90000, now).Sub(want).Abs(); d > time.Millisecond {
			t.Errorf("step %d: the picture's time is off by %v", i, d)
		}
		if d := taken(video, 90000, now).Sub(taken(sound, 48000, now)).Abs(); d > time.Millisecond {
			t.Errorf("step %d: lips and voice are %v apart", i, d)
		}
	}
}
