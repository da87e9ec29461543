package sfu

import (
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// The room's goroutine decides which track is in which slot. The rule for every source is the same: a list of tracks is
// wanted, those that are in a slot stay where they are, the others get the free slots. So nobody's tile moves without need.

// seat fills everybody's slots anew.
func (r *Room) seat() {
	moved := false
	for _, e := range r.order {
		moved = r.seatEntry(e) || moved
	}
	if moved {
		r.distribute()
	}
}

// seatEntry fills one participant's slots and tells him first, so that a tile has the right name before its first frame.
func (r *Room) seatEntry(e *entry) bool {
	before := slices.Clone(e.carried)
	r.fillSlots(e)
	var news []signal.MediaSlot
	for i, t := range e.carried {
		if t != before[i] {
			news = append(news, e.slots[i].describe(t))
		}
	}
	if len(news) == 0 {
		return false
	}
	e.m.tell(signal.ServerMessage{Type: signal.Slot, Slots: news})
	for i, t := range e.carried {
		if t != before[i] {
			e.slots[i].carry(t)
		}
	}
	return true
}

// introduceSlots tells a participant of all his new slots, the empty ones included, and fills them.
func (r *Room) introduceSlots(e *entry) {
	if len(e.slots) == 0 {
		return
	}
	r.fillSlots(e)
	all := make([]signal.MediaSlot, len(e.slots))
	for i, s := range e.slots {
		all[i] = s.describe(e.carried[i])
	}
	e.m.tell(signal.ServerMessage{Type: signal.Slot, Slots: all})
	for i, s := range e.slots {
		s.carry(e.carried[i])
	}
}

// fillSlots computes e.carried.
func (r *Room) fillSlots(e *entry) {
	for first := 0; first < len(e.slots); {
		source := e.slots[first].source
		last := first
		for last < len(e.slots) && e.slots[last].source == source {
			last++
		}
		fill(e.carried[first:last], r.wanted(source, e.peer.Participant, last-first))
		first = last
	}
}

// fill changes carried so that it holds what is wanted, moving nothing that is in place.
func fill(carried, wanted []*track) {
	for i, t := range carried {
		if t != nil && !slices.Contains(wanted, t) {
			carried[i] = nil
		}
	}
	for _, t := range wanted {
		if free := slices.Index(carried, nil); free >= 0 && !slices.Contains(carried, t) {
			carried[free] = t
		}
	}
}

// wanted lists the tracks of one source that a participant should get, at most n: the microphones that are heard, the
// newest shared screen, the first cameras. (Paging by the client's view comes here.)
func (r *Room) wanted(source string, reader meeting.ParticipantID, n int) []*track {
	if source == signal.Mic {
		return r.mics.Heard(r.microphoneOf(reader))
	}
	var list []*track
	for _, t := range r.tracks {
		if t.source == source && t.owner != reader && t.active.Load() {
			list = append(list, t)
		}
	}
	if len(list) <= n {
		return list
	}
	if source == signal.Camera {
		return list[:n]
	}
	return list[len(list)-n:]
}

func (r *Room) microphoneOf(id meeting.ParticipantID) *track {
	for _, t := range r.tracks {
		if t.source == signal.Mic && t.owner == id {
			return t
		}
	}
	return nil
}

// distribute gives every track the slots that carry it, and asks for the key frames they need.
func (r *Room) distribute() {
	carriers := make(map[*track][]*slot, len(r.tracks))
	for _, e := range r.order {
		for i, t := range e.carried {
			if t != nil {
				carriers[t] = append(carriers[t], e.slots[i])
			}
		}
	}
	now := time.Now()
	for _, t := range r.tracks {
		list := carriers[t]
		t.slots.Store(&list)
		for _, s := range list {
			if s.open.Load() {
				s.urge(now)
			}
		}
	}
}
