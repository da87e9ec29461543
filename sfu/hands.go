package sfu

import (
	"slices"

	"souffleur/internal/meeting"
)

// hands are the raised ones, in the order in which they went up. There is at most one of each participant.
type hands []meeting.ParticipantID

// set raises or lowers a hand and says whether that changed anything. A hand that is up keeps its place.
func (h *hands) set(id meeting.ParticipantID, up bool) bool {
	at := slices.Index(*h, id)
	switch {
	case up == (at >= 0):
		return false
	case up:
		*h = append(*h, id)
	default:
		*h = slices.Delete(*h, at, at+1)
	}
	return true
}

// setHand raises or lowers a participant's own hand.
func (r *Room) setHand(m *member, up bool) {
	r.do(func() {
		if e := r.entries[m.id]; e != nil && e.m == m && r.hands.set(m.id, up) {
			r.stateStale = true
		}
	})
}
