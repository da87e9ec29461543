package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeMeetings(api huma.API) {
	huma.Register(api, operation(tagMeetings, "list-meetings", http.MethodGet, "/meetings", http.StatusOK,
		"Meetings of the rooms I organize, and those shared with me, newest first; all for an admin"), s.listMeetings)
	huma.Register(api, operation(tagMeetings, "get-meeting", http.MethodGet, "/meetings/{meeting}", http.StatusOK,
		"One meeting: people and AI policy, no speech. Organizers, admins, and those with whom it is shared", http.StatusForbidden, http.StatusNotFound), s.getMeeting)
	huma.Register(api, operation(tagMeetings, "delete-meeting", http.MethodDelete, "/meetings/{meeting}", http.StatusNoContent,
		"Delete all data of an ended meeting. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.deleteMeeting)
	s.describeTranscript(api)
}

// meetingPath is the input of operations on one meeting.
type meetingPath struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64" example:"01K9QJ5X8T3Z0V6B7N4M2C1D0E"`
}

type meetingBody struct {
	ID          meeting.ID     `json:"id"`
	Room        meeting.RoomID `json:"room"`
	RoomName    string         `json:"room_name"`
	BeganUnixMS int64          `json:"began_unix_ms"`
	EndedUnixMS int64          `json:"ended_unix_ms" doc:"0 while it goes on"`
	People      []string       `json:"people" nullable:"false" doc:"Names, by the order of joining"`
	Final       bool           `json:"final" doc:"Whether the transcript is complete"`
	Kept        bool           `json:"kept" doc:"Whether an organizer keeps it beyond the room's retention"`
	Deletion    *deletionBody  `json:"deletion,omitempty" doc:"When it is deleted by itself; absent if it is not"`

	Participants []participantBody `json:"participants,omitempty" nullable:"false" doc:"One entry for each stay; only when one meeting is asked for"`
	Policies     []policyBody      `json:"policies,omitempty" nullable:"false" doc:"What the AI did, and when it changed; only when one meeting is asked for"`
	Consents     []consentBody     `json:"consents,omitempty" nullable:"false" doc:"What each participant knew of the AI, by time; only when one meeting is asked for"`

	Minutes string `json:"minutes" enum:"none,queued,running,partial,done,failed,cancelled" doc:"How far its minutes are"`

	Shared bool `json:"shared" doc:"Whether it was shared with you: you may read and download its transcript, not change or delete it"`
}

func meetingView(m *storage.Meeting) meetingBody {
	return meetingBody{
		ID: m.ID, Room: m.Room, RoomName: m.RoomName, BeganUnixMS: m.BeganUnixMS, EndedUnixMS: m.EndedUnixMS,
		People: namesOf(m.People), Final: m.TranscriptFinal, Kept: m.Kept, Minutes: string(storage.MinutesNone),
	}
}

// namesOf returns the names of people, each person once however often they came and went. Who was forgotten has none.
func namesOf(people []meeting.Person) []string {
	names := make([]string, 0, len(people))
	seen := map[meeting.PersonID]bool{}
	for _, p := range people {
		if !seen[p.Person] && !p.Forgotten {
			seen[p.Person] = true
			names = append(names, p.Name)
		}
	}
	return names
}

type listMeetingsOutput struct {
	Body struct {
		Meetings []meetingBody `json:"meetings" nullable:"false"`
		Next     string        `json:"next" doc:"Ask with it as after for the meetings that follow; empty: there are none"`
	}
}

type listMeetingsInput struct{ Paging }

func (s *Server) listMeetings(ctx context.Context, in *listMeetingsInput) (*listMeetingsOutput, error) {
	v := visitorOf(ctx)
	rooms, err := s.roomsOf(ctx, v)
	if err != nil {
		return nil, s.answerFor(ctx, "list rooms", err)
	}
	shared, err := s.sharedWith(ctx, v)
	if err != nil {
		return nil, s.answerFor(ctx, "list shared meetings", err)
	}
	retention := make(map[meeting.RoomID]storage.Retention, len(rooms))
	for i := range rooms {
		retention[rooms[i].ID] = rooms[i].Retention
	}
	ids := slices.Collect(maps.Keys(shared))
	if len(rooms) > 0 || v.admin() {
		if ids, err = s.meetings.IDs(ctx); err != nil {
			return nil, s.answerFor(ctx, "list meetings", err)
		}
	}
	if ids, err = meetingsAfter(ids, in.After); err != nil {
		return nil, err
	}
	page, more, err := s.meetings.Page(ctx, ids, in.Limit, func(m *storage.Meeting) bool {
		_, mine := retention[m.Room]
		return mine || v.admin() || shared[m.ID]
	})
	if err != nil {
		return nil, s.answerFor(ctx, "list meetings", err)
	}
	out := &listMeetingsOutput{}
	if out.Body.Meetings, err = s.listedMeetings(ctx, v, page, retention); err != nil {
		return nil, err
	}
	if more {
		out.Body.Next = string(page[len(page)-1].ID)
	}
	return out, nil
}

// listedMeetings returns meetings as they stand in the visitor's list. retention is that of the rooms that they run; meetings of
// others were shared with them, or they are an admin.
func (s *Server) listedMeetings(ctx context.Context, v *visitor, page []storage.Meeting, retention map[meeting.RoomID]storage.Retention) ([]meetingBody, error) {
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	jobs, err := s.minutes.Jobs(ctx, withMinutes(page))
	if err != nil {
		return nil, s.answerFor(ctx, "read states of minutes", err)
	}
	views := make([]meetingBody, 0, len(page))
	for i := range page {
		m := &page[i]
		view := meetingView(m)
		if job, ok := jobs[m.ID]; ok {
			view.Minutes = string(job.State)
		}
		clocks, mine := retention[m.Room]
		switch {
		case mine:
		case v.admin(): // lists the meetings of deleted rooms, too
			clocks = m.Retention
		default:
			view.Shared = true
			if _, clocks, err = s.clocksOf(ctx, m); err != nil {
				return nil, err
			}
		}
		view.Deletion = s.deletionView(m, settings.Retention, clocks)
		views = append(views, view)
	}
	return views, nil
}

// withMinutes lists the meetings that may have minutes: those that are over and were at that level.
func withMinutes(page []storage.Meeting) []meeting.ID {
	var ids []meeting.ID
	for i := range page {
		m := &page[i]
		if m.TranscriptFinal && (m.ImportedUnixMS != 0 || slices.ContainsFunc(m.Policies, func(p meeting.Policy) bool { return p.Level >= meeting.Minutes })) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

type meetingOutput struct{ Body meetingBody }

type participantBody struct {
	Participant meeting.ParticipantID `json:"participant"`
	Name        string                `json:"name"`
	Role        string                `json:"role" enum:"participant,organizer,admin"`
	JoinedMS    int64                 `json:"joined_ms" doc:"Room clock: milliseconds since the meeting began"`
	Order       int                   `json:"order" doc:"0 for the first to join"`
	Forgotten   bool                  `json:"forgotten" doc:"Whether name and words were deleted"`
}

type policyBody struct {
	Level   string `json:"level" enum:"off,captions,transcript,minutes"`
	Ceiling string `json:"ceiling" enum:"off,captions,transcript,minutes"`
	ByName  string `json:"by_name" doc:"Who switched it; empty for the first"`
	AtMS    int64  `json:"at_ms" doc:"Room clock"`

	KeepAudio bool `json:"keep_audio" doc:"Whether what was said was kept as sound"`
}

type consentBody struct {
	Participant meeting.ParticipantID `json:"participant"`
	Notice      string                `json:"notice" doc:"Version of the text that was shown before joining; empty if told in the meeting"`
	Level       string                `json:"level" enum:"off,captions,transcript,minutes" doc:"What it said that the AI does"`
	Sound       bool                  `json:"sound" doc:"And that sound is kept"`
	AtUnixMS    int64                 `json:"at_unix_ms"`
	Told        bool                  `json:"told" doc:"Announced in the meeting, with who switched it"`
}

func consentsView(list []meeting.Consent) []consentBody {
	all := make([]consentBody, 0, len(list))
	for _, c := range list {
		all = append(all, consentBody{
			Participant: c.Participant, Notice: c.Notice, Level: c.Level.String(), Sound: c.Sound, AtUnixMS: c.AtUnixMS, Told: c.Told,
		})
	}
	return all
}

func (s *Server) getMeeting(ctx context.Context, in *meetingPath) (*meetingOutput, error) {
	m, runs, err := s.meeting(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	shared := false
	if v := visitorOf(ctx); !runs && !v.admin() {
		if shared, err = s.isSharedWith(ctx, v, m.ID); err != nil {
			return nil, s.answerFor(ctx, "read shares", err)
		}
		if !shared {
			return nil, errNotOrganizer()
		}
	}
	instance, room, err := s.clocksOf(ctx, m)
	if err != nil {
		return nil, err
	}
	job, err := s.minutes.Job(ctx, m.ID)
	if err != nil {
		return nil, s.answerMinutes(ctx, "read state of minutes", err)
	}
	out := &meetingOutput{Body: meetingView(m)}
	out.Body.Shared, out.Body.Minutes = shared, string(job.State)
	out.Body.Deletion = s.deletionView(m, instance, room)
	out.Body.Participants = make([]participantBody, 0, len(m.People))
	for _, p := range m.People {
		out.Body.Participants = append(out.Body.Participants, participantBody{
			Participant: p.Participant, Name: p.Name, Role: p.Role.String(), JoinedMS: p.JoinedMS, Order: p.Order, Forgotten: p.Forgotten,
		})
	}
	out.Body.Policies = make([]policyBody, 0, len(m.Policies))
	for _, p := range m.Policies {
		out.Body.Policies = append(out.Body.Policies, policyBody{
			Level: p.Level.String(), Ceiling: p.Ceiling.String(), ByName: p.ByName, AtMS: p.AtMS, KeepAudio: p.KeepAudio,
		})
	}
	out.Body.Consents = consentsView(m.Consents)
	return out, nil
}

// meeting returns a stored meeting and whether the visitor organizes its room, or the problem to answer.
func (s *Server) meeting(ctx context.Context, id meeting.ID) (m *storage.Meeting, organizes bool, err error) {
	if !id.Valid() {
		return nil, false, errNoMeeting()
	}
	found, err := s.meetings.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoKey) {
		return nil, false, errNoMeeting()
	}
	if err != nil {
		return nil, false, s.answerFor(ctx, "read meeting", err)
	}
	r, err := s.rooms.Get(ctx, found.Room)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, false, s.answerFor(ctx, "read room", err)
	}
	return &found, err == nil && visitorOf(ctx).organizes(&r), nil
}

// spokenIn returns a meeting whose speech the visitor may have: as an organizer of its room, or as an admin with a
// reason, which is in the audit before the speech is out.
func (s *Server) spokenIn(ctx context.Context, id meeting.ID, action, reason string) (*storage.Meeting, error) {
	m, organizes, err := s.meeting(ctx, id)
	if err != nil || organizes {
		return m, err
	}
	return s.spokenToAdmin(ctx, m, action, reason)
}

// spokenToAdmin is spokenIn for somebody who does not organize the room.
func (s *Server) spokenToAdmin(ctx context.Context, m *storage.Meeting, action, reason string) (*storage.Meeting, error) {
	id, v := m.ID, visitorOf(ctx)
	if !v.admin() {
		return nil, errNotOrganizer()
	}
	if strings.TrimSpace(reason) == "" {
		return nil, problem(http.StatusForbidden, "reason-needed", "You are not an organizer of this room. Say why you need this as an admin: the reason is kept in the audit.")
	}
	listening := play{v.auditName(), id, reason}
	if action == actionPlay && s.plays.lately(listening, s.now()) {
		return m, nil
	}
	if err := s.recordReason(ctx, v, action, meetingObject(id), reason); err != nil {
		return nil, s.answerFor(ctx, "write audit", err)
	}
	if action == actionPlay {
		s.plays.remember(listening, s.now())
	}
	return m, nil
}

func (s *Server) deleteMeeting(ctx context.Context, in *spokenInput) (*struct{}, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "meeting.delete-asked", in.Reason)
	if err != nil {
		return nil, err
	}
	ctx, cancel := outlasting(ctx)
	defer cancel()
	if err := s.forgetter.Meeting(ctx, m.ID, visitorOf(ctx).requester()); err != nil {
		return nil, s.forgetProblem(ctx, err)
	}
	return nil, nil
}

// spokenInput is the input of operations on what was said in a meeting.
type spokenInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Reason  string     `query:"reason" maxLength:"500" doc:"Why an admin needs this; kept in the audit"`
}

// transcript reads the transcript of a meeting, or returns the problem to answer.
func (s *Server) transcript(ctx context.Context, id meeting.ID) (*storage.Transcript, error) {
	t, err := s.transcripts.Read(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoKey) {
		return nil, errNoMeeting()
	}
	if err != nil {
		return nil, s.answerFor(ctx, "read transcript", err)
	}
	if !t.Final {
		s.live.TellVoices(t)
	}
	return t, nil
}
