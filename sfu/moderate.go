package sfu

import (
	"slices"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// Moderation is what an organizer has done, for the audit of the room's owner.
type Moderation struct {
	By          meeting.ParticipantID
	Action      string                // one of signal.Moderate…
	Source      string                // of signal.ModerateMute
	Participant meeting.ParticipantID // whom it concerned; empty: the room, or everybody in question
}

// moderate acts on what a participant wants done to others, as far as his role at this moment allows it.
func (r *Room) moderate(m *member, msg signal.ClientMessage) {
	r.do(func() {
		by := r.entries[m.id]
		if by == nil || by.m != m {
			return
		}
		code, message := signal.CodeForbidden, "Only organizers may do this."
		if by.peer.Role >= meeting.Organizer {
			code, message = r.act(by, msg)
		}
		if code != "" {
			m.tell(signal.ServerMessage{Type: signal.Fault, Code: code, Message: message})
			return
		}
		r.config.Events.Moderated(Moderation{By: m.id, Action: msg.Action, Source: msg.Source, Participant: msg.Participant})
	})
}

// act does what an organizer asks for, or says why not. It runs on the room's goroutine, as all below.
func (r *Room) act(by *entry, msg signal.ClientMessage) (code, message string) {
	switch msg.Action {
	case signal.ModerateLock, signal.ModerateUnlock:
		r.setLocked(msg.Action == signal.ModerateLock)
		return "", ""
	case signal.ModerateLobbyOn, signal.ModerateLobbyOff:
		r.setLobby(msg.Action == signal.ModerateLobbyOn)
		return "", ""
	case signal.ModerateAdmit, signal.ModerateRefuse:
		return r.answerWaiting(msg)
	case signal.ModerateLowerHand:
		if msg.Participant == "" {
			r.lowerAll(by)
			return "", ""
		}
	}
	e := r.entries[msg.Participant]
	if e == nil || e.m == nil {
		return signal.CodeNobody, "This person is not in the meeting any more."
	}
	return r.actOn(by, e, msg)
}

func (r *Room) actOn(by, e *entry, msg signal.ClientMessage) (code, message string) {
	switch msg.Action {
	case signal.ModerateMute:
		source := msg.Source
		if source == "" {
			source = signal.Mic
		}
		what := signal.Moderation{Action: msg.Action, Source: source, ByName: by.peer.Name}
		if r.stopSource(e, source, what) {
			r.tellModerated(e, what)
		}
	case signal.ModerateStopShare:
		r.stopShare(e, by.peer.Name)
	case signal.ModerateLowerHand:
		r.lower(e, by)
	case signal.ModerateCaptioner, signal.ModerateNoCaptioner:
		r.setCaptioner(e, by, msg.Action)
	case signal.ModerateRemove:
		if e == by || e.peer.Role > by.peer.Role {
			return signal.CodeForbidden, "You cannot remove this person."
		}
		r.expel(e)
	}
	return "", ""
}

// stopSource mutes a source for its owner, who may switch it on again. It acts on the packet path and on listeners
// before it returns; what the member itself keeps of it follows. It returns false if the source was not on. A member that
// does not take its messages is thrown out, so e may be left by one who is gone.
func (r *Room) stopSource(e *entry, source string, what signal.Moderation) bool {
	if e.m == nil {
		return false
	}
	stopped := slices.Contains(e.peer.Sources, source)
	for _, t := range r.tracks {
		if t.owner == e.m.id && t.source == source && t.active.Swap(false) {
			stopped = true
			if t.audio {
				t.noteMuted(true)
			}
		}
	}
	if !stopped {
		return false
	}
	r.reseat()
	m := e.m
	if !m.post(func() { m.silence(source, what) }) {
		r.log.Error("participant does not take its messages", "participant", m.id)
		r.remove(m, signal.CodeSlow)
	}
	return true
}

// tellModerated tells e what was done to him.
func (r *Room) tellModerated(e *entry, what signal.Moderation) {
	if e.m != nil {
		e.m.tell(signal.ServerMessage{Type: signal.Moderated, Moderated: &what})
	}
}

// expel throws a person out, in all windows, and does not let them back.
func (r *Room) expel(e *entry) {
	person := e.person
	r.ban(person)
	gone := signal.ServerMessage{Type: signal.Gone, Code: signal.CodeRemoved, Message: "An organizer removed you from this meeting."}
	for _, o := range slices.Clone(r.order) { // remove changes it
		if o.m != nil && (o == e || person != "" && o.person == person) {
			o.m.tell(gone)
			r.remove(o.m, signal.CodeRemoved)
		}
	}
	for _, w := range slices.Clone(r.waiting) { // turnAway changes it
		if person != "" && w.person.Person == person {
			r.turnAway(w, gone.Code, gone.Message)
		}
	}
}

// setCaptioner lets e type captions, or no more. What is typed is the business of who holds the room.
func (r *Room) setCaptioner(e, by *entry, action string) {
	may := action == signal.ModerateCaptioner
	if e.peer.Captioner == may {
		return
	}
	e.peer.Captioner = may
	r.changed(e)
	if e != by {
		r.tellModerated(e, signal.Moderation{Action: action, ByName: by.peer.Name})
	}
}

func (r *Room) lower(e, by *entry) {
	if r.hands.set(e.peer.Participant, false) {
		r.stateStale = true
		if e != by {
			r.tellModerated(e, signal.Moderation{Action: signal.ModerateLowerHand, ByName: by.peer.Name})
		}
	}
}

func (r *Room) lowerAll(by *entry) {
	for _, id := range slices.Clone(r.hands) { // lower changes it
		if e := r.entries[id]; e != nil {
			r.lower(e, by)
		}
	}
}

// answerWaiting admits or refuses one who waits, or all.
func (r *Room) answerWaiting(msg signal.ClientMessage) (code, message string) {
	asked := slices.Clone(r.waiting) // answering changes it
	if msg.Participant != "" {
		w := r.waiterOf(msg.Participant)
		if w == nil {
			return signal.CodeNobody, "This person does not wait any more."
		}
		asked = []*waiter{w}
	}
	for _, w := range asked {
		if msg.Action == signal.ModerateRefuse {
			r.refuse(w)
		} else if r.admit(w) != nil {
			return signal.CodeFull, "The meeting is full: nobody more can be let in."
		}
	}
	return "", ""
}
