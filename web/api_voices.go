package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeVoices(api huma.API) {
	huma.Register(api, operation(tagRooms, "set-voices", http.MethodPut, "/rooms/{room}/voices", http.StatusOK,
		"Say whether voices at a microphone that several people share are told apart in this room. It holds at once, also in a meeting that goes on. Admins",
		http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed), s.setVoices)
}

type voicesInput struct {
	Room meeting.RoomID `path:"room" maxLength:"64"`
	Condition
	Body struct {
		Apart bool `json:"apart"`
	}
}

func (s *Server) setVoices(ctx context.Context, in *voicesInput) (*roomOutput, error) {
	v := visitorOf(ctx)
	if _, err := s.room(ctx, in.Room); err != nil {
		return nil, err
	}
	if !v.admin() {
		return nil, errNotAdmin()
	}
	ctx, err := s.expectRoom(ctx, in.Room, in.Condition)
	if err != nil {
		return nil, err
	}
	r, err := s.rooms.Update(ctx, in.Room, func(r *storage.Room) error {
		r.OneVoice = !in.Body.Apart
		return nil
	})
	if err != nil {
		return nil, s.answerFor(ctx, "set whether voices are told apart", err)
	}
	if err := s.live.RoomChanged(ctx, r, v.actor(meeting.Admin)); err != nil {
		return nil, s.answerFor(ctx, "apply whether voices are told apart", err)
	}
	action := "room.voices.one"
	if in.Body.Apart {
		action = "room.voices.apart"
	}
	s.record(ctx, v, action, roomObject(r.ID))
	return s.getRoom(ctx, &roomPath{Room: in.Room})
}
