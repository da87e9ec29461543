package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/storage"
	"souffleur/web"
)

// refusals are the reasons of the SFU's room as package web knows them.
var refusals = map[error]error{
	sfu.ErrFull: web.ErrRoomFull, sfu.ErrRemoved: web.ErrRemoved, sfu.ErrLocked: web.ErrLocked,
	sfu.ErrOutsider: web.ErrNotMember, sfu.ErrLobbyFull: web.ErrLobbyFull, sfu.ErrNotAdmitted: web.ErrNotAdmitted, sfu.ErrClosed: web.ErrMeetingEnded,
}

// refusal wraps an error of the SFU's room with its meaning.
func refusal(err error) error {
	for reason, told := range refusals {
		if errors.Is(err, reason) {
			return fmt.Errorf("%w: %w", told, err)
		}
	}
	return err
}

// seat gives somebody who comes in a place among the people of the meeting. The SFU's room calls it, also for one who
// waited at the door until now.
func (l *live) seat(p meeting.Person) meeting.Person {
	l.mu.Lock()
	i := l.indexLocked(p.Participant)
	first := i < 0
	if first {
		p.JoinedMS, p.Order = l.now(), len(l.people)
		p.Captioner = l.captionsLocked(p.Person)
		l.people = append(l.people, p)
		l.consentLocked(l.claims[p.Participant])
	} else {
		l.people[i].Role = p.Role
		p = l.people[i]
	}
	l.present[p.Participant] = true
	l.tellLocked(p.Participant, l.policy)
	l.mu.Unlock()
	if p.OptOut { // before anything of theirs can be heard: media begins when they have a seat
		l.recorder.SetOptOut(p.Participant, true)
	}
	if first {
		l.post(meeting.Event{Type: meeting.EventJoined, Participant: p.Participant, Person: &p}, nil)
		if p.OptOut {
			l.post(meeting.Event{Type: meeting.EventOptOut, Participant: p.Participant, OptOut: true}, nil)
		}
		if p.RoomMic {
			l.post(meeting.Event{Type: meeting.EventHeadcount, Participant: p.Participant, RoomMic: true, Headcount: p.Headcount}, nil)
		}
	}
	l.keeper.save()
	return p
}

// hold is what somebody who waits is told. Nobody hears anything else of the meeting before being let in.
func (l *live) hold(id meeting.ParticipantID) *signal.WaitingInfo {
	return &signal.WaitingInfo{Room: l.room, RoomName: l.roomName, Token: l.resumeToken(id)}
}

// resumeToken lets a participant come back under the same ID.
func (l *live) resumeToken(id meeting.ParticipantID) string {
	l.mu.Lock()
	c := l.claims[id]
	l.mu.Unlock()
	c.ExpiresUnix = time.Now().Add(l.n.cfg.ResumeLife).Unix()
	token, err := c.token(l.n.instance)
	if err != nil {
		l.log.Error("participant cannot resume", "participant", id, "err", err)
	}
	return token
}

// Welcomed implements the SFU's events: who comes late, or comes back, gets the last finals.
func (l *live) Welcomed(id meeting.ParticipantID, out sfu.Signaller) {
	if l.level() == meeting.Off {
		return
	}
	for _, m := range l.prompt.recent(l.readableBy(id)) {
		_ = out.Send(m) // a closed connection is told by Detach
	}
}

// DoorChanged implements the SFU's events: how the door stands outlives a restart of the server.
func (l *live) DoorChanged(d meeting.Door) {
	l.mu.Lock()
	l.door = d
	l.mu.Unlock()
	l.keeper.save()
}

// follow brings the meeting in line with the room's document: its rules, and who organizes it.
func (l *live) follow(room storage.Room) {
	l.media.SetRules(room.Rules)
	l.mu.Lock()
	l.organizers, l.latePrivate = organizersOf(room), room.Rules.LatePrivate
	changed := make(map[meeting.ParticipantID]meeting.Role)
	for id := range l.present {
		i := l.indexLocked(id)
		if i < 0 {
			continue
		}
		p := &l.people[i]
		if role := l.roleLocked(p.Person, p.Role); role != p.Role {
			p.Role, changed[id] = role, role
		}
	}
	l.mu.Unlock()
	for id, role := range changed {
		l.media.SetRole(id, role)
	}
	if len(changed) > 0 {
		l.keeper.save()
	}
}

func organizersOf(room storage.Room) []meeting.PersonID {
	list := slices.Clone(room.Organizers)
	if room.Owner != "" {
		list = append(list, room.Owner)
	}
	return list
}

// roleLocked is what somebody may do at this moment. Admins are known by their sign-in alone; for all others the room
// decides, and not the role they once came with.
func (l *live) roleLocked(id meeting.PersonID, came meeting.Role) meeting.Role {
	switch {
	case came == meeting.Admin:
		return meeting.Admin
	case slices.Contains(l.organizers, id):
		return meeting.Organizer
	}
	return meeting.Guest
}
