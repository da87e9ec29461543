package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// maxAccessBody bounds the body that changes who may join, in bytes: all members a room may have, of the longest addresses.
const maxAccessBody = 256 << 10

func (s *Server) describeAccess(api huma.API) {
	huma.Register(api, operation(tagRooms, "get-access", http.MethodGet, "/rooms/{room}/access", http.StatusOK,
		"Who may join the room, with its members. Organizers", http.StatusForbidden, http.StatusNotFound), s.getAccess)
	set := operation(tagRooms, "set-access", http.MethodPut, "/rooms/{room}/access", http.StatusOK,
		"Say who may join the room. It holds for those who come from now on; nobody is taken out of the meeting that goes on. Organizers",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)
	set.MaxBodyBytes = maxAccessBody
	huma.Register(api, set, s.setAccess)
}

// accessBody is who may join a room.
type accessBody struct {
	Access  string   `json:"access" enum:"public,signed-in,restricted" doc:"Everybody with the link, everybody who has signed in, or the members. Organizers and admins always may join"`
	Members []string `json:"members" nullable:"false" maxItems:"500" maxLength:"254" minLength:"1" doc:"E-mail addresses with which members sign in; kept also while access is another"`
}

type accessOutput struct{ Body accessBody }

func (s *Server) getAccess(ctx context.Context, in *roomPath) (*accessOutput, error) {
	r, _, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	return accessView(r), nil
}

func accessView(r *storage.Room) *accessOutput {
	return &accessOutput{Body: accessBody{Access: string(r.AccessNow()), Members: append([]string{}, r.Members...)}}
}

type accessInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body accessBody
}

func (s *Server) setAccess(ctx context.Context, in *accessInput) (*accessOutput, error) {
	_, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	access := storage.Access(in.Body.Access)
	if access != storage.Public && s.provider == nil {
		return nil, errNoSignIn()
	}
	members, err := cleanAddresses(in.Body.Members)
	if err != nil {
		return nil, err
	}
	if ctx, err = s.expectRoom(ctx, in.Room, in.Condition); err != nil {
		return nil, err
	}
	r, err := s.rooms.Update(ctx, in.Room, func(r *storage.Room) error {
		r.Access, r.Members = access, members
		return nil
	})
	if err != nil {
		return nil, s.answerFor(ctx, "set access of room", err)
	}
	s.record(ctx, v, "room.access-"+string(access), roomObject(r.ID))
	return accessView(&r), nil
}

// cleanAddresses returns each address once, in order, or the problem to answer.
func cleanAddresses(texts []string) ([]string, error) {
	var clean []string
	for _, text := range texts {
		address, ok := cleanAddress(text)
		if !ok {
			return nil, problem(http.StatusUnprocessableEntity, "bad-address", "One of the addresses is no e-mail address. Write each as in ada@example.org.")
		}
		clean = append(clean, address)
	}
	slices.Sort(clean)
	return slices.Compact(clean), nil
}

// entry is what a room's access means for a visitor.
type entry string

const (
	entryOpen      entry = "open"       // may join
	entrySignIn    entry = "sign-in"    // has to sign in first
	entryNotMember entry = "not-member" // has signed in, and is no member
	entryKnock     entry = "knock"      // is no member, as far as is known, and may wait in the lobby
)

// entryOf says whether the visitor may join the room. Organizers need no account: their link is a secret of its own.
func (s *Server) entryOf(v *visitor, r *storage.Room) entry {
	switch access := r.AccessNow(); {
	case access == storage.Public, v.role(r) >= meeting.Organizer:
		return entryOpen
	case access == storage.SignedIn && v.session.SignedIn:
		return entryOpen
	case access == storage.Restricted && v.session.Email != "" && slices.Contains(r.Members, v.session.Email):
		return entryOpen
	case access == storage.Restricted && s.hasLobby(r):
		return entryKnock
	case v.session.SignedIn:
		return entryNotMember
	}
	return entrySignIn
}

// hasLobby says whether newcomers wait at this moment, so that organizers look at each of them.
func (s *Server) hasLobby(r *storage.Room) bool {
	if live, ok := s.live.Room(r.ID); ok {
		return live.Lobby
	}
	return r.Rules.Lobby
}

// checkAccess returns the problem to answer to somebody who may not join. An outsider may come as far as the lobby; who was in
// this meeting before gets in by that, whatever the lobby does, so while a meeting goes on it decides.
func (s *Server) checkAccess(v *visitor, r *storage.Room) (outsider bool, err error) {
	found := s.entryOf(v, r)
	if found == entryOpen {
		return false, nil
	}
	_, goesOn := s.live.Room(r.ID)
	if found == entryKnock || goesOn && r.AccessNow() == storage.Restricted && v.hash != "" {
		return true, nil
	}
	return false, accessProblem(v)
}

// accessProblem says what somebody can do who may not join.
func accessProblem(v *visitor) error {
	if v.session.SignedIn {
		return errNotMember()
	}
	return problem(http.StatusForbidden, "sign-in-needed", "This room is for people who have signed in. Sign in, then join again.")
}

func errNotMember() error {
	return problem(http.StatusForbidden, "not-member", "This room is for its members, and your address is not among them. Sign in with another one, or ask an organizer to add yours.")
}

func errNoSignIn() error {
	return problem(http.StatusConflict, "no-sign-in", "Nobody can sign in on this server yet. An admin has to set up an identity provider first.")
}
