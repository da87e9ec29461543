package sfu

import (
	"slices"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// organizerReserve is how many organizers find a place in a meeting that is full: somebody must be able to keep order.
	organizerReserve = 5
	// maxRemoved bounds the people who may not come back. Each takes a click of an organizer; above it the oldest is
	// forgotten.
	maxRemoved = 1000
)

// MayEnter says whether Join would take p in, or let p wait, at this moment: ErrRemoved, ErrLocked, ErrFull, ErrLobbyFull,
// ErrNotAdmitted, ErrOutsider or ErrClosed tell why not. It takes no place.
func (r *Room) MayEnter(p meeting.Person) error {
	err := ErrClosed
	r.do(func() {
		if err = r.mayEnter(p); err == nil && r.mustWait(p) {
			err = r.mayWait(p)
		}
	})
	return err
}

// Door returns how the door stands.
func (r *Room) Door() meeting.Door {
	var d meeting.Door
	r.do(func() { d = r.doorNow() })
	return d
}

// mayEnter runs on the room's goroutine, as all below.
func (r *Room) mayEnter(p meeting.Person) error {
	switch {
	case p.Person != "" && slices.Contains(r.door.Removed, p.Person):
		return ErrRemoved
	case r.door.Locked && r.isNew(p):
		return ErrLocked
	case p.Outsider && r.isNew(p) && !r.door.Lobby:
		return ErrOutsider
	case len(*r.audience.Load()) >= r.places(p.Role):
		return ErrFull
	}
	return nil
}

// isNew says whether the lock and the lobby are there for p.
func (r *Room) isNew(p meeting.Person) bool {
	return p.Role < meeting.Organizer && !r.known[p.Person]
}

// places is how many may be in the room when somebody of this role comes.
func (r *Room) places(role meeting.Role) int {
	n := r.limit()
	if role >= meeting.Organizer {
		n += organizerReserve
	}
	return n
}

// limit is how many may be in the room, as its organizers are told.
func (r *Room) limit() int {
	if m := r.rules.MaxPeople; m > 0 {
		return min(m, r.config.MaxParticipants)
	}
	return r.config.MaxParticipants
}

// know lets a person come back whatever the door says. Those without an ID are strangers each time.
func (r *Room) know(id meeting.PersonID) {
	if id != "" {
		r.known[id] = true
	}
}

// setLocked locks or unlocks the door. When it opens for everybody, those who wait come in.
func (r *Room) setLocked(locked bool) {
	if r.door.Locked != locked {
		r.door.Locked = locked
		r.doorChanged()
	}
}

func (r *Room) setLobby(on bool) {
	if r.door.Lobby != on {
		r.door.Lobby = on
		r.doorChanged()
	}
}

func (r *Room) doorChanged() {
	r.stateStale = true
	r.config.Events.DoorChanged(r.doorNow())
	if r.door.Locked || r.door.Lobby {
		return
	}
	for _, w := range slices.Clone(r.waiting) { // admit changes it
		if w.person.Outsider {
			continue // the door is open, but not for them: an organizer has to say so
		}
		if r.admit(w) != nil {
			r.turnAway(w, signal.CodeFull, "The meeting is full.")
		}
	}
}

func (r *Room) doorNow() meeting.Door {
	d := r.door
	d.Removed = slices.Clone(d.Removed)
	return d
}

// ban keeps a person out for the rest of the meeting.
func (r *Room) ban(id meeting.PersonID) {
	if id == "" || slices.Contains(r.door.Removed, id) {
		return
	}
	r.door.Removed = append(r.door.Removed, id)
	if extra := len(r.door.Removed) - maxRemoved; extra > 0 {
		r.door.Removed = slices.Clone(r.door.Removed[extra:])
	}
	r.doorChanged()
}

// SetRules changes how people live together in the room. A lobby that was switched in the meeting stays as it is unless
// the rule of it changes. It does not wait for those whom it concerns.
func (r *Room) SetRules(rules meeting.Rules) {
	r.do(func() {
		before := r.rules
		if before == rules {
			return
		}
		r.rules, r.stateStale = rules, true
		if before.Lobby != rules.Lobby {
			r.setLobby(rules.Lobby)
		}
		if e := r.entries[r.sharer]; e != nil && e.m != nil && !r.mayShare(e) {
			r.stopShare(e, "")
		}
	})
}

// stateNow is what everybody may know of the room.
func (r *Room) stateNow() *signal.RoomState {
	return &signal.RoomState{
		Locked: r.door.Locked, Lobby: r.door.Lobby, Share: r.rules.Share, ShareReplaces: r.rules.ShareReplaces,
		MaxPeople: r.limit(), Hands: append([]meeting.ParticipantID{}, r.hands...),
	}
}

// stateFor is what one participant may know of it.
func (r *Room) stateFor(e *entry, all *signal.RoomState) *signal.RoomState {
	if e.peer.Role < meeting.Organizer || len(r.waiting) == 0 {
		return all
	}
	more := *all
	more.Waiting = r.waitingList()
	return &more
}

// showState tells what has changed since the last tick: so a hundred hands that go up at once are one message to each.
func (r *Room) showState() {
	if !r.stateStale && !r.waitingStale {
		return
	}
	all := r.stateNow()
	for _, e := range r.order {
		if e.m != nil && (r.stateStale || e.peer.Role >= meeting.Organizer) {
			e.m.tell(signal.ServerMessage{Type: signal.Room, Room: r.stateFor(e, all)})
		}
	}
	r.stateStale, r.waitingStale = false, false
}
