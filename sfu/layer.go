package sfu

import (
	"sync/atomic"
	"time"

	"souffleur/sfu/h264"
	"souffleur/sfu/ring"
	"souffleur/sfu/splice"
	"souffleur/sfu/vp8"
)

// Packets kept for repairs: 1.3 s of audio in 20 ms packets, 1 to 3 s of each layer of a camera.
const (
	audioRing = 64
	videoRing = 512
)

// simulcastRings are the rings of the layers of a camera that has several, lowest first.
var simulcastRings = [...]int{128, 256, videoRing}

// silence is how long a layer may send nothing before it counts as stopped. Browsers stop layers when their bandwidth
// falls; a live camera sends at least five frames a second.
const silence = time.Second

// layer is one encoding of a track: the only one of a microphone or a screen, one of up to three of a camera. Each has an
// intake of its own, which calls accept.
type layer struct {
	track     *track // set once, as all down to keyFrames
	rid       string // "": the only one
	ring      *ring.Ring
	keyFrames keyFrames

	ssrc   atomic.Uint32           // 0: has not come yet
	slots  atomic.Pointer[[]*slot] // who sends this layer or waits for it; written by the room, read by the packet path
	timing atomic.Pointer[timing]  // from the newest sender report
	key    atomic.Uint64           // newest key frame, packed: see keyFrame; 0: none has come
	height atomic.Uint32           // of the picture in pixels; 0: not known
	count  struct{ in, bad, octets atomic.Uint64 }
	last   atomic.Int64 // Unix time of the newest packet, ns

	early  early  // the intake's goroutine only
	volume volume // the room's goroutine only
}

// keyFrame is where a reader can begin. A layer keeps it in one number, as Unix time in ms << 16 | seq.
type keyFrame struct {
	seq uint16    // of its first packet
	at  time.Time // when that came
}

func (k keyFrame) pack() uint64 { return uint64(k.at.UnixMilli())<<16 | uint64(k.seq) }

func unpackKeyFrame(packed uint64) keyFrame {
	return keyFrame{seq: uint16(packed), at: time.UnixMilli(int64(packed >> 16))}
}

func newLayer(t *track, rid string, packets int) *layer {
	l := &layer{track: t, rid: rid, ring: ring.New(packets)}
	l.keyFrames.ask = func() {
		if ssrc := l.ssrc.Load(); ssrc != 0 {
			t.requestKeyFrame(ssrc)
		}
	}
	l.slots.Store(&[]*slot{})
	return l
}

// begin notes that the layer's stream has begun to come.
func (l *layer) begin(ssrc uint32, now time.Time) {
	l.ssrc.Store(ssrc)
	l.last.Store(now.UnixNano())
}

// accept takes one packet through the server: into the ring, to the listeners, to the slots. level is its RFC 6464 level.
// It runs on the intake's goroutine, w is that goroutine's own.
func (l *layer) accept(p *ring.Packet, level uint8, now time.Time, w *writer) {
	if !l.track.active.Load() {
		l.early.keep(p, level, now)
		return
	}
	if l.early.any() {
		l.early.release(now, func(p *ring.Packet, level uint8) { l.pass(p, level, now, w) })
	}
	l.early.passed(now)
	l.pass(p, level, now, w)
}

// pass is accept for a packet of a track that is not muted.
func (l *layer) pass(p *ring.Packet, level uint8, now time.Time, w *writer) {
	in := splice.In{Seq: p.Seq, TS: p.TS, Marker: p.Marker, Empty: len(p.Payload) == 0}
	if !l.describe(&in, p) || !l.ring.Put(p) {
		l.count.bad.Add(1)
		return
	}
	l.count.in.Add(1)
	l.count.octets.Add(uint64(len(p.Payload)))
	l.last.Store(now.UnixNano())
	t := l.track
	switch {
	case in.Empty:
	case t.audio:
		t.meter.Note(level, now)
		t.deliver(p, now)
	case in.KeyFrame:
		l.noteKeyFrame(&in, p, now)
	}
	for _, s := range *l.slots.Load() {
		s.write(l, p, in, now, w)
	}
}

// describe reads what stands at the start of a video packet into in. It returns false for one that cannot be forwarded.
func (l *layer) describe(in *splice.In, p *ring.Packet) bool {
	if l.track.audio || in.Empty {
		return true
	}
	if l.track.codec == codecH264 {
		d, err := h264.Parse(p.Payload)
		in.KeyFrame = d.KeyFrame
		return err == nil
	}
	var err error
	in.VP8, err = vp8.Parse(p.Payload)
	in.KeyFrame = in.VP8.KeyFrame
	return err == nil
}

// noteKeyFrame remembers where the newest key frame begins, and how large it is.
func (l *layer) noteKeyFrame(in *splice.In, p *ring.Packet, now time.Time) {
	l.keyFrames.arrived()
	l.key.Store(keyFrame{seq: p.Seq, at: now}.pack())
	height := 0
	if l.track.codec == codecH264 {
		if d, err := h264.Parse(p.Payload); err == nil {
			height = d.Height
		}
	} else {
		height = in.VP8.Height(p.Payload)
	}
	if height > 0 {
		l.height.Store(uint32(height))
	}
}

// maxReplay is how many packets old a key frame may be for a reader to begin with it: what a camera sends in the time in
// which keyFrames lets no other request through, so that nobody waits for that. With an older one it is cheaper to ask.
const maxReplay = 100

// recentKeyFrame returns the key frame with which a reader can begin at once. ok is false if there is none in the ring.
func (l *layer) recentKeyFrame() (key keyFrame, ok bool) {
	packed := l.key.Load()
	if packed == 0 {
		return keyFrame{}, false
	}
	key = unpackKeyFrame(packed)
	age := l.ring.Behind(key.seq)
	return key, age >= 0 && age < maxReplay
}

// live says whether the layer's packets come. The only layer of a track always counts as live: a screen that nothing
// moves on may send nothing for seconds.
func (l *layer) live(now time.Time) bool {
	return len(l.track.layers) == 1 || now.UnixNano()-l.last.Load() < int64(silence)
}

// sameInstant returns what a timestamp of l reads on the clock of o, another layer of the same camera: both have the
// clock of one capture, told by the publisher's sender reports. It returns false as long as a report is missing.
func (l *layer) sameInstant(o *layer, ts uint32) (uint32, bool) {
	mine, others := l.timing.Load(), o.timing.Load()
	if l.track != o.track || mine == nil || others == nil {
		return 0, false
	}
	if l == o {
		return ts, true
	}
	rate := int64(l.track.clockRate)
	// Both products are of at most some seconds: sender reports come each second.
	apart := int64(mine.said.Sub(others.said)/time.Microsecond) * rate / 1e6
	return others.rtp + uint32(apart) + (ts - mine.rtp), true
}
