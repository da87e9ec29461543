package node

import (
	"slices"
	"time"

	"souffleur/internal/meeting"
)

// policyNow is what the AI may do at this moment.
func (l *live) policyNow() meeting.Policy {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.policy
}

// consentLocked notes with which notice of the AI somebody came in.
func (l *live) consentLocked(c claims) {
	notice, err := meeting.ParseNotice(c.Notice)
	if err != nil || notice.Version == "" { // the AI was off
		return
	}
	l.consents = append(l.consents, meeting.Consent{
		Participant: c.Participant, Person: c.Person, Notice: notice.Version, Level: notice.Level, Sound: notice.Sound, AtUnixMS: c.NoticeUnixMS,
	})
}

// tellLocked notes that a participant is told what the AI does from now on: everybody present is, by a message and on the
// screen. What somebody knew before is not noted again, so the notes stay few however often the AI is switched.
func (l *live) tellLocked(id meeting.ParticipantID, p meeting.Policy) {
	if p.Level == meeting.Off {
		return
	}
	known := slices.ContainsFunc(l.consents, func(c meeting.Consent) bool { return c.Participant == id && c.Covers(p) })
	i := l.indexLocked(id)
	if known || i < 0 {
		return
	}
	l.consents = append(l.consents, meeting.Consent{
		Participant: id, Person: l.people[i].Person, Level: p.Level, Sound: p.KeepAudio, AtUnixMS: time.Now().UnixMilli(), Told: true,
	})
}
