package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/storage"
)

func (s *Server) describeAudit(api huma.API) {
	huma.Register(api, operation(tagInstance, "get-audit", http.MethodGet, "/audit", http.StatusOK,
		"Who did what to which object, newest first. Admins", http.StatusForbidden), s.getAudit)
}

type auditInput struct {
	From   string `query:"from" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" maxLength:"10" example:"2026-11-01" doc:"First day (UTC)"`
	To     string `query:"to" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" maxLength:"10" example:"2026-11-30" doc:"Last day (UTC)"`
	Action string `query:"action" maxLength:"64" example:"ai.level" doc:"An action, or its beginning up to a dot"`
	Object string `query:"object" maxLength:"128" example:"rooms/kfm-rtqa-xzd" doc:"An object, or its beginning up to a slash"`
	Actor  string `query:"actor" maxLength:"64" doc:"Whoever did it"`
	After  string `query:"after" pattern:"^([0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9A-Z]{26})?$" maxLength:"40" doc:"The answer's next, for older entries"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Entries in the answer"`
}

type auditOutput struct {
	Body struct {
		Entries []auditBody `json:"entries" nullable:"false"`
		Next    string      `json:"next" doc:"Ask with it as after for older entries; empty: there are none. An answer with few entries, or none, may have it: at most 1000 are looked at for one"`
	}
}

type auditBody struct {
	AtUnixMS int64  `json:"at_unix_ms"`
	Actor    string `json:"actor" doc:"A person's ID, api-token, api-token/ and the ID of one that an admin made, or a part of the system"`
	Role     string `json:"role" enum:"participant,organizer,admin"`
	Action   string `json:"action"`
	Object   string `json:"object,omitempty"`
	Reason   string `json:"reason,omitempty" doc:"Why, in the actor's words"`
	Objects  int    `json:"objects,omitempty" doc:"Of a deletion: how many objects went or were written anew"`
	Records  int    `json:"records,omitempty" doc:"Of a deletion: how many records on Kafka were retracted"`
}

func (s *Server) getAudit(ctx context.Context, in *auditInput) (*auditOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	page, err := s.audit.Search(ctx, storage.AuditQuery{
		From: in.From, To: in.To, Action: in.Action, Object: in.Object, Actor: in.Actor, After: in.After, Most: in.Limit,
	})
	if err != nil {
		return nil, s.answerFor(ctx, "read audit", err)
	}
	out := &auditOutput{}
	out.Body.Next = page.Next
	out.Body.Entries = make([]auditBody, len(page.Entries))
	for i, e := range page.Entries {
		out.Body.Entries[i] = auditBody{
			AtUnixMS: e.AtUnixMS, Actor: e.Actor, Role: e.Role.String(), Action: e.Action, Object: e.Object, Reason: e.Reason,
			Objects: e.Objects, Records: e.Records,
		}
	}
	return out, nil
}
