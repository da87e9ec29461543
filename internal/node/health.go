package node

import (
	"context"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/disk"
	"souffleur/internal/meeting"
	"souffleur/web"
)

// healthWait bounds how long a question to Kafka or S3 may take before that part counts as down.
const healthWait = 3 * time.Second

// Status implements web.Live.
func (n *Node) Status(ctx context.Context) web.SystemStatus {
	s := web.SystemStatus{Bus: up(), Storage: up()}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	if _, err := n.deps.Bus.EndOffsets(ctx, bus.Meetings); err != nil {
		s.Bus = down("Kafka does not answer. Check that it runs and that KAFKA_BROKERS names it.")
	}
	if _, err := n.deps.Instance.Get(ctx); err != nil {
		s.Storage = down("Storage does not answer. Check that it runs and that S3_ENDPOINT names it.")
	}
	s.ASR, s.Disk, s.Load = n.recognisersStatus(), n.diskStatus(), loadStatus(n.deps.SFU.Load())
	s.RoomsLive, s.People = n.count()
	s.Capacity = n.capacity(time.Now())
	s.ASR.Workers = s.Capacity.Workers
	r := n.deps.SFU.Reach()
	s.Ways = web.Ways{
		TCP: r.TCP, TCPRefused: r.TCPRefused, Relays: r.Relay.Allocations, Refused: r.Relay.Refused, Denied: r.Relay.Denied,
		RelayedBytes: r.Relay.Bytes,
	}
	return s
}

// What a disk without much room means, for whoever looks after the server.
const (
	diskLow = "The disk of the data folder is nearly full. Free some space soon: once it is full, no captions can be made, " +
		"and what is said meanwhile is not kept."
	diskFull = "The disk of the data folder is full. Meetings go on without captions. Of what is said, the last 30 seconds of " +
		"each speaker are kept, the rest is lost; nothing that was stored before is. No new meeting can begin. " +
		"Free some space: the rest happens by itself."
)

// diskStatus is nil where no server of this process keeps data.
func (n *Node) diskStatus() *web.PartStatus {
	space := n.space.Load()
	if space == nil {
		return nil
	}
	part := &web.PartStatus{State: string(space.State())}
	switch space.State() {
	case disk.Low:
		part.Message = diskLow + " There are " + space.String() + "."
	case disk.Full:
		part.Message = diskFull + " There are " + space.String() + "."
	}
	return part
}

func up() web.PartStatus { return web.PartStatus{State: "up"} }

func down(message string) web.PartStatus { return web.PartStatus{State: "down", Message: message} }

// recognisersStatus is the worst state of the captions of all meetings with AI.
func (n *Node) recognisersStatus() web.PartStatus {
	part := web.PartStatus{State: "idle"}
	switch n.recognisersProblem() {
	case meeting.ReasonNoModel:
		return web.PartStatus{State: meeting.StatePaused, Message: "No speech model is installed. Fetch one with: souffleur models pull"}
	case "":
	default:
		return web.PartStatus{State: meeting.StatePaused, Message: "No recogniser runs."}
	}
	for _, l := range n.all() {
		s := l.ai().Status
		if severity[s.State] < severity[part.State] {
			continue
		}
		part.State, part.LagMS = s.State, max(part.LagMS, s.LagMS)
		if s.Engine != "" {
			part.Engine = s.Engine
		}
	}
	return part
}

// severity orders the states of captions from unremarkable to bad.
var severity = map[string]int{
	meeting.StateOff: -1, "idle": 0, meeting.StateLive: 1, meeting.StateStarting: 2, meeting.StateCatchingUp: 3,
	meeting.StatePaused: 4,
}
