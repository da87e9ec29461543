package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// inherit is the ceiling of a room that follows the instance's.
const inherit = "inherit"

func (s *Server) describeRooms(api huma.API) {
	huma.Register(api, keyed(operation(tagRooms, "create-room", http.MethodPost, "/rooms", http.StatusCreated,
		"Make a room; whoever makes it owns it", http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests)), s.createRoom)
	huma.Register(api, operation(tagRooms, "list-rooms", http.MethodGet, "/rooms", http.StatusOK,
		"Rooms I organize, the newest first; all rooms for an admin"), s.listRooms)
	huma.Register(api, operation(tagRooms, "get-room", http.MethodGet, "/rooms/{room}", http.StatusOK,
		"One room, for everybody who has its link", http.StatusNotFound), s.getRoom)
	huma.Register(api, operation(tagRooms, "change-room", http.MethodPatch, "/rooms/{room}", http.StatusOK,
		"Change name, languages, glossary and rules; what concerns people in the room holds at once. Organizers", http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed), s.changeRoom)
	huma.Register(api, operation(tagRooms, "delete-room", http.MethodDelete, "/rooms/{room}", http.StatusNoContent,
		"End the meeting and delete the room; transcripts stay until they are deleted. Organizers", http.StatusForbidden, http.StatusNotFound), s.deleteRoom)
}

// roomPath is the input of operations on one room.
type roomPath struct {
	Room meeting.RoomID `path:"room" maxLength:"64" example:"kfm-rtqa-xzd"`
}

// roomBody is a room as the visitor sees it.
type roomBody struct {
	ID                 meeting.RoomID `json:"id"`
	Name               string         `json:"name"`
	Level              string         `json:"level" enum:"off,captions,transcript,minutes" doc:"The organizer's choice"`
	Ceiling            string         `json:"ceiling" enum:"inherit,off,captions,transcript,minutes" doc:"Set by an admin; inherit follows the instance's"`
	EffectiveCeiling   string         `json:"effective_ceiling" enum:"off,captions,transcript,minutes"`
	EffectiveLevel     string         `json:"effective_level" enum:"off,captions,transcript,minutes" doc:"The lower of level and effective_ceiling"`
	KeepAudio          bool           `json:"keep_audio" doc:"The organizers' choice: what is said is kept as sound, from level transcript on"`
	MayKeepAudio       bool           `json:"may_keep_audio" doc:"Whether an admin allows that on this server"`
	KeepsAudio         bool           `json:"keeps_audio" doc:"Whether sound is kept as things are: the choice, if it is allowed and the level is high enough"`
	Langs              []string       `json:"langs" nullable:"false" doc:"Languages spoken (BCP 47 primary subtags); empty: any"`
	Glossary           *[]string      `json:"glossary,omitempty" nullable:"false" doc:"Names and acronyms that captions should expect, the most frequent first; only for organizers"`
	Retention          *retentionBody `json:"retention,omitempty" doc:"How long what is said here is kept, in days after a meeting; 0: as the installation. Only for organizers"`
	RetentionLimit     *retentionBody `json:"retention_limit,omitempty" doc:"How long the installation keeps things at most. Only for organizers"`
	EffectiveRetention retentionBody  `json:"effective_retention" doc:"What holds: the fewer days of retention and of the installation's; 0: until somebody deletes it"`
	Engines            *enginesBody   `json:"engines,omitempty" doc:"Speech engines chosen for the room; only for admins"`
	VoicesApart        *bool          `json:"voices_apart,omitempty" doc:"Whether voices at a microphone that several people share are told apart, if the installation does; only for admins"`
	Role               string         `json:"role" enum:"participant,organizer,admin" doc:"Yours"`
	Live               *liveBody      `json:"live" doc:"The meeting going on; null if there is none"`
	CreatedUnixMS      int64          `json:"created_unix_ms"`
	JoinURL            string         `json:"join_url"`
	E2EE               bool           `json:"e2ee" doc:"End-to-end encrypted: only browsers that have the key of the link can join, the server cannot hear, and there is no AI"`
	Rules              rulesBody      `json:"rules" doc:"How people live together in the room"`
	Access             string         `json:"access" enum:"public,signed-in,restricted" doc:"Who may join: everybody with the link, everybody who has signed in, or the members"`
	Entry              string         `json:"entry" enum:"open,sign-in,not-member,knock" doc:"What that means for you: you may join; you have to sign in first; you are no member; or an organizer has to let you in"`
}

// rulesBody are the rules of a room.
type rulesBody struct {
	Lobby         bool   `json:"lobby" doc:"Newcomers wait until an organizer lets them in"`
	MaxPeople     int    `json:"max_people" minimum:"0" maximum:"10000" doc:"How many may be in a meeting at once; 0: as many as the installation allows, which is never exceeded"`
	Share         string `json:"share" enum:"everybody,organizers" doc:"Who may share a screen"`
	ShareReplaces bool   `json:"share_replaces" doc:"A second shared screen takes the place of the first; else it is refused, but to organizers"`
	LatePrivate   bool   `json:"late_private,omitempty" doc:"Who comes late and is no organizer does not read what was said before"`
}

func rulesView(r meeting.Rules) rulesBody {
	return rulesBody{Lobby: r.Lobby, MaxPeople: r.MaxPeople, Share: r.Share.String(), ShareReplaces: r.ShareReplaces, LatePrivate: r.LatePrivate}
}

// rules returns what was asked for; the words of share are checked already.
func (b *rulesBody) rules() meeting.Rules {
	r := meeting.Rules{Lobby: b.Lobby, MaxPeople: b.MaxPeople, ShareReplaces: b.ShareReplaces, LatePrivate: b.LatePrivate}
	if b.Share == meeting.OrganizersShare.String() {
		r.Share = meeting.OrganizersShare
	}
	return r
}

// liveBody is the meeting that goes on in a room.
type liveBody struct {
	Meeting     meeting.ID `json:"meeting"`
	People      int        `json:"people"`
	SinceUnixMS int64      `json:"since_unix_ms"`
	Locked      bool       `json:"locked" doc:"Nobody new comes in"`
	Lobby       bool       `json:"lobby" doc:"Newcomers wait until an organizer lets them in"`
}

// TransformSchema says that live may be null, which struct tags cannot.
func (roomBody) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	live := schema.Properties["live"]
	schema.Properties["live"] = &huma.Schema{
		OneOf:       []*huma.Schema{{Ref: live.Ref}, {Type: "null"}},
		Description: live.Description,
	}
	return schema
}

type roomOutput struct {
	ETag string `header:"ETag" doc:"Names the room's settings as they are, for If-Match of a change. Who is in the room makes no other ETag"`
	Body roomBody
}

// roomView returns the room for the visitor under the instance's settings.
func (s *Server) roomView(v *visitor, r *storage.Room, instance *storage.Settings) roomBody {
	own := inherit
	if r.Ceiling != nil {
		own = r.Ceiling.String()
	}
	policy := r.Policy(*instance)
	body := roomBody{
		ID: r.ID, Name: r.Name, Level: r.Level.String(), Ceiling: own,
		EffectiveCeiling: policy.Ceiling.String(), EffectiveLevel: policy.Level.String(),
		KeepAudio: r.KeepAudio, MayKeepAudio: instance.KeepAudio, KeepsAudio: policy.KeepAudio,
		Langs: append([]string{}, r.Langs...), Role: v.role(r).String(), CreatedUnixMS: r.CreatedUnixMS, JoinURL: joinURL(v, r.ID),
		Rules:              rulesView(r.Rules),
		EffectiveRetention: effectiveRetention(r.Retention, instance.Retention), E2EE: r.E2EE,
		Access: string(r.AccessNow()), Entry: string(s.entryOf(v, r)),
	}
	if v.organizes(r) || v.admin() {
		retention := retentionView(r.Retention)
		limit := retentionView(instance.Retention)
		body.Retention, body.RetentionLimit = &retention, &limit
		glossary := append([]string{}, r.Glossary...)
		body.Glossary = &glossary
	}
	if v.admin() {
		engines := enginesBody(r.Engines)
		body.Engines = &engines
		body.VoicesApart = ptr(!r.OneVoice)
	}
	if live, ok := s.live.Room(r.ID); ok {
		body.Live = &liveBody{
			Meeting: live.Meeting, People: live.People, SinceUnixMS: live.SinceUnixMS, Locked: live.Locked, Lobby: live.Lobby,
		}
	}
	return body
}

func joinURL(v *visitor, room meeting.RoomID) string { return v.origin + "/r/" + string(room) }

func organizerURL(v *visitor, room meeting.RoomID, secret string) string {
	return joinURL(v, room) + "#organizer=" + secret
}

// answerRoom is the answer of operations that end with the room.
func (s *Server) answerRoom(ctx context.Context, v *visitor, r *storage.Room) (*roomOutput, error) {
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	return &roomOutput{Body: s.roomView(v, r, &settings)}, nil
}

// room returns a stored room, or the problem to answer.
func (s *Server) room(ctx context.Context, id meeting.RoomID) (*storage.Room, error) {
	r, _, err := s.roomVersion(ctx, id)
	return r, err
}

// roomVersion is room with the word for the room's present state.
func (s *Server) roomVersion(ctx context.Context, id meeting.RoomID) (r *storage.Room, version string, err error) {
	if !id.Valid() {
		return nil, "", errNoRoom()
	}
	found, version, err := s.rooms.Version(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, "", errNoRoom()
	}
	if err != nil {
		return nil, "", s.answerFor(ctx, "read room", err)
	}
	return &found, version, nil
}

// organizedRoom returns a room that the visitor may run, or the problem to answer.
func (s *Server) organizedRoom(ctx context.Context, id meeting.RoomID) (*storage.Room, *visitor, error) {
	v := visitorOf(ctx)
	r, err := s.room(ctx, id)
	if err != nil {
		return nil, v, err
	}
	if v.role(r) < meeting.Organizer {
		return nil, v, errNotOrganizer()
	}
	return r, v, nil
}

func (s *Server) mayCreateRooms(ctx context.Context, v *visitor) (bool, error) {
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return false, err
	}
	switch settings.RoomCreation {
	case storage.AnyoneCreates:
		return true, nil
	case storage.SignedInCreates:
		// Where there is no identity provider, to be signed in means to have come by an admin link or an organizer link.
		return v.admin() || v.session.SignedIn || len(v.session.Rooms) > 0, nil
	}
	return v.admin(), nil
}

type createRoomInput struct {
	Body struct {
		Name  string   `json:"name" minLength:"1" maxLength:"80"`
		Level string   `json:"level,omitempty" enum:"off,captions,transcript,minutes" doc:"off if absent"`
		Langs []string `json:"langs,omitempty" maxItems:"8" pattern:"^[a-z]{2,3}$"`
		E2EE  bool     `json:"e2ee,omitempty" doc:"End-to-end encrypted; then level must be off"`
	}
}

type createRoomOutput struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		Room         roomBody `json:"room"`
		JoinURL      string   `json:"join_url" doc:"For everybody"`
		OrganizerURL string   `json:"organizer_url" doc:"For organizers; shown only now"`
	}
}

func (s *Server) createRoom(ctx context.Context, in *createRoomInput) (*createRoomOutput, error) {
	v := visitorOf(ctx)
	r, secret, err := s.newRoom(ctx, v, in)
	if err != nil {
		return nil, err
	}
	out := &createRoomOutput{}
	if !v.token {
		out.SetCookie, err = s.remember(ctx, v, func(session *storage.Session) { addRoom(session, r.ID) })
		if err != nil {
			return nil, s.answerFor(ctx, "store session", err)
		}
		if err := s.noteRoom(ctx, v, r.ID); err != nil {
			return nil, s.answerFor(ctx, "note room", err)
		}
		r.Owner = v.session.Person
	}
	if err := s.rooms.Create(ctx, *r); err != nil {
		return nil, s.answerFor(ctx, "store room", err)
	}
	s.record(ctx, v, "room.create", roomObject(r.ID))
	view, err := s.answerRoom(ctx, v, r)
	if err != nil {
		return nil, err
	}
	out.Body.Room, out.Body.JoinURL, out.Body.OrganizerURL = view.Body, joinURL(v, r.ID), organizerURL(v, r.ID, secret)
	return out, nil
}

// newRoom checks what was asked for and returns the room to store, without its owner, and its organizer link's secret.
func (s *Server) newRoom(ctx context.Context, v *visitor, in *createRoomInput) (*storage.Room, string, error) {
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return nil, "", s.answerFor(ctx, "read settings", err)
	}
	may, err := s.mayCreateRooms(ctx, v)
	if err != nil {
		return nil, "", s.answerFor(ctx, "read settings", err)
	}
	if !may {
		return nil, "", errForbidden("On this server you may not make rooms. Ask an admin for a room.")
	}
	if !s.roomLimit.allow(v.addr) {
		return nil, "", errTooMany("rooms were made")
	}
	name, err := cleanName(in.Body.Name)
	if err != nil {
		return nil, "", err
	}
	level := meeting.Off
	if in.Body.Level != "" {
		if level, err = meeting.ParseLevel(in.Body.Level); err != nil {
			return nil, "", problem(http.StatusUnprocessableEntity, "bad-request", err.Error())
		}
	}
	if level > settings.Ceiling {
		return nil, "", s.answerFor(ctx, "", ErrAboveCeiling)
	}
	if in.Body.E2EE && level > meeting.Off {
		return nil, "", errEncrypted()
	}
	secret, hash := newSecret()
	return &storage.Room{
		ID: meeting.NewRoomID(), Name: name, LinkHash: hash, Level: level, Langs: in.Body.Langs, CreatedUnixMS: s.now().UnixMilli(),
		E2EE: in.Body.E2EE,
	}, secret, nil
}

type listRoomsOutput struct {
	Body struct {
		Rooms []roomBody `json:"rooms" nullable:"false"`
		Next  string     `json:"next" doc:"Ask with it as after for the rooms that follow; empty: there are none"`
	}
}

type listRoomsInput struct{ Paging }

func (s *Server) listRooms(ctx context.Context, in *listRoomsInput) (*listRoomsOutput, error) {
	v := visitorOf(ctx)
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	rooms, err := s.roomsOf(ctx, v)
	if err != nil {
		return nil, s.answerFor(ctx, "list rooms", err)
	}
	out := &listRoomsOutput{}
	if rooms, out.Body.Next, err = pageOfRooms(rooms, in.Paging); err != nil {
		return nil, err
	}
	out.Body.Rooms = make([]roomBody, 0, len(rooms))
	for i := range rooms {
		out.Body.Rooms = append(out.Body.Rooms, s.roomView(v, &rooms[i], &settings))
	}
	return out, nil
}

// roomsOf returns the rooms that the visitor runs: all for an admin, else those of the visitor's list in which the room
// agrees.
func (s *Server) roomsOf(ctx context.Context, v *visitor) ([]storage.Room, error) {
	if v.admin() {
		return s.rooms.List(ctx)
	}
	listed, err := s.listedRooms(ctx, v)
	if err != nil {
		return nil, err
	}
	var rooms []storage.Room
	for _, id := range listed {
		r, err := s.rooms.Get(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if v.organizes(&r) {
			rooms = append(rooms, r)
		}
	}
	return rooms, nil
}

func (s *Server) getRoom(ctx context.Context, in *roomPath) (*roomOutput, error) {
	r, version, err := s.roomVersion(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	out, err := s.answerRoom(ctx, visitorOf(ctx), r)
	if err != nil {
		return nil, err
	}
	out.ETag = etag(version)
	return out, nil
}

type changeRoomInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body struct {
		Name  *string   `json:"name,omitempty" minLength:"1" maxLength:"80"`
		Langs *[]string `json:"langs,omitempty" maxItems:"8" pattern:"^[a-z]{2,3}$" doc:"Empty: any"`

		Glossary *[]string `json:"glossary,omitempty" maxItems:"30" minLength:"1" maxLength:"40" doc:"Names and acronyms that captions should expect, the most frequent first"`

		Rules *rulesBody `json:"rules,omitempty" doc:"All of them"`
	}
}

func (s *Server) changeRoom(ctx context.Context, in *changeRoomInput) (*roomOutput, error) {
	_, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	name := ""
	if in.Body.Name != nil {
		if name, err = cleanName(*in.Body.Name); err != nil {
			return nil, err
		}
	}
	glossary, err := cleanGlossary(in.Body.Glossary)
	if err != nil {
		return nil, err
	}
	if ctx, err = s.expectRoom(ctx, in.Room, in.Condition); err != nil {
		return nil, err
	}
	r, err := s.rooms.Update(ctx, in.Room, func(r *storage.Room) error {
		if in.Body.Glossary != nil {
			r.Glossary = glossary
		}
		if name != "" {
			r.Name = name
		}
		if in.Body.Langs != nil {
			r.Langs = *in.Body.Langs
		}
		if in.Body.Rules != nil {
			r.Rules = in.Body.Rules.rules()
		}
		return nil
	})
	if err != nil {
		return nil, s.answerFor(ctx, "change room", err)
	}
	if in.Body.Rules != nil {
		s.record(ctx, v, "room.rules", roomObject(r.ID))
	}
	if err := s.live.RoomChanged(ctx, r, v.actor(v.role(&r))); err != nil {
		return nil, s.answerFor(ctx, "apply changes of room", err)
	}
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}

func (s *Server) deleteRoom(ctx context.Context, in *roomPath) (*struct{}, error) {
	r, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	if err := s.live.End(ctx, r.ID, v.actor(v.role(r))); err != nil && !errors.Is(err, ErrNotLive) {
		return nil, s.answerFor(ctx, "end meeting", err)
	}
	if err := s.rooms.Delete(ctx, r.ID); err != nil {
		return nil, s.answerFor(ctx, "delete room", err)
	}
	s.record(ctx, v, "room.delete", roomObject(r.ID))
	return nil, nil
}
