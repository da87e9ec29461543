package node

import (
	"context"
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

// session is one signalling connection of a participant.
type session struct {
	l    *live
	id   meeting.ParticipantID
	out  web.Outbox
	peer *sfu.Participant
}

var _ web.Session = (*session)(nil)

// Admit implements web.Live.
func (n *Node) Admit(ctx context.Context, room storage.Room, p meeting.Person) (web.Admission, error) {
	l, err := n.open(ctx, room.ID)
	if err != nil {
		return web.Admission{}, fmt.Errorf("open meeting in %s: %w", room.ID, err)
	}
	if l.e2ee != room.E2EE {
		return web.Admission{}, fmt.Errorf("join %s: %w", room.ID, web.ErrRoomChanged)
	}
	if l.full() || n.full() {
		return web.Admission{}, fmt.Errorf("join %s: %w", room.ID, web.ErrRefused)
	}
	c := claims{
		Room: room.ID, Meeting: l.id, Participant: meeting.NewParticipantID(), Person: p.Person, Name: p.Name,
		Role: p.Role, ExpiresUnix: time.Now().Add(n.cfg.AdmissionLife).Unix(),
	}
	token, err := c.token(n.instance)
	if err != nil {
		return web.Admission{}, err
	}
	l.admitted()
	return web.Admission{Token: token, Participant: c.Participant, Meeting: l.id, AI: l.ai()}, nil
}

func (l *live) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.present) >= l.n.cfg.MaxPeople
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
	if (l.full() || n.full()) && !l.knows(c.Participant) {
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

// connect seats a participant: a first join, or one who comes back. keep names the media to go on with; "": none.
func (l *live) connect(c claims, keep string, out web.Outbox) (*session, error) {
	person, first := l.seat(c)
	s := &session{l: l, id: c.Participant, out: out}
	l.mu.Lock()
	old := l.sessions[c.Participant]
	l.sessions[c.Participant] = s
	was := l.present[c.Participant]
	l.present[c.Participant] = true
	l.claims[c.Participant] = c
	l.mu.Unlock()
	if old != nil {
		sendTo(old.out, signal.ServerMessage{Type: signal.Gone, Code: signal.CodeReplaced, Message: "You joined from another window."})
	}
	peer, err := l.enter(person, keep, out)
	if err != nil {
		l.unseat(s, was)
		return nil, fmt.Errorf("enter the room: %w", err)
	}
	s.peer = peer
	l.recall(out)
	if first {
		l.post(meeting.Event{Type: meeting.EventJoined, Participant: c.Participant, Person: &person}, nil)
		l.keeper.save()
	}
	return s, nil
}

// unseat takes back a failed connect.
func (l *live) unseat(s *session, wasPresent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions[s.id] != s {
		return
	}
	delete(l.sessions, s.id)
	if !wasPresent {
		delete(l.present, s.id)
	}
	if len(l.present) == 0 {
		l.empty = time.Now()
	}
}

// seat finds or makes the person's entry.
func (l *live) seat(c claims) (p meeting.Person, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.indexLocked(c.Participant); i >= 0 {
		return l.people[i], false
	}
	p = meeting.Person{
		Participant: c.Participant, Person: c.Person, Name: c.Name, Role: c.Role,
		JoinedMS: l.now(), Order: len(l.people),
	}
	l.people = append(l.people, p)
	return p, true
}

// enter puts the participant into the SFU's room, or gives a known one its new connection. Either sends the welcome.
func (l *live) enter(p meeting.Person, keep string, out web.Outbox) (*sfu.Participant, error) {
	peer, err := l.media.Keep(p.Participant, keep, out)
	if errors.Is(err, sfu.ErrUnknownParticipant) {
		peer, err = l.media.Join(p, out)
	}
	switch {
	case errors.Is(err, sfu.ErrFull):
		return nil, fmt.Errorf("%w: %w", web.ErrRefused, err)
	case errors.Is(err, sfu.ErrClosed):
		return nil, fmt.Errorf("%w: %w", web.ErrMeetingEnded, err)
	}
	return peer, err
}

// welcome is the state a participant starts from. The SFU calls it, and sends it, between two changes of the roster.
func (l *live) welcome(id meeting.ParticipantID, peers []signal.Peer) *signal.WelcomeInfo {
	l.mu.Lock()
	c := l.claims[id]
	l.mu.Unlock()
	c.ExpiresUnix = time.Now().Add(l.n.cfg.ResumeLife).Unix()
	token, err := c.token(l.n.instance)
	if err != nil {
		l.log.Error("participant cannot resume", "participant", id, "err", err)
	}
	return &signal.WelcomeInfo{
		Participant: id, Meeting: l.id, Room: l.room, RoomName: l.roomName, Role: c.Role,
		BeganUnixMS: l.began.UnixMilli(), Token: token, Peers: l.roster(peers), AI: l.ai(),
	}
}

// recall sends the last finals to one who comes late, or comes back.
func (l *live) recall(out web.Outbox) {
	if l.level() == meeting.Off {
		return
	}
	for _, m := range l.prompt.recent() {
		sendTo(out, m)
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
				Participant: p.Participant, Name: p.Name, Role: p.Role, Order: p.Order, Sources: []string{},
			})
		}
	}
	slices.SortFunc(all, func(a, b signal.Peer) int { return a.Order - b.Order })
	return all
}

// Handle implements web.Session.
func (s *session) Handle(_ context.Context, m signal.ClientMessage) error {
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
