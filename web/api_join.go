package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/storage"
)

// maxOrganizers bounds a room's list of organizers: a link that was posted in public must not fill storage.
const maxOrganizers = 200

func (s *Server) describeEntrances(api huma.API) {
	huma.Register(api, keyed(operation(tagRooms, "renew-organizer-link", http.MethodPost, "/rooms/{room}/organizer-link", http.StatusOK,
		"Make a new organizer link. The old link, and everybody who became an organizer by it, lose their rights. Organizers",
		http.StatusForbidden, http.StatusNotFound)), s.renewOrganizerLink)
	huma.Register(api, operation(tagRooms, "organize-room", http.MethodPost, "/rooms/{room}/organize", http.StatusOK,
		"Become an organizer by the room's organizer link", http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusTooManyRequests), s.organizeRoom)
	huma.Register(api, operation(tagRooms, "join-room", http.MethodPost, "/rooms/{room}/join", http.StatusOK,
		"Get a place in the room's meeting", http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests), s.joinRoom)
	huma.Register(api, operation(tagRooms, "end-meeting", http.MethodPost, "/rooms/{room}/end", http.StatusNoContent,
		"End the meeting for everybody. Organizers", http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.endMeeting)
}

type organizerLinkOutput struct {
	Body struct {
		OrganizerURL string `json:"organizer_url" doc:"Shown only now"`
	}
}

func (s *Server) renewOrganizerLink(ctx context.Context, in *roomPath) (*organizerLinkOutput, error) {
	_, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	secret, hash := newSecret()
	r, err := s.rooms.Update(ctx, in.Room, func(r *storage.Room) error {
		// Whoever renews the link stays an organizer; an admin does not become one.
		r.LinkHash = hash
		r.Organizers = slices.DeleteFunc(r.Organizers, func(p meeting.PersonID) bool { return p != v.session.Person })
		return nil
	})
	if err != nil {
		return nil, s.answerFor(ctx, "change room", err)
	}
	s.record(ctx, v, "room.organizer-link", roomObject(in.Room))
	if err := s.live.RoomChanged(ctx, r, v.actor(v.role(&r))); err != nil {
		return nil, s.answerFor(ctx, "apply changes of room", err)
	}
	out := &organizerLinkOutput{}
	out.Body.OrganizerURL = organizerURL(v, in.Room, secret)
	return out, nil
}

type organizeInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Body struct {
		Secret string `json:"secret" minLength:"1" maxLength:"200" doc:"What stands behind #organizer= in the link"`
	}
}

type organizeOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      roomBody
}

func (s *Server) organizeRoom(ctx context.Context, in *organizeInput) (*organizeOutput, error) {
	v := visitorOf(ctx)
	if !s.signInLimit.allow(v.addr) {
		return nil, errTooMany("attempts to sign in")
	}
	r, err := s.room(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	if r.LinkHash == "" || subtle.ConstantTimeCompare([]byte(hashOf(in.Body.Secret)), []byte(r.LinkHash)) != 1 {
		return nil, problem(http.StatusGone, "link-revoked", "This organizer link is not valid any more. Ask an organizer of the room for the new one.")
	}
	// The room first: signing in ends the present session, and what fails after that would leave the visitor with none.
	if err := s.addOrganizer(ctx, r.ID, v); err != nil {
		return nil, err
	}
	if err := s.noteRoom(ctx, v, r.ID); err != nil {
		return nil, s.answerFor(ctx, "note room", err)
	}
	cookie, err := s.signIn(ctx, v, s.lifeOf(v), func(session *storage.Session) { addRoom(session, r.ID) })
	if err != nil {
		return nil, s.answerFor(ctx, "store session", err)
	}
	s.record(ctx, v, "sign-in.organizer", roomObject(r.ID))
	view, err := s.getRoom(ctx, &roomPath{Room: in.Room})
	if err != nil {
		return nil, err
	}
	return &organizeOutput{SetCookie: cookie, Body: view.Body}, nil
}

// addOrganizer puts the visitor on the room's list, also for the meeting that goes on, or returns the problem to answer.
func (s *Server) addOrganizer(ctx context.Context, room meeting.RoomID, v *visitor) error {
	person := v.person()
	r, err := s.rooms.Update(ctx, room, func(r *storage.Room) error {
		if person == r.Owner || slices.Contains(r.Organizers, person) {
			return nil
		}
		if len(r.Organizers) >= maxOrganizers {
			return problem(http.StatusConflict, "too-many-organizers", "The room has too many organizers. One of them can make a new organizer link, which starts the list afresh.")
		}
		r.Organizers = append(r.Organizers, person)
		return nil
	})
	if errors.Is(err, storage.ErrNotFound) {
		return errNoRoom()
	}
	if err != nil {
		return s.answerFor(ctx, "add organizer", err)
	}
	return s.answerFor(ctx, "apply changes of room", s.live.RoomChanged(ctx, r, v.actor(meeting.Organizer)))
}

type joinInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"60" doc:"Shown to the others"`
		E2EE bool   `json:"e2ee,omitempty" doc:"The client encrypts what it sends end to end; must be what the room says"`

		Notice string `json:"notice,omitempty" maxLength:"40" doc:"What was said about the AI before joining, as version.level or version.level+sound, such as 1.transcript; needed when the AI is on, and recorded. Version is that of the text, one for all languages, or script where no person was asked"`
		OptOut bool   `json:"opt_out,omitempty" doc:"Do not transcribe this participant: from the first packet on"`

		RoomMic   bool `json:"room_mic,omitempty" doc:"Several people share this microphone"`
		Headcount int  `json:"headcount,omitempty" minimum:"0" maximum:"40" doc:"How many they are, 2 to 40; 0: not known. Only with room_mic"`
	}
}

type joinOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		Token       string                `json:"token" doc:"For the hello message; valid for a short time"`
		Participant meeting.ParticipantID `json:"participant"`
		Meeting     meeting.ID            `json:"meeting"`
		Role        string                `json:"role" enum:"participant,organizer,admin"`
		WS          string                `json:"ws" doc:"Path of the WebSocket"`
		AI          signal.AIState        `json:"ai" doc:"What the AI does in the room, to be shown before joining"`
	}
}

func (s *Server) joinRoom(ctx context.Context, in *joinInput) (*joinOutput, error) {
	v := visitorOf(ctx)
	if !s.joinLimit.allow(v.addr) {
		return nil, errTooMany("people joined")
	}
	r, err := s.room(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	name, err := cleanName(in.Body.Name)
	if err != nil {
		return nil, err
	}
	if err := checkEncryption(r, in.Body.E2EE); err != nil {
		return nil, err
	}
	if err := checkHeadcount(in.Body.RoomMic, in.Body.Headcount); err != nil {
		return nil, err
	}
	notice, err := meeting.ParseNotice(in.Body.Notice)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "bad-request", "The notice is not one of ours. It looks like 1.transcript or 1.transcript+sound.")
	}
	outsider, err := s.checkAccess(v, r)
	if err != nil {
		return nil, err
	}
	out := &joinOutput{}
	person := meeting.NewPersonID() // for the holder of the API token, who is nobody in person
	if !v.token {
		out.SetCookie, err = s.remember(ctx, v, func(session *storage.Session) { session.Name = name })
		if err != nil {
			return nil, s.answerFor(ctx, "store session", err)
		}
		person = v.session.Person
	}
	role := v.role(r)
	place, err := s.live.Admit(ctx, *r, meeting.Person{
		Person: person, Name: name, Role: role, OptOut: in.Body.OptOut, Outsider: outsider,
		RoomMic: in.Body.RoomMic, Headcount: in.Body.Headcount,
	}, notice)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errNoRoom() // deleted just now
	}
	if errors.Is(err, ErrNotMember) {
		return nil, accessProblem(v)
	}
	if err != nil {
		return nil, s.answerFor(ctx, "admit participant", err)
	}
	out.Body.Token, out.Body.Participant, out.Body.Meeting = place.Token, place.Participant, place.Meeting
	out.Body.Role, out.Body.WS, out.Body.AI = role.String(), basePath+"/signal", place.AI
	return out, nil
}

// checkEncryption refuses clients that would not understand the others in the room, or would send in clear what others
// believe encrypted: pages of an older version, and scripts.
func checkEncryption(r *storage.Room, encrypts bool) error {
	switch {
	case r.E2EE && !encrypts:
		return problem(http.StatusConflict, "encryption-needed", "This room is end-to-end encrypted. Join it with a browser and the whole link, which has the key.")
	case encrypts && !r.E2EE:
		return problem(http.StatusConflict, "not-encrypted", "This room is not end-to-end encrypted any more. Ask for its new link.")
	}
	return nil
}

// checkHeadcount refuses a headcount that cannot be: one person is no group, and a number without the choice has no meaning.
func checkHeadcount(roomMic bool, n int) error {
	if n == 0 || roomMic && n >= meeting.MinHeadcount && n <= meeting.MaxHeadcount {
		return nil
	}
	return problem(http.StatusUnprocessableEntity, "bad-headcount", "Say how many people share the microphone with a number from 2 to 40, or leave it out.")
}

func (s *Server) endMeeting(ctx context.Context, in *roomPath) (*struct{}, error) {
	r, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	if err := s.live.End(ctx, r.ID, v.actor(v.role(r))); err != nil {
		return nil, s.answerFor(ctx, "end meeting", err)
	}
	return nil, nil
}
