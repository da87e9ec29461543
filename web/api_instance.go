package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeInstance(api huma.API) {
	huma.Register(api, operation(tagInstance, "get-instance", http.MethodGet, "/instance", http.StatusOK,
		"Settings of the installation. Admins", http.StatusForbidden), s.getInstance)
	huma.Register(api, operation(tagInstance, "change-instance", http.MethodPatch, "/instance", http.StatusOK,
		"Change settings of the installation. Admins", http.StatusForbidden, http.StatusPreconditionFailed), s.changeInstance)
	huma.Register(api, operation(tagInstance, "get-status", http.MethodGet, "/status", http.StatusOK,
		"How the parts of the installation are doing. Admins", http.StatusForbidden), s.status)
}

type instanceOutput struct {
	ETag string `header:"ETag" doc:"For If-Match of a change"`
	Body struct {
		Ceiling      string        `json:"ceiling" enum:"off,captions,transcript,minutes" doc:"How far the AI may go in rooms without their own ceiling"`
		RoomCreation string        `json:"room_creation" enum:"anyone,signed-in,admin" doc:"Who may make rooms"`
		KeepAudio    bool          `json:"keep_audio" doc:"Whether organizers may keep what is said as sound"`
		Retention    retentionBody `json:"retention" doc:"How many days after a meeting things are kept at most, in every room; 0: until somebody deletes them"`
		Engines      []string      `json:"engines" nullable:"false" doc:"Speech engines that may be chosen for rooms; set by the operator"`
		VoicesApart  bool          `json:"voices_apart" doc:"Whether voices at shared microphones are told apart, where the room does not say otherwise"`
	}
}

func (s *Server) getInstance(ctx context.Context, _ *struct{}) (*instanceOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	settings, version, err := s.instance.Version(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	out := &instanceOutput{ETag: etag(version)}
	out.Body.Ceiling, out.Body.RoomCreation = settings.Ceiling.String(), string(settings.RoomCreation)
	out.Body.KeepAudio = settings.KeepAudio
	out.Body.Retention = retentionView(settings.Retention)
	out.Body.Engines = append([]string{}, s.cfg.Engines...)
	out.Body.VoicesApart = !settings.OneVoice
	return out, nil
}

type changeInstanceInput struct {
	Condition
	Body struct {
		Ceiling      string `json:"ceiling,omitempty" enum:"off,captions,transcript,minutes"`
		RoomCreation string `json:"room_creation,omitempty" enum:"anyone,signed-in,admin"`
		KeepAudio    *bool  `json:"keep_audio,omitempty" doc:"Whether organizers may keep what is said as sound; off until an admin allows it"`

		VoicesApart *bool `json:"voices_apart,omitempty" doc:"Whether voices at shared microphones are told apart at all; holds at once"`

		Retention *retentionBody `json:"retention,omitempty" doc:"Holds for past meetings, too; a shorter time deletes nothing within a week"`
	}
}

func (s *Server) changeInstance(ctx context.Context, in *changeInstanceInput) (*instanceOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	ctx, err := s.expectInstance(ctx, in.Condition)
	if err != nil {
		return nil, err
	}
	if in.Body.Ceiling != "" {
		level, err := meeting.ParseLevel(in.Body.Ceiling)
		if err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "bad-request", err.Error())
		}
		// Not stored here: meetings that are live must follow.
		if err := s.live.SetInstanceCeiling(ctx, level, v.actor(meeting.Admin)); err != nil {
			return nil, s.answerFor(ctx, "set instance ceiling", err)
		}
	}
	if in.Body.KeepAudio != nil { // meetings that are live must follow this, too
		if err := s.live.SetInstanceKeepAudio(ctx, *in.Body.KeepAudio, v.actor(meeting.Admin)); err != nil {
			return nil, s.answerFor(ctx, "set whether audio may be kept", err)
		}
	}
	if in.Body.VoicesApart != nil {
		if err := s.live.SetInstanceOneVoice(ctx, !*in.Body.VoicesApart, v.actor(meeting.Admin)); err != nil {
			return nil, s.answerFor(ctx, "set whether voices are told apart", err)
		}
	}
	if in.Body.RoomCreation != "" {
		_, err := s.instance.Update(ctx, func(settings *storage.Settings) error {
			settings.RoomCreation = storage.RoomCreation(in.Body.RoomCreation)
			return nil
		})
		if err != nil {
			return nil, s.answerFor(ctx, "change settings", err)
		}
		s.record(ctx, v, "room-creation."+in.Body.RoomCreation, "instance")
	}
	if in.Body.Retention != nil {
		_, err := s.instance.Update(ctx, func(settings *storage.Settings) error {
			in.Body.Retention.apply(&settings.Retention, s.now())
			return nil
		})
		if err != nil {
			return nil, s.answerFor(ctx, "change settings", err)
		}
		s.record(ctx, v, "instance.retention", "instance")
	}
	return s.getInstance(ctx, nil)
}

type statusOutput struct{ Body SystemStatus }

func (s *Server) status(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	return &statusOutput{Body: s.live.Status(ctx)}, nil
}
