package sfu

import (
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// The room's goroutine decides which track is in which slot. The rule for every source is the same: a list of tracks is
// wanted, those that are in a slot stay where they are, the others get the free slots. So nobody's tile moves without need.

// aim is what one slot is to send.
type aim struct {
	layer  *layer // nil: nothing
	asked  *layer // what the publisher should send for it; nil: nothing
	missed *layer // what he cannot send and should as soon as he can; nil: nothing
	paused string // why nothing of the carried track is sent; "": it flows
}

// seat fills everybody's slots anew.
func (r *Room) seat() {
	now := time.Now()
	moved := false
	for _, e := range r.order {
		moved = r.seatEntry(e, now) || moved
	}
	r.seated(moved, now)
}

// seated passes on what follows from new seats.
func (r *Room) seated(moved bool, now time.Time) {
	if moved {
		r.distribute()
	}
	r.tellLayers(now)
}

// introduceSlots tells a participant of all his slots, the empty ones included, and fills them; and of what is watched of
// what he sends. He knows nothing, or may have missed something.
func (r *Room) introduceSlots(e *entry) {
	clear(e.told)
	for _, t := range r.tracks {
		if t.owner == e.peer.Participant {
			t.cast.begun = false
		}
	}
	now := time.Now()
	r.seatEntry(e, now)
	r.seated(true, now)
}

// seatEntry fills one participant's slots. It returns whether any of them sends something else from now on.
func (r *Room) seatEntry(e *entry, now time.Time) bool {
	r.fillSlots(e)
	return r.aimSlots(e, now)
}

// aimSlots chooses what the slots send of what they carry. The participant is told before it happens, so that a tile has
// the right name before its first frame.
func (r *Room) aimSlots(e *entry, now time.Time) bool {
	if len(e.slots) == 0 {
		return false
	}
	r.choose(e, now)
	var news []signal.MediaSlot
	for i, s := range e.slots {
		if d := s.describe(e.carried[i], e.aims[i].paused); d != e.told[i] {
			news, e.told[i] = append(news, d), d
		}
	}
	if len(news) > 0 {
		e.m.tell(signal.ServerMessage{Type: signal.Slot, Slots: news})
	}
	for i, s := range e.slots {
		e.moved = s.aim(e.aims[i].layer) || e.moved
	}
	e.relieve(now)
	return e.moved
}

// take gives a participant the slots of a new downlink, or none.
func (e *entry) take(slots []*slot) {
	e.slots, e.moved = slots, false
	e.carried, e.aims, e.told = make([]*track, len(slots)), make([]aim, len(slots)), make([]signal.MediaSlot, len(slots))
}

// fillSlots computes e.carried.
func (r *Room) fillSlots(e *entry) {
	for first := 0; first < len(e.slots); {
		source := e.slots[first].source
		last := first
		for last < len(e.slots) && e.slots[last].source == source {
			last++
		}
		fill(e.carried[first:last], r.wanted(source, e, last-first))
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

// wanted lists the tracks of one source that a participant should get, at most n: the microphones that are heard; of
// videos those in his view, in its order. Before his first view it is the newest shared screen and the first cameras.
func (r *Room) wanted(source string, e *entry, n int) []*track {
	reader := e.peer.Participant
	if source == signal.Mic {
		return r.mics.Heard(r.microphoneOf(reader))
	}
	var list []*track
	for _, t := range r.tracks {
		if t.source == source && t.owner != reader && t.active.Load() && e.shows(t) {
			list = append(list, t)
		}
	}
	if e.view != nil {
		slices.SortStableFunc(list, func(a, b *track) int { return e.rank(a) - e.rank(b) })
	}
	if len(list) <= n {
		return list
	}
	if source == signal.Camera || e.view != nil && source == signal.Screen {
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

// distribute gives every layer the slots that send it or wait for it, and lets those begin that wait.
func (r *Room) distribute() {
	carriers := make(map[*layer][]*slot, len(r.tracks))
	for _, e := range r.order {
		for _, s := range e.slots {
			now, target := s.sending()
			if target != nil {
				carriers[target] = append(carriers[target], s)
			}
			if now != nil && now != target {
				carriers[now] = append(carriers[now], s)
			}
		}
	}
	for _, t := range r.tracks {
		for _, l := range t.layers {
			list := carriers[l]
			l.slots.Store(&list)
		}
	}
	for _, e := range r.order {
		if e.moved {
			e.moved = false
			e.startSlots()
		}
	}
}

// startSlots lets the slots begin that wait for a key frame, on their participant's goroutine: it may take milliseconds.
func (e *entry) startSlots() {
	slots := e.slots
	// A member whose mailbox is full is about to be thrown out.
	e.m.post(func() {
		for _, s := range slots {
			s.start(time.Now())
		}
	})
}
