package sfu

import (
	"slices"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// One screen is shared at a time. Whoever shares holds the share from the moment a screen, or the sound of one, is
// published and active until neither is.

func isShare(source string) bool { return source == signal.Screen || source == signal.ScreenAudio }

// claimShare asks for the share, for a member that has begun to publish a screen. If it is refused, the client is told.
func (r *Room) claimShare(m *member) bool {
	granted := false
	r.do(func() {
		e := r.entries[m.id]
		if e == nil || e.m != m {
			return
		}
		code, message := r.grantShare(e)
		if granted = code == ""; !granted {
			m.tell(signal.ServerMessage{Type: signal.Fault, Code: code, Message: message})
		}
	})
	return granted
}

// grantShare gives e the share, from somebody else if the rules allow that, or says why not. It runs on the room's
// goroutine, as all below.
func (r *Room) grantShare(e *entry) (code, message string) {
	if !r.mayShare(e) {
		return signal.CodeShareRule, "Only organizers may share their screen in this room."
	}
	other := r.entries[r.sharer]
	if other != nil && other != e && other.m != nil {
		if !r.rules.ShareReplaces && e.peer.Role < meeting.Organizer {
			return signal.CodeShareTaken, "Somebody shares a screen already. Wait until that ends."
		}
		r.stopShare(other, e.peer.Name)
	}
	r.sharer = e.peer.Participant
	return "", ""
}

func (r *Room) mayShare(e *entry) bool {
	return r.rules.Share == meeting.EverybodyShares || e.peer.Role >= meeting.Organizer
}

// noteShare frees the share of a participant who sends neither screen nor its sound any more.
func (r *Room) noteShare(id meeting.ParticipantID, sources []string) {
	if r.sharer == id && !slices.ContainsFunc(sources, isShare) {
		r.sharer = ""
	}
}

// stopShare ends the share of e, who is told. by is empty if a rule did it.
func (r *Room) stopShare(e *entry, by string) {
	r.sharer = ""
	what := signal.Moderation{Action: signal.ModerateStopShare, ByName: by}
	screen, sound := r.stopSource(e, signal.Screen, what), r.stopSource(e, signal.ScreenAudio, what)
	if screen || sound {
		r.tellModerated(e, what)
	}
}
