package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeRetention(api huma.API) {
	huma.Register(api, operation(tagRooms, "set-retention", http.MethodPut, "/rooms/{room}/retention", http.StatusOK,
		"Say how long what is said in this room is kept, up to what the installation allows. It holds for past meetings, too; a shorter time deletes nothing within a week. Organizers",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), s.setRetention)
	huma.Register(api, operation(tagMeetings, "keep-meeting", http.MethodPut, "/meetings/{meeting}/kept", http.StatusOK,
		"Keep a meeting beyond its room's retention; that of the installation holds all the same. Organizers", http.StatusForbidden, http.StatusNotFound), s.keepMeeting)
	huma.Register(api, operation(tagMeetings, "forget-participant", http.MethodDelete, "/meetings/{meeting}/people/{participant}", http.StatusNoContent,
		"Delete what a participant said in an ended meeting, and their name, from everything that is stored; all stays of the person are meant. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.forgetParticipant)
	huma.Register(api, operation(tagMeetings, "get-mine", http.MethodGet, "/meetings/{meeting}/mine", http.StatusOK,
		"Whether I took part in a meeting, and whether what I said can be deleted. For whoever joined with this session", http.StatusNotFound), s.getMine)
	huma.Register(api, operation(tagMeetings, "forget-mine", http.MethodDelete, "/meetings/{meeting}/mine", http.StatusNoContent,
		"Delete what I said in an ended meeting, and my name. For whoever joined with this session", http.StatusNotFound, http.StatusConflict), s.forgetMine)
}

// retentionBody is how many days something is kept after the end of its meeting.
type retentionBody struct {
	AudioDays   int `json:"audio_days" minimum:"0" maximum:"36500" doc:"Sound, where it is kept. 0: until it is deleted; of a room: as the installation"`
	TextDays    int `json:"text_days" minimum:"0" maximum:"36500" doc:"Transcript and everything made of it but minutes"`
	MinutesDays int `json:"minutes_days" minimum:"0" maximum:"36500" doc:"Minutes"`
}

func retentionView(r storage.Retention) retentionBody {
	return retentionBody{AudioDays: r.Audio.Days, TextDays: r.Text.Days, MinutesDays: r.Minutes.Days}
}

// effectiveRetention is what holds in a room.
func effectiveRetention(room, instance storage.Retention) retentionBody {
	return retentionBody{
		AudioDays: room.Audio.Within(instance.Audio), TextDays: room.Text.Within(instance.Text), MinutesDays: room.Minutes.Within(instance.Minutes),
	}
}

// apply sets the clocks that differ.
func (b retentionBody) apply(r *storage.Retention, now time.Time) {
	r.Audio.Set(b.AudioDays, now)
	r.Text.Set(b.TextDays, now)
	r.Minutes.Set(b.MinutesDays, now)
}

type retentionInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body retentionBody
}

func (s *Server) setRetention(ctx context.Context, in *retentionInput) (*roomOutput, error) {
	_, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	if ctx, err = s.expectRoom(ctx, in.Room, in.Condition); err != nil {
		return nil, err
	}
	r, err := s.rooms.Update(ctx, in.Room, func(r *storage.Room) error {
		in.Body.apply(&r.Retention, s.now())
		if r.Retention.Exceeds(settings.Retention) {
			return problem(http.StatusConflict, "above-retention", "An admin has set how long this server keeps things at most. Choose fewer days.")
		}
		return nil
	})
	if err != nil {
		return nil, s.answerFor(ctx, "set retention", err)
	}
	s.record(ctx, v, "room.retention", roomObject(r.ID))
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}

// deletionBody says when a meeting is deleted by itself.
type deletionBody struct {
	TextUnixMS    int64 `json:"text_unix_ms" doc:"When the transcript is deleted; 0: not by itself. If nothing else is left, everything goes with it"`
	AudioUnixMS   int64 `json:"audio_unix_ms" doc:"When its sound is deleted, if it was kept"`
	MinutesUnixMS int64 `json:"minutes_unix_ms" doc:"When its minutes are deleted"`
	Soon          bool  `json:"soon" doc:"Whether the transcript is deleted within a week"`
	CanKeep       bool  `json:"can_keep" doc:"Whether an organizer may keep the meeting: only the room's retention would delete the transcript then"`
}

// deletionView returns nil for a meeting of which nothing is deleted by itself.
func (s *Server) deletionView(m *storage.Meeting, instance, room storage.Retention) *deletionBody {
	due := storage.DueOf(*m, instance, room)
	if due.Text == 0 && due.Audio == 0 && due.Minutes == 0 {
		return nil
	}
	return &deletionBody{
		TextUnixMS: due.Text, AudioUnixMS: due.Audio, MinutesUnixMS: due.Minutes, Soon: due.Soon(s.now()), CanKeep: due.CanKeep,
	}
}

// clocksOf returns the retention of the installation and of a meeting's room.
func (s *Server) clocksOf(ctx context.Context, m *storage.Meeting) (instance, room storage.Retention, err error) {
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return instance, room, s.answerFor(ctx, "read settings", err)
	}
	r, err := s.rooms.Get(ctx, m.Room)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return settings.Retention, m.Retention, nil
	case err != nil:
		return instance, room, s.answerFor(ctx, "read room", err)
	}
	return settings.Retention, r.Retention, nil
}

type keptInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Body    struct {
		Kept bool `json:"kept"`
	}
}

func (s *Server) keepMeeting(ctx context.Context, in *keptInput) (*meetingOutput, error) {
	m, organizes, err := s.meeting(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	v := visitorOf(ctx)
	if !organizes && !v.admin() {
		return nil, errNotOrganizer()
	}
	_, err = s.meetings.Update(ctx, m.ID, func(m *storage.Meeting) error {
		m.Kept = in.Body.Kept
		return nil
	})
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoKey) {
		return nil, errNoMeeting()
	}
	if err != nil {
		return nil, s.answerFor(ctx, "keep meeting", err)
	}
	action := "meeting.keep"
	if !in.Body.Kept {
		action = "meeting.keep-no-longer"
	}
	s.record(ctx, v, action, meetingObject(m.ID))
	return s.getMeeting(ctx, &meetingPath{Meeting: in.Meeting})
}

// forgetWithin bounds a deletion. It goes on when the page that asked for it is closed.
const forgetWithin = time.Minute

func outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), forgetWithin)
}

// requester is the visitor as the audit's proof of a deletion names them.
func (v *visitor) requester() storage.Requester {
	return storage.Requester{Actor: string(v.auditName()), Role: v.auditRole()}
}

// forgetProblem returns the problem to answer when something was not forgotten.
func (s *Server) forgetProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, storage.ErrRunning):
		return problem(http.StatusConflict, "still-live", "The meeting is going on. End it first.")
	case errors.Is(err, storage.ErrUnfinished):
		return problem(http.StatusConflict, "unfinished", "The last words of this meeting are still being written down. Try again in a few minutes.")
	case errors.Is(err, storage.ErrNoPerson):
		return problem(http.StatusNotFound, "no-participant", "Nobody of that ID took part in this meeting.")
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrNoKey):
		return errNoMeeting()
	}
	return s.answerFor(ctx, "forget", err)
}

type forgetParticipantInput struct {
	Meeting     meeting.ID            `path:"meeting" maxLength:"64"`
	Participant meeting.ParticipantID `path:"participant" maxLength:"64"`
	Reason      string                `query:"reason" maxLength:"500" doc:"Why an admin needs this; kept in the audit"`
}

func (s *Server) forgetParticipant(ctx context.Context, in *forgetParticipantInput) (*struct{}, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "participant.forget-asked", in.Reason)
	if err != nil {
		return nil, err
	}
	return nil, s.forget(ctx, m.ID, in.Participant, visitorOf(ctx).requester())
}

func (s *Server) forget(ctx context.Context, id meeting.ID, participant meeting.ParticipantID, by storage.Requester) error {
	ctx, cancel := outlasting(ctx)
	defer cancel()
	return s.forgetProblem(ctx, s.forgetter.Person(ctx, id, participant, by))
}

type mineOutput struct {
	Body struct {
		RoomName    string `json:"room_name"`
		Name        string `json:"name" doc:"Mine, as the others saw it"`
		BeganUnixMS int64  `json:"began_unix_ms"`
		EndedUnixMS int64  `json:"ended_unix_ms" doc:"0 while it goes on"`
		Deletable   bool   `json:"deletable" doc:"Whether what I said can be deleted now: the meeting has ended and its transcript is complete"`
	}
}

// mine returns a meeting in which the visitor took part, and one of their stays.
func (s *Server) mine(ctx context.Context, id meeting.ID) (*storage.Meeting, meeting.Person, error) {
	m, _, err := s.meeting(ctx, id)
	if err != nil {
		return nil, meeting.Person{}, err
	}
	v := visitorOf(ctx)
	i := slices.IndexFunc(m.People, func(p meeting.Person) bool { return v.is(p.Person) })
	if i < 0 {
		// As for a meeting that is not there: whether there is one is nobody else's business.
		return nil, meeting.Person{}, errNoMeeting()
	}
	return m, m.People[i], nil
}

func (s *Server) getMine(ctx context.Context, in *meetingPath) (*mineOutput, error) {
	m, me, err := s.mine(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	out := &mineOutput{}
	out.Body.RoomName, out.Body.Name = m.RoomName, me.Name
	out.Body.BeganUnixMS, out.Body.EndedUnixMS = m.BeganUnixMS, m.EndedUnixMS
	out.Body.Deletable = m.EndedUnixMS != 0 && m.LiveKeyGone
	return out, nil
}

func (s *Server) forgetMine(ctx context.Context, in *meetingPath) (*struct{}, error) {
	m, me, err := s.mine(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	// The audit must not name the person who asked to be forgotten.
	return nil, s.forget(ctx, m.ID, me.Participant, storage.Requester{Actor: string(me.Participant), Role: meeting.Guest})
}
