package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeSession(api huma.API) {
	huma.Register(api, operation(tagSession, "get-me", http.MethodGet, "/me", http.StatusOK,
		"Who am I, and what may I do"), s.me)
	huma.Register(api, keyed(operation(tagSession, "redeem-link", http.MethodPost, "/session/link", http.StatusOK,
		"Sign in with a one-time link", http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusTooManyRequests)), s.redeemLink)
	huma.Register(api, operation(tagSession, "sign-out", http.MethodDelete, "/session", http.StatusOK,
		"Sign out. A browser that signed in with the identity provider should go on to the answer's url, which ends the sign-in there"), s.signOut)
	huma.Register(api, operation(tagSession, "get-health", http.MethodGet, "/health", http.StatusOK,
		"Says that the server answers; see /status for its parts"), s.health)
}

type meBody struct {
	Person         meeting.PersonID `json:"person" doc:"Empty for somebody without a session"`
	Name           string           `json:"name" doc:"Empty if not known yet"`
	Admin          bool             `json:"admin"`
	CanCreateRooms bool             `json:"can_create_rooms"`
	Version        string           `json:"version" doc:"Of the program"`

	Email    string      `json:"email" doc:"Of somebody who has signed in; empty if the provider gave none that can be trusted"`
	SignedIn bool        `json:"signed_in" doc:"Whether this is somebody who has signed in with the identity provider"`
	SignIn   *signInBody `json:"sign_in" doc:"Where people sign in; null if there is no identity provider"`
}

type meOutput struct{ Body meBody }

func (s *Server) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	v := visitorOf(ctx)
	can, err := s.mayCreateRooms(ctx, v)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	return &meOutput{Body: meBody{
		Person: v.session.Person, Name: v.session.Name, Admin: v.admin(), CanCreateRooms: can, Version: s.cfg.Version,
		Email: v.session.Email, SignedIn: v.session.SignedIn, SignIn: s.signInView(),
	}}, nil
}

type linkInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"What stands behind # in the link"`
	}
}

type linkOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		Admin bool           `json:"admin" doc:"Whether the link made you an admin"`
		Room  meeting.RoomID `json:"room,omitempty" doc:"The room the link made you an organizer of"`
	}
}

func (s *Server) redeemLink(ctx context.Context, in *linkInput) (*linkOutput, error) {
	v := visitorOf(ctx)
	if !s.signInLimit.allow(v.addr) {
		return nil, errTooMany("attempts to sign in")
	}
	link, err := s.links.Redeem(ctx, in.Body.Token)
	if err != nil {
		return nil, s.linkProblem(ctx, err)
	}
	out := &linkOutput{}
	life := s.lifeOf(v)
	change := func(*storage.Session) {}
	switch link.Kind {
	case storage.LinkAdmin:
		out.Body.Admin, life = true, s.cfg.AdminLife
		if v.session.SignedIn { // the provider's sign-in must not last longer by that
			life = s.lifeOf(v)
		}
		change = func(session *storage.Session) { session.Admin = true }
	case storage.LinkOrganizer:
		out.Body.Room = meeting.RoomID(link.Target)
		change = func(session *storage.Session) { addRoom(session, out.Body.Room) }
	}
	if out.Body.Room != "" {
		if err := s.addOrganizer(ctx, out.Body.Room, v); err != nil {
			return nil, err
		}
		if err := s.noteRoom(ctx, v, out.Body.Room); err != nil {
			return nil, s.answerFor(ctx, "note room", err)
		}
	}
	if out.SetCookie, err = s.signIn(ctx, v, life, change); err != nil {
		return nil, s.answerFor(ctx, "store session", err)
	}
	s.record(ctx, v, "sign-in."+string(link.Kind), roomObject(out.Body.Room))
	return out, nil
}

func (s *Server) linkProblem(ctx context.Context, err error) error {
	const again = " Make a fresh one on the server."
	switch {
	case errors.Is(err, storage.ErrUsed):
		return problem(http.StatusGone, "link-used", "This link was used already; it works once."+again)
	case errors.Is(err, storage.ErrExpired):
		return problem(http.StatusGone, "link-expired", "This link is too old."+again)
	case errors.Is(err, storage.ErrNotFound):
		return problem(http.StatusNotFound, "no-link", "The server does not know this link. Check that it was copied whole.")
	}
	return s.answerFor(ctx, "redeem link", err)
}

// lifeOf returns how long the visitor's next session may last: what is left of the present one, or a new life. Becoming
// an organizer must not prolong an admin's session.
func (s *Server) lifeOf(v *visitor) time.Duration {
	if v.hash == "" {
		return s.cfg.SessionLife
	}
	return time.UnixMilli(v.session.ExpiresUnixMS).Sub(s.now()).Round(time.Second)
}

type signOutOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		URL string `json:"url" doc:"Where to go on to; empty: nowhere"`
	}
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signOutOutput, error) {
	v := visitorOf(ctx)
	if v.hash != "" {
		if err := s.sessions.Delete(ctx, v.hash); err != nil {
			return nil, s.answerFor(ctx, "delete session", err)
		}
	}
	out := &signOutOutput{SetCookie: sessionCookie(v.secure, "", 0)}
	if v.session.SignedIn && s.provider != nil {
		out.Body.URL = s.provider.signOutURL(ctx, v.session.IDToken, v.origin+"/")
	}
	return out, nil
}

type healthOutput struct {
	Body struct {
		Status string `json:"status" enum:"ok"`
	}
}

func (s *Server) health(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status = "ok"
	return out, nil
}
