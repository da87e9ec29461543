package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeShares(api huma.API) {
	huma.Register(api, operation(tagMeetings, "list-shares", http.MethodGet, "/meetings/{meeting}/shares", http.StatusOK,
		"With whom the meeting is shared. Organizers", http.StatusForbidden, http.StatusNotFound), s.listShares)
	huma.Register(api, operation(tagMeetings, "share-meeting", http.MethodPost, "/meetings/{meeting}/shares", http.StatusOK,
		"Let people read, search and download the transcript who sign in with these addresses. Nobody is written to. Organizers",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.shareMeeting)
	huma.Register(api, operation(tagMeetings, "withdraw-share", http.MethodDelete, "/meetings/{meeting}/shares/{share}", http.StatusOK,
		"End a share; what was downloaded stays with whoever has it. Organizers", http.StatusForbidden, http.StatusNotFound), s.withdrawShare)
}

type shareBody struct {
	ID       string `json:"id" doc:"Stands for the address in paths"`
	Address  string `json:"address"`
	AtUnixMS int64  `json:"at_unix_ms"`
}

type sharesOutput struct {
	Body struct {
		Shares []shareBody `json:"shares" nullable:"false" doc:"In the order in which they were made"`
	}
}

func sharesView(shares []storage.Share) *sharesOutput {
	out := &sharesOutput{}
	out.Body.Shares = make([]shareBody, 0, len(shares))
	for _, one := range shares {
		out.Body.Shares = append(out.Body.Shares, shareBody{ID: one.ID, Address: one.Address, AtUnixMS: one.AtUnixMS})
	}
	return out
}

// shareable returns a meeting that the visitor may share, or the problem to answer. An admin may not: what was said in a room is
// its organizers' to hand on.
func (s *Server) shareable(ctx context.Context, id meeting.ID) (*storage.Meeting, error) {
	m, organizes, err := s.meeting(ctx, id)
	if err != nil {
		return nil, err
	}
	if !organizes {
		return nil, errForbidden("Only an organizer of this room may share its meetings. Open the organizer link of the room first.")
	}
	return m, nil
}

func (s *Server) listShares(ctx context.Context, in *meetingPath) (*sharesOutput, error) {
	m, err := s.shareable(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	shares, err := s.shares.List(ctx, m.ID)
	if err != nil {
		return nil, s.answerFor(ctx, "list shares", err)
	}
	return sharesView(shares), nil
}

type shareInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Body    struct {
		Addresses []string `json:"addresses" nullable:"false" minItems:"1" maxItems:"50" maxLength:"254" minLength:"1" doc:"E-mail addresses with which they sign in"`
	}
}

func (s *Server) shareMeeting(ctx context.Context, in *shareInput) (*sharesOutput, error) {
	m, err := s.shareable(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	if s.provider == nil {
		return nil, errNoSignIn()
	}
	addresses, err := cleanAddresses(in.Body.Addresses)
	if err != nil {
		return nil, err
	}
	v := visitorOf(ctx)
	shares, err := s.shares.Add(ctx, m.ID, v.session.Person, addresses, s.now().UnixMilli())
	if err != nil {
		return nil, s.answerShare(ctx, "share meeting", err)
	}
	s.record(ctx, v, "meeting.share", meetingObject(m.ID))
	return sharesView(shares), nil
}

type withdrawInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Share   string     `path:"share" maxLength:"64"`
}

func (s *Server) withdrawShare(ctx context.Context, in *withdrawInput) (*sharesOutput, error) {
	m, err := s.shareable(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	left, err := s.shares.Withdraw(ctx, m.ID, in.Share)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, problem(http.StatusNotFound, "no-share", "The meeting is not shared with this person any more.")
	}
	if err != nil {
		return nil, s.answerShare(ctx, "withdraw share", err)
	}
	s.record(ctx, visitorOf(ctx), "meeting.unshare", meetingObject(m.ID))
	return sharesView(left), nil
}

func (s *Server) answerShare(ctx context.Context, tried string, err error) error {
	switch {
	case errors.Is(err, storage.ErrTooMany):
		return problem(http.StatusConflict, "too-many-shares", "A meeting can be shared with 200 people at most. Withdraw it from somebody first.")
	case errors.Is(err, storage.ErrNoKey):
		return errNoMeeting()
	}
	return s.answerFor(ctx, tried, err)
}

// isSharedWith says whether a meeting was shared with the visitor, who has signed in with the address.
func (s *Server) isSharedWith(ctx context.Context, v *visitor, id meeting.ID) (bool, error) {
	if v.session.Email == "" {
		return false, nil
	}
	return s.shares.Has(ctx, id, v.session.Email)
}

// readable returns a meeting whose transcript the visitor may read: as [Server.spokenIn] has it, or because it was shared.
func (s *Server) readable(ctx context.Context, id meeting.ID, action, reason string) (*storage.Meeting, error) {
	m, organizes, err := s.meeting(ctx, id)
	if err != nil || organizes {
		return m, err
	}
	shared, err := s.isSharedWith(ctx, visitorOf(ctx), m.ID)
	if err != nil {
		return nil, s.answerFor(ctx, "read shares", err)
	}
	if shared {
		return m, nil
	}
	return s.spokenToAdmin(ctx, m, action, reason)
}

// sharedWith returns the meetings that were shared with the visitor; nil for most.
func (s *Server) sharedWith(ctx context.Context, v *visitor) (map[meeting.ID]bool, error) {
	if v.session.Email == "" {
		return nil, nil
	}
	ids, err := s.shares.With(ctx, v.session.Email)
	if err != nil {
		return nil, err
	}
	shared := make(map[meeting.ID]bool, len(ids))
	for _, id := range ids {
		shared[id] = true
	}
	return shared, nil
}
