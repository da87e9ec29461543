package sfu

import (
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu/levels"
	"souffleur/sfu/ring"
	"souffleur/sfu/splice"
	"souffleur/sfu/vp8"
)

// Packets kept for repairs: 1.3 s of audio in 20 ms packets, 1 to 3 s of a camera.
const (
	audioRing = 64
	videoRing = 512
)

// track is one published stream. Its intake calls accept; the room owns who gets it.
type track struct {
	id        meeting.TrackID // set once, as all down to keyFrames
	owner     meeting.ParticipantID
	source    string
	ssrc      uint32
	audio     bool
	clockRate uint32
	ring      *ring.Ring
	meter     levels.Meter
	keyFrames keyFrames

	active atomic.Bool             // false: muted, what arrives is dropped
	slots  atomic.Pointer[[]*slot] // who carries the track; written by the room, read by the packet path
	timing atomic.Pointer[timing]  // from the newest sender report
	count  struct{ in, bad atomic.Uint64 }

	// delivery guards ears and is held while they are called, so that none is called any more once the room has taken
	// it away: "off" must mean off. Listeners do not block.
	delivery sync.Mutex
	ears     []AudioListener
}

func newTrack(owner meeting.ParticipantID, source string, ssrc uint32, requestKeyFrame func()) *track {
	t := &track{id: meeting.NewTrackID(), owner: owner, source: source, ssrc: ssrc}
	t.keyFrames.ask = requestKeyFrame
	t.slots.Store(&[]*slot{})
	if t.audio = isAudio(source); t.audio {
		t.clockRate, t.ring = 48000, ring.New(audioRing)
	} else {
		t.clockRate, t.ring = 90000, ring.New(videoRing)
	}
	return t
}

func isAudio(source string) bool { return source == signal.Mic || source == signal.ScreenAudio }

// accept takes one packet through the server: into the ring, to the listeners, to the slots. level is its RFC 6464 level.
// It runs on the intake's goroutine, w is that goroutine's own.
func (t *track) accept(p *ring.Packet, level uint8, now time.Time, w *writer) {
	if !t.active.Load() {
		return
	}
	in := splice.In{Seq: p.Seq, TS: p.TS, Marker: p.Marker, Empty: len(p.Payload) == 0}
	if !t.describe(&in, p) || !t.ring.Put(p) {
		t.count.bad.Add(1)
		return
	}
	t.count.in.Add(1)
	switch {
	case in.Empty:
	case t.audio:
		t.meter.Note(level, now)
		t.deliver(p, now)
	case in.VP8.KeyFrame:
		t.keyFrames.arrived()
	}
	for _, s := range *t.slots.Load() {
		s.write(t, p, in, now, w)
	}
}

// describe reads the VP8 descriptor of a video packet into in. It returns false for one that cannot be forwarded.
func (t *track) describe(in *splice.In, p *ring.Packet) bool {
	if t.audio || in.Empty {
		return true
	}
	var err error
	in.VP8, err = vp8.Parse(p.Payload)
	return err == nil
}

func (t *track) deliver(p *ring.Packet, now time.Time) {
	t.delivery.Lock()
	defer t.delivery.Unlock()
	for _, ear := range t.ears {
		ear.AudioPacket(t.id, AudioPacket{Seq: p.Seq, TS: p.TS, Payload: p.Payload, Arrival: now})
	}
}

// listenWith replaces the listeners. When it returns, no packet goes to those left out.
func (t *track) listenWith(ears []AudioListener) {
	t.delivery.Lock()
	defer t.delivery.Unlock()
	t.ears = ears
}

// noteMuted tells the listeners, between packets.
func (t *track) noteMuted(muted bool) {
	t.delivery.Lock()
	defer t.delivery.Unlock()
	for _, ear := range t.ears {
		ear.AudioMuted(t.id, muted)
	}
}

func (t *track) description() AudioTrack {
	return AudioTrack{Track: t.id, Participant: t.owner, Source: t.source, SSRC: t.ssrc}
}
