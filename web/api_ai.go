package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeRoomAI(api huma.API) {
	huma.Register(api, operation(tagRooms, "set-ai-level", http.MethodPut, "/rooms/{room}/ai", http.StatusOK,
		"Switch the AI, up to the ceiling; everybody in the meeting is told who did. Organizers",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), s.setLevel)
	huma.Register(api, operation(tagRooms, "set-keep-audio", http.MethodPut, "/rooms/{room}/audio", http.StatusOK,
		"Keep what is said as sound, from level transcript on, or stop; everybody in the meeting is told who did. Organizers",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), s.setKeepAudio)
	huma.Register(api, operation(tagRooms, "set-e2ee", http.MethodPut, "/rooms/{room}/e2ee", http.StatusOK,
		"Say whether browsers encrypt end to end in this room. It is fixed while a meeting is live; switching it on switches AI and recording off. Organizers",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed), s.setE2EE)
	huma.Register(api, operation(tagRooms, "set-ai-ceiling", http.MethodPut, "/rooms/{room}/ceiling", http.StatusOK,
		"Say how far the AI may go in this room. Admins", http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed), s.setCeiling)
	huma.Register(api, operation(tagRooms, "set-engines", http.MethodPut, "/rooms/{room}/engines", http.StatusOK,
		"Choose the room's speech engines among those of GET /instance. Admins", http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed), s.setEngines)
}

type levelInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body struct {
		Level string `json:"level" enum:"off,captions,transcript,minutes"`
	}
}

func (s *Server) setLevel(ctx context.Context, in *levelInput) (*roomOutput, error) {
	r, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	level, err := meeting.ParseLevel(in.Body.Level)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "bad-request", err.Error())
	}
	if ctx, err = s.expectRoom(ctx, r.ID, in.Condition); err != nil {
		return nil, err
	}
	if err := s.live.SetLevel(ctx, r.ID, level, v.actor(v.role(r))); err != nil {
		return nil, s.answerFor(ctx, "set AI level", err)
	}
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}

type keepAudioInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body struct {
		Keep bool `json:"keep"`
	}
}

func (s *Server) setKeepAudio(ctx context.Context, in *keepAudioInput) (*roomOutput, error) {
	r, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	if ctx, err = s.expectRoom(ctx, r.ID, in.Condition); err != nil {
		return nil, err
	}
	if err := s.live.SetKeepAudio(ctx, r.ID, in.Body.Keep, v.actor(v.role(r))); err != nil {
		return nil, s.answerFor(ctx, "set whether audio is kept", err)
	}
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}

type e2eeInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body struct {
		On bool `json:"on"`
	}
}

func (s *Server) setE2EE(ctx context.Context, in *e2eeInput) (*roomOutput, error) {
	r, v, err := s.organizedRoom(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	if ctx, err = s.expectRoom(ctx, r.ID, in.Condition); err != nil {
		return nil, err
	}
	if err := s.live.SetE2EE(ctx, r.ID, in.Body.On, v.actor(v.role(r))); err != nil {
		return nil, s.answerFor(ctx, "set encryption", err)
	}
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}

type ceilingInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body struct {
		Ceiling string `json:"ceiling" enum:"inherit,off,captions,transcript,minutes" doc:"inherit follows the instance's"`
	}
}

func (s *Server) setCeiling(ctx context.Context, in *ceilingInput) (*roomOutput, error) {
	v := visitorOf(ctx)
	r, err := s.room(ctx, in.Room)
	if err != nil {
		return nil, err
	}
	if !v.admin() {
		return nil, errNotAdmin()
	}
	var ceiling *meeting.Level
	if in.Body.Ceiling != inherit {
		level, err := meeting.ParseLevel(in.Body.Ceiling)
		if err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "bad-request", err.Error())
		}
		ceiling = &level
	}
	if ctx, err = s.expectRoom(ctx, r.ID, in.Condition); err != nil {
		return nil, err
	}
	if err := s.live.SetCeiling(ctx, r.ID, ceiling, v.actor(meeting.Admin)); err != nil {
		return nil, s.answerFor(ctx, "set AI ceiling", err)
	}
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}

type enginesBody struct {
	Partials string `json:"partials" maxLength:"64" doc:"Engine for captions while people speak; empty: the installation's"`
	Finals   string `json:"finals" maxLength:"64" doc:"Engine for the lasting text; empty: the installation's"`
}

type enginesInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body enginesBody
}

func (s *Server) setEngines(ctx context.Context, in *enginesInput) (*roomOutput, error) {
	v := visitorOf(ctx)
	if _, err := s.room(ctx, in.Room); err != nil {
		return nil, err
	}
	if !v.admin() {
		return nil, errNotAdmin()
	}
	choice := meeting.Engines(in.Body)
	for _, name := range []string{choice.Partials, choice.Finals} {
		if name != "" && !slices.Contains(s.cfg.Engines, name) {
			return nil, problem(http.StatusUnprocessableEntity, "bad-request",
				"This installation does not offer that speech engine. GET /instance lists those it has.")
		}
	}
	ctx, err := s.expectRoom(ctx, in.Room, in.Condition)
	if err != nil {
		return nil, err
	}
	r, err := s.rooms.Update(ctx, in.Room, func(r *storage.Room) error {
		r.Engines = choice
		return nil
	})
	if err != nil {
		return nil, s.answerFor(ctx, "choose engines", err)
	}
	if err := s.live.RoomChanged(ctx, r, v.actor(meeting.Admin)); err != nil {
		return nil, s.answerFor(ctx, "apply engines of room", err)
	}
	s.record(ctx, v, "room.engines", roomObject(r.ID))
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}
