package sfu

import (
	"time"

	"golang.org/x/time/rate"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// reactBurst and reactEvery bound what one person sends: a few claps at once, then one a second.
	reactBurst = 3
	reactEvery = time.Second
	// roomReactBurst and roomReactEvery bound a room: when 150 people applaud at once, everybody sees that many do, and the
	// server does not send each of 150 claps to 150 people.
	roomReactBurst = 30
	roomReactEvery = 50 * time.Millisecond
	// maxReacters bounds the people whose allowance is remembered; above it those with a full one are forgotten.
	maxReacters = 512
)

// reactions bounds them. What goes beyond is dropped without a word: a reaction is a gesture, which is repeated or missed.
// They are kept nowhere.
type reactions struct {
	room   *rate.Limiter
	people map[meeting.PersonID]*rate.Limiter
}

func newReactions() *reactions {
	return &reactions{room: rate.NewLimiter(rate.Every(roomReactEvery), roomReactBurst), people: map[meeting.PersonID]*rate.Limiter{}}
}

// allow takes one reaction from a person's allowance and from the room's. Those without an ID have one in common.
func (a *reactions) allow(p meeting.PersonID, now time.Time) bool {
	l := a.people[p]
	if l == nil {
		a.forgetCalm(now)
		l = rate.NewLimiter(rate.Every(reactEvery), reactBurst)
		a.people[p] = l
	}
	return l.AllowN(now, 1) && a.room.AllowN(now, 1)
}

// forgetCalm drops allowances that are full again, once there are many.
func (a *reactions) forgetCalm(now time.Time) {
	if len(a.people) < maxReacters {
		return
	}
	for p, l := range a.people {
		if l.TokensAt(now) >= reactBurst {
			delete(a.people, p)
		}
	}
}

// react shows everybody in the room a reaction, oneself included.
func (r *Room) react(m *member, emoji string) {
	r.do(func() {
		e := r.entries[m.id]
		if e == nil || e.m != m || !r.reactions.allow(e.person, time.Now()) {
			return
		}
		r.tellAll(signal.ServerMessage{Type: signal.Reaction, Participant: m.id, Emoji: emoji})
	})
}
