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

// note counts what rooms have sent.
func (s *shedding) note(packets, octets uint32) {
	s.sent.packets.Add(uint64(packets))
	s.sent.bytes.Add(uint64(octets) + uint64(packets)*packetOverhead)
}
