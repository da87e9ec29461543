package sfu

import (
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// maxAtDoor bounds the people who wait at the door; further ones are turned away. Organizers read them by name.
	maxAtDoor = 100
	// refusedFor is how long somebody who was not let in must stay away before asking again.
	refusedFor = time.Minute
)

// waiter is somebody who waits at the door. He is in no roster, has no media and hears of nothing in the room.
type waiter struct {
	person     meeting.Person
	m          *member // as it will be in the room; its goroutine starts there
	since      time.Time
	detachedAt time.Time // zero while a signalling connection is there
}

// Waiting returns how many wait at the door. It may be called from anywhere.
func (r *Room) Waiting() int { return int(r.waitingCount.Load()) }

// mustWait runs on the room's goroutine, as all below.
func (r *Room) mustWait(p meeting.Person) bool { return (r.door.Lobby || p.Outsider) && r.isNew(p) }

// mayWait says why somebody may not even wait, or nil.
func (r *Room) mayWait(p meeting.Person) error {
	switch {
	case p.Person != "" && time.Since(r.refused[p.Person]) < refusedFor:
		return ErrNotAdmitted
	case len(r.waiting) >= maxAtDoor:
		return ErrLobbyFull
	}
	return nil
}

// wait puts somebody at the end of those who wait. The member is in no list but theirs.
func (r *Room) wait(p meeting.Person, s Signaller) (*Participant, error) {
	if err := r.mayWait(p); err != nil {
		return nil, err
	}
	w := &waiter{person: p, m: newMember(r, p.Participant), since: time.Now()}
	w.m.waiting.Store(true)
	r.waiting = append(r.waiting, w)
	r.waitingChanged()
	r.log.Info("participant waits", "participant", p.Participant, "waiting", len(r.waiting))
	return r.hold(w, s), nil
}

// waitAgain gives somebody who waits a new signalling connection. The place stays.
func (r *Room) waitAgain(w *waiter, s Signaller) *Participant {
	w.m.tell(signal.ServerMessage{Type: signal.Gone, Code: signal.CodeReplaced, Message: "this participant is connected elsewhere"})
	w.detachedAt = time.Time{}
	return r.hold(w, s)
}

func (r *Room) hold(w *waiter, s Signaller) *Participant {
	p := &Participant{m: w.m, connection: w.m.connection.Add(1)}
	w.m.line.Store(&line{s})
	r.tellWaiter(w)
	return p
}

func (r *Room) tellWaiter(w *waiter) {
	info := &signal.WaitingInfo{}
	if r.config.Hold != nil {
		info = r.config.Hold(w.m.id)
	}
	info.Organizer = r.organized
	w.m.tell(signal.ServerMessage{Type: signal.Waiting, Waiting: info})
}

// waiterOf returns who waits as id, or nil.
func (r *Room) waiterOf(id meeting.ParticipantID) *waiter {
	for _, w := range r.waiting {
		if w.m.id == id {
			return w
		}
	}
	return nil
}

// admit lets somebody in, or returns ErrFull. One whose connection is lost at this moment may come in when it is back.
func (r *Room) admit(w *waiter) error {
	if len(*r.audience.Load()) >= r.places(w.person.Role) {
		return ErrFull
	}
	client := w.m.line.Load()
	if client == nil {
		r.know(w.person.Person)
		r.dropWaiter(w, "admitted")
		return nil
	}
	r.forgetWaiter(w)
	w.m.waiting.Store(false)
	r.begin(r.seatPerson(w.person, w.m), client, "")
	return nil
}

// turnAway ends the waiting of somebody, who is told why.
func (r *Room) turnAway(w *waiter, code, message string) {
	w.m.tell(signal.ServerMessage{Type: signal.Gone, Code: code, Message: message})
	r.dropWaiter(w, code)
}

// refuse is turnAway by an organizer.
func (r *Room) refuse(w *waiter) {
	now := time.Now()
	for id, at := range r.refused {
		if now.Sub(at) >= refusedFor {
			delete(r.refused, id)
		}
	}
	if id := w.person.Person; id != "" {
		r.refused[id] = now
	}
	r.turnAway(w, signal.CodeNotAdmitted, "An organizer did not let you in.")
}

// dropWaiter makes an end of somebody who waits and does not come in.
func (r *Room) dropWaiter(w *waiter, reason string) {
	r.forgetWaiter(w)
	w.m.connection.Add(1)
	w.m.line.Store(nil)
	close(w.m.done) // its goroutine never ran
	r.log.Info("participant waits no more", "participant", w.m.id, "reason", reason)
	r.config.Events.ParticipantLeft(w.m.id, reason)
}

// forgetWaiter takes somebody off the list.
func (r *Room) forgetWaiter(w *waiter) {
	r.waiting = slices.DeleteFunc(r.waiting, func(o *waiter) bool { return o == w })
	r.waitingChanged()
}

func (r *Room) waitingChanged() {
	r.waitingCount.Store(int32(len(r.waiting)))
	r.waitingStale = true
}

// tickLobby gives up those who are away too long or whom nobody lets in.
func (r *Room) tickLobby(now time.Time) {
	for _, w := range slices.Clone(r.waiting) { // dropWaiter changes it
		switch {
		case !w.detachedAt.IsZero() && now.Sub(w.detachedAt) > r.config.ResumeWindow:
			r.dropWaiter(w, "lost")
		case now.Sub(w.since) > r.config.WaitLimit:
			r.turnAway(w, signal.CodeWaited, "Nobody let you in. Try again when the meeting is on.")
		}
	}
}

// noteOrganizers tells those who wait when the first organizer comes or the last one goes.
func (r *Room) noteOrganizers() {
	organized := slices.ContainsFunc(r.order, func(e *entry) bool { return e.m != nil && e.peer.Role >= meeting.Organizer })
	if organized == r.organized {
		return
	}
	r.organized = organized
	for _, w := range r.waiting {
		r.tellWaiter(w)
	}
}

func (r *Room) waitingList() []signal.Waiter {
	list := make([]signal.Waiter, len(r.waiting))
	for i, w := range r.waiting {
		list[i] = signal.Waiter{Participant: w.m.id, Name: w.person.Name, SinceUnixMS: w.since.UnixMilli()}
	}
	return list
}
