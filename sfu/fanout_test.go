package sfu

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// hall returns a room of people whose downlinks are up, but for the network: nothing runs, the caller is the room's
// goroutine. The first cameras of them are on, in three layers.
func hall(people, cameras int) *Room {
	config := RoomConfig{Meeting: meeting.NewID()}
	config.setDefaults(slog.New(slog.DiscardHandler))
	r := newRoom(&Node{}, config)
	open := &atomic.Bool{}
	open.Store(true)
	for i := range people {
		id := meeting.ParticipantID(fmt.Sprint("p", i))
		e := &entry{peer: signal.Peer{Participant: id}, m: newMember(r, id)}
		r.entries[id], r.order = e, append(r.order, e)
		var slots []*slot
		path := newPath(func() {})
		for n, source := range config.Slots.sources() {
			s := newSlot(source, n, open)
			s.path, s.moved = path, &r.moved
			s.wire.Store(&wire{ssrc: 77, payloads: [codecs]uint8{codecOpus: payloadOpus, codecVP8: payloadVP8}, out: &outlet{}})
			slots = append(slots, s)
		}
		e.take(slots)
		if i < cameras {
			t := newTrack(id, signal.Camera, codecVP8, []string{"q", "h", "f"}, func(uint32) {})
			t.active.Store(true)
			r.tracks = append(r.tracks, t)
		}
	}
	return r
}

func (r *Room) keepLive(now time.Time) {
	for _, t := range r.tracks {
		for i, l := range t.layers {
			l.begin(uint32(i+1), now)
		}
	}
}

// BenchmarkFanout150 is a packet of one camera for 150 readers, before SRTP.
func BenchmarkFanout150(b *testing.B) {
	r := hall(151, 1)
	now := time.Now()
	r.keepLive(now)
	r.seat()
	l := r.tracks[0].layers[0]
	if n := len(*l.slots.Load()); n != 150 {
		b.Fatalf("%d slots carry the camera", n)
	}
	p := frame(0, true, 1100)
	w := &writer{}
	b.ReportAllocs()
	for b.Loop() {
		p.Seq++
		p.TS += 3000
		l.accept(p, 0, now, w)
	}
}

// BenchmarkTick150 is what the room looks at ten times a second in a meeting of 150 with 12 cameras that all see.
func BenchmarkTick150(b *testing.B) {
	r := hall(150, 12)
	now := time.Now()
	r.keepLive(now)
	r.seat()
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(tick)
		r.keepLive(now)
		r.tick(now)
	}
}
