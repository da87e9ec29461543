package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/storage"
	"souffleur/web"
)

// session is one signalling connection of a participant.
type session struct {
	l    *live
	id   meeting.ParticipantID
	out  web.Outbox
	peer *sfu.Participant

	pages *rate.Limiter // of what was said before
}

var _ web.Session = (*session)(nil)

// Admit implements web.Live.
func (n *Node) Admit(ctx context.Context, room storage.Room, p meeting.Person, notice meeting.Notice) (web.Admission, error) {
	l, err := n.open(ctx, room.ID)
	if err != nil {
		return web.Admission{}, fmt.Errorf("open meeting in %s: %w", room.ID, err)
	}
	if l.e2ee != room.E2EE {
		return web.Admission{}, fmt.Errorf("join %s: %w", room.ID, web.ErrRoomChanged)
	}
	if n.full() {
		return web.Admission{}, fmt.Errorf("join %s: %w", room.ID, web.ErrRefused)
	}
	if err := l.media.MayEnter(p); err != nil {
		return web.Admission{}, fmt.Errorf("join %s: %w", room.ID, refusal(err))
	}
	if !notice.Covers(l.policyNow()) {
		return web.Admission{}, fmt.Errorf("join %s: %w", room.ID, web.ErrNoticeNeeded)
	}
	now := time.Now()
	c := claims{
		Room: room.ID, Meeting: l.id, Participant: meeting.NewParticipantID(), Person: p.Person, Name: p.Name,
		Role: p.Role, ExpiresUnix: now.Add(n.cfg.AdmissionLife).Unix(), Outsider: p.Outsider,
		Notice: notice.String(), NoticeUnixMS: now.UnixMilli(), OptOut: p.OptOut, RoomMic: p.RoomMic, Headcount: p.Headcount,
	}
	token, err := c.token(n.instance)
	if err != nil {
		return web.Admission{}, err
	}
	l.admitted()
	return web.Admission{Token: token, Participant: c.Participant, Meeting: l.id, AI: l.ai()}, nil
}

// admitted begins the grace period anew: somebody is on the way.
func (l *live) admitted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.present) == 0 {
		l.empty = time.Now()
	}
}

// Connect implements web.Live.
func (n *Node) Connect(_ context.Context, hello signal.ClientMessage, out web.Outbox) (web.Session, error) {
	c, err := parseToken(n.instance, hello.Token, time.Now())
	if err != nil {
		return nil, err
	}
	l := n.of(c.Room)
	if l == nil || l.id != c.Meeting {
		return nil, web.ErrMeetingEnded
	}
	if n.full() && !l.knows(c.Participant) {
		return nil, web.ErrRefused
	}
	keep := ""
	if hello.Keep {
		keep = hello.Media
	}
	return l.connect(c, keep, out)
}

func (l *live) knows(id meeting.ParticipantID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.indexLocked(id) >= 0
}

// connect brings a participant in, or to the door: a first join, or one who comes back. keep names the media to go on with;
// "": none.
func (l *live) connect(c claims, keep string, out web.Outbox) (*session, error) {
	s := &session{l: l, id: c.Participant, out: out, pages: newHistoryLimit()}
	l.mu.Lock()
	old := l.sessions[c.Participant]
	l.sessions[c.Participant] = s
	l.claims[c.Participant] = c
	person := l.personLocked(c)
	l.mu.Unlock()
	if old != nil {
		sendTo(old.out, signal.ServerMessage{Type: signal.Gone, Code: signal.CodeReplaced, Message: "You joined from another window."})
	}
	peer, err := l.enter(person, keep, out)
	if err != nil {
		l.disconnect(s)
		return nil, fmt.Errorf("enter the room: %w", err)
	}
	s.peer = peer
	return s, nil
}

// disconnect takes back a failed connect.
func (l *live) disconnect(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions[s.id] != s {
		return
	}
	delete(l.sessions, s.id)
	if !l.present[s.id] {
		delete(l.claims, s.id)
	}
}

// personLocked is who comes with a token, in the role of this moment.
func (l *live) personLocked(c claims) meeting.Person {
	p := meeting.Person{
		Participant: c.Participant, Person: c.Person, Name: c.Name, Role: c.Role, OptOut: c.OptOut, RoomMic: c.RoomMic, Headcount: c.Headcount,
	}
	if i := l.indexLocked(c.Participant); i >= 0 {
		p = l.people[i]
	}
	p.Role, p.Outsider = l.roleLocked(p.Person, p.Role), c.Outsider
	return p
}

// enter puts the participant into the SFU's room, or at its door, or gives a known one its new connection. Each sends the
// welcome, or what those who wait are told.
func (l *live) enter(p meeting.Person, keep string, out web.Outbox) (*sfu.Participant, error) {
	peer, err := l.media.Keep(p.Participant, keep, out)
	if errors.Is(err, sfu.ErrUnknownParticipant) {
		peer, err = l.media.Join(p, out)
	}
	return peer, refusal(err)
}

// welcome is the state a participant starts from. The SFU calls it, and sends it, between two changes of the roster.
func (l *live) welcome(id meeting.ParticipantID, peers []signal.Peer) *signal.WelcomeInfo {
	role := meeting.Guest
	if i := slices.IndexFunc(peers, func(p signal.Peer) bool { return p.Participant == id }); i >= 0 {
		role = peers[i].Role
	}
	return &signal.WelcomeInfo{
		Participant: id, Meeting: l.id, Room: l.room, RoomName: l.roomName, Role: role,
		BeganUnixMS: l.began.UnixMilli(), Token: l.resumeToken(id), Peers: l.roster(peers), AI: l.ai(),
		Voices: l.voices.known(),
	}
}

// roster adds to those in the room everybody who has left: late captions need their names.
func (l *live) roster(peers []signal.Peer) []signal.Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(peers)
	for _, p := range l.people {
		known := slices.ContainsFunc(peers, func(q signal.Peer) bool { return q.Participant == p.Participant })
		if !known {
			all = append(all, signal.Peer{
				Participant: p.Participant, Name: p.Name, Role: p.Role, Order: p.Order, Sources: []string{}, RoomMic: p.RoomMic, Headcount: p.Headcount,
			})
		}
	}
	slices.SortFunc(all, func(a, b signal.Peer) int { return a.Order - b.Order })
	return all
}

// Handle implements web.Session.
func (s *session) Handle(_ context.Context, m signal.ClientMessage) error {
	switch m.Type {
	case signal.Type:
		if s.l.serves(s) {
			s.l.typed(s, m)
		}
		return nil
	case signal.History:
		s.l.recall(s, m)
		return nil
	case signal.NameVoice:
		if s.l.serves(s) {
			s.l.nameVoice(s, m)
		}
		return nil
	}
	err := s.peer.Handle(m)
	var fault *sfu.Fault
	if errors.As(err, &fault) {
		return &web.CloseError{Code: fault.Code, Message: fault.Message}
	}
	return err
}

// Detach implements web.Session.
func (s *session) Detach() {
	s.l.mu.Lock()
	current := s.l.sessions[s.id] == s
	if current {
		delete(s.l.sessions, s.id)
	}
	s.l.mu.Unlock()
	if current {
		s.peer.Detach()
	}
}
