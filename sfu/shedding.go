package sfu

import (
	"context"
	"sync"
	"sync/atomic"

	"souffleur/internal/signal"
	"souffleur/sfu/layers"
	"souffleur/sfu/load"
)

// shedding is what a node knows of its load. The governor's goroutine writes it; rooms look at it on every tick.
type shedding struct {
	status atomic.Pointer[load.Status] // nil: nothing is watched, or not yet
	sent   struct{ bytes, packets atomic.Uint64 }

	stop  context.CancelFunc // nil: nothing runs
	loops sync.WaitGroup
}

// watchLoad starts the governor, if there is anything to watch.
func (n *Node) watchLoad() {
	if !n.config.Load.On() {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	n.load.stop = stop
	n.load.loops.Go(func() { load.Run(ctx, n.config.Load, n.load.traffic, n.noteLoad) })
}

func (s *shedding) close() {
	if s.stop != nil {
		s.stop()
	}
	s.loops.Wait()
}

func (s *shedding) traffic() load.Traffic {
	return load.Traffic{Bytes: s.sent.bytes.Load(), Packets: s.sent.packets.Load()}
}

func (n *Node) noteLoad(s load.Status, changed bool) {
	before := n.Load().State
	n.load.status.Store(&s)
	switch {
	case !changed:
	case s.State > before:
		n.log.Warn("the server runs short and gives up more", "state", s.State, "because", s.Cause)
	default:
		n.log.Info("the server gives up less again", "state", s.State)
	}
}

// Load says how loaded the node is, and what is given up. It may be called from anywhere.
func (n *Node) Load() load.Status {
	if s := n.load.status.Load(); s != nil {
		return *s
	}
	return load.Status{}
}

// followLoad gives up in this room what the node gives up, and tells everybody.
func (r *Room) followLoad() {
	r.meterSlots()
	state := r.node.Load().State
	if state == r.shed {
		return
	}
	before := loadState(r.shed)
	r.shed, r.layout.shed = state, shedBy(state)
	r.seat()
	if now := loadState(state); *now != *before {
		r.tellAll(signal.ServerMessage{Type: signal.Load, Load: now})
	}
}

// loadState is what people are told: that no meeting can begin elsewhere is not their business.
func loadState(s load.State) *signal.LoadState {
	switch s {
	case load.Normal:
		return &signal.LoadState{State: signal.LoadNormal}
	case load.Thumbnails:
		return &signal.LoadState{State: signal.LoadThumbnails}
	}
	return &signal.LoadState{State: signal.LoadAudio}
}

// shedBy says which pictures pause. Shared screens stay: they are what a meeting talks about, and there is one of them.
func shedBy(s load.State) layers.Shed {
	switch s {
	case load.Normal:
		return layers.ShedNothing
	case load.Thumbnails:
		return layers.ShedThumbnails
	}
	return layers.ShedCameras
}

// packetOverhead is what a packet weighs beside its payload, in bytes: headers of IPv4, UDP and RTP, and SRTP's tag.
const packetOverhead = 20 + 8 + 12 + 16

// slotMeter is how much of a slot's counters has been added to the node's. Of the room's goroutine.
type slotMeter struct{ packets, octets uint32 }

// meterSlots adds to the node's counters what the slots of the room have sent since the last time. What a slot sent
// between that and its end is lost: a tick's worth.
func (r *Room) meterSlots() {
	var packets, octets uint64
	for _, e := range r.order {
		for _, s := range e.slots {
			p, o := s.count.packets.Load(), s.count.octets.Load()
			packets += uint64(p - s.meter.packets) // both counters wrap around
			octets += uint64(o - s.meter.octets)
			s.meter = slotMeter{packets: p, octets: o}
		}
	}
	r.node.load.sent.packets.Add(packets)
	r.node.load.sent.bytes.Add(octets + packets*packetOverhead)
}
