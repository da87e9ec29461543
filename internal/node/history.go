package node

import (
	"math"

	"golang.org/x/time/rate"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// historyPages and historyBurst bound how often one connection may ask for what was said before: all of a long meeting at
// once, then now and then. Above it the question is passed over.
const historyPages, historyBurst = 2, 80

func newHistoryLimit() *rate.Limiter { return rate.NewLimiter(historyPages, historyBurst) }

// recall sends a page of what was said before a caption, for the transcript in the meeting. What was said at level captions
// is shown when it is said, and to those who come a moment later, but is no transcript to read.
func (l *live) recall(s *session, m signal.ClientMessage) {
	if !s.pages.Allow() || !l.serves(s) {
		return
	}
	answer := signal.ServerMessage{Type: signal.History}
	if l.level() != meeting.Off {
		answer.Captions, answer.More = l.prompt.before(m.Before, l.readableBy(s.id))
	}
	sendTo(s.out, answer)
}

// serves says whether s is the connection of somebody in the meeting: not at the door, not replaced.
func (l *live) serves(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[s.id] == s && l.present[s.id]
}

// readableBy returns from when on a participant may read what was said, on the room clock: from the beginning, or from when they
// came where the rules of the room say so.
func (l *live) readableBy(id meeting.ParticipantID) (fromMS int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.indexLocked(id)
	switch {
	case i < 0:
		return math.MaxInt64
	case !l.latePrivate || l.people[i].Role >= meeting.Organizer:
		return 0
	}
	return l.people[i].JoinedMS
}
