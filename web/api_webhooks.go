package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/storage"
)

func (s *Server) describeWebhooks(api huma.API) {
	const path, one = "/webhooks", "/webhooks/{webhook}"
	huma.Register(api, operation(tagInstance, "list-webhooks", http.MethodGet, path, http.StatusOK,
		"Addresses that are told what happens; docs/webhooks.md says what they get. Admins", http.StatusForbidden), s.listWebhooks)
	huma.Register(api, keyed(operation(tagInstance, "create-webhook", http.MethodPost, path, http.StatusCreated,
		"Have an address told what happens. The answer has the secret that signs, which is not shown again. Admins", http.StatusForbidden, http.StatusConflict)), s.createWebhook)
	huma.Register(api, operation(tagInstance, "change-webhook", http.MethodPatch, one, http.StatusOK,
		"Change a webhook, stop it, or let it go on. Admins", http.StatusForbidden, http.StatusNotFound), s.changeWebhook)
	huma.Register(api, operation(tagInstance, "delete-webhook", http.MethodDelete, one, http.StatusNoContent,
		"Delete a webhook with its log and all that waits. Admins", http.StatusForbidden, http.StatusNotFound), s.deleteWebhook)
	huma.Register(api, keyed(operation(tagInstance, "rotate-webhook-secret", http.MethodPost, one+"/secret", http.StatusOK,
		"Make a new secret. For a day, the one before signs, too. Admins", http.StatusForbidden, http.StatusNotFound)), s.rotateWebhook)
	huma.Register(api, operation(tagInstance, "test-webhook", http.MethodPost, one+"/test", http.StatusAccepted,
		"Send webhook.test. Admins", http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.testWebhook)
	huma.Register(api, operation(tagInstance, "list-deliveries", http.MethodGet, one+"/deliveries", http.StatusOK,
		"The log of a webhook: the newest 500 deliveries of 30 days, and all that wait. Admins", http.StatusForbidden, http.StatusNotFound), s.listDeliveries)
	huma.Register(api, operation(tagInstance, "replay-delivery", http.MethodPost, one+"/deliveries/{delivery}/replay", http.StatusAccepted,
		"Send a delivery once more, under its own ID. Admins", http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.replayDelivery)
}

// webhookBody is a webhook without its secrets.
type webhookBody struct {
	ID                 string   `json:"id"`
	URL                string   `json:"url"`
	Events             []string `json:"events" nullable:"false" doc:"What it is told of; empty: everything"`
	CreatedUnixMS      int64    `json:"created_unix_ms"`
	Secrets            int      `json:"secrets" doc:"How many secrets sign now: two for a day after one was replaced"`
	Stopped            string   `json:"stopped,omitempty" enum:"paused,failing,gone" doc:"Why nothing is sent: an admin paused it, a day of tries failed, or the receiver answered 410; absent: it works"`
	StoppedUnixMS      int64    `json:"stopped_unix_ms,omitempty"`
	FailingSinceUnixMS int64    `json:"failing_since_unix_ms,omitempty" doc:"Since when no try has succeeded"`
	Dropped            int      `json:"dropped" doc:"Events that were not queued, because 1000 waited already"`
}

func (s *Server) webhookView(h storage.Webhook) webhookBody {
	return webhookBody{
		ID: h.ID, URL: h.URL, Events: eventNames(h.Events), CreatedUnixMS: h.CreatedUnixMS, Secrets: len(h.Active(s.now())),
		Stopped: string(h.Stopped), StoppedUnixMS: h.StoppedUnixMS, FailingSinceUnixMS: h.FailingSinceUnixMS, Dropped: h.Dropped,
	}
}

func eventNames(events []storage.HookEvent) []string {
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = string(e)
	}
	return names
}

// webhookEvents reads names of events, each once; what they may be, the store decides.
func webhookEvents(names []string) []storage.HookEvent {
	events := make([]storage.HookEvent, len(names))
	for i, n := range names {
		events[i] = storage.HookEvent(n)
	}
	slices.Sort(events)
	return slices.Compact(events)
}

type webhookPath struct {
	Webhook string `path:"webhook" maxLength:"64"`
}

type webhookOutput struct{ Body webhookBody }

type webhookListOutput struct {
	Body struct {
		Webhooks []webhookBody `json:"webhooks" nullable:"false" doc:"Oldest first"`
		Events   []string      `json:"events" nullable:"false" doc:"What can be chosen"`
	}
}

func (s *Server) listWebhooks(ctx context.Context, _ *struct{}) (*webhookListOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	hooks, err := s.webhooks.List(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "list webhooks", err)
	}
	out := &webhookListOutput{}
	out.Body.Webhooks = make([]webhookBody, len(hooks))
	for i, h := range hooks {
		out.Body.Webhooks[i] = s.webhookView(h)
	}
	out.Body.Events = eventNames(storage.HookEvents())
	return out, nil
}

type createWebhookInput struct {
	Body struct {
		URL    string   `json:"url" minLength:"8" maxLength:"2000" example:"https://example.org/souffleur" doc:"http:// or https://; addresses of private networks must be allowed by the operator"`
		Events []string `json:"events,omitempty" maxItems:"20" doc:"Names of events; empty: everything"`
	}
}

// webhookSecretBody is a webhook with its newest secret.
type webhookSecretBody struct {
	Webhook webhookBody `json:"webhook"`
	Secret  string      `json:"secret" doc:"Signs what is sent (Standard Webhooks); not shown again"`
}

type webhookSecretOutput struct{ Body webhookSecretBody }

func (s *Server) createWebhook(ctx context.Context, in *createWebhookInput) (*webhookSecretOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	h, err := s.webhooks.Create(ctx, storage.Webhook{URL: in.Body.URL, Events: webhookEvents(in.Body.Events)}, s.now())
	if err != nil {
		return nil, s.webhookProblem(ctx, "create webhook", err)
	}
	s.record(ctx, v, "webhook.create", webhookObject(h.ID))
	return &webhookSecretOutput{webhookSecretBody{s.webhookView(h), h.Secrets[0].Secret}}, nil
}

type changeWebhookInput struct {
	Webhook string `path:"webhook" maxLength:"64"`
	Body    struct {
		URL    string    `json:"url,omitempty" minLength:"8" maxLength:"2000"`
		Events *[]string `json:"events,omitempty" maxItems:"20" doc:"Names of events; empty: everything"`
		Active *bool     `json:"active,omitempty" doc:"False: nothing is sent and nothing queued; true: it goes on, also after it was stopped because of failures"`
	}
}

func (s *Server) changeWebhook(ctx context.Context, in *changeWebhookInput) (*webhookOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	h, err := s.webhooks.Update(ctx, in.Webhook, func(h *storage.Webhook) error {
		if in.Body.URL != "" {
			h.URL = in.Body.URL
		}
		if in.Body.Events != nil {
			h.Events = webhookEvents(*in.Body.Events)
		}
		switch {
		case in.Body.Active == nil:
		case *in.Body.Active:
			h.Stopped, h.StoppedUnixMS, h.FailingSinceUnixMS = storage.HookWorks, 0, 0
		case h.Stopped == storage.HookWorks:
			h.Stopped, h.StoppedUnixMS = storage.HookPaused, s.now().UnixMilli()
		}
		return nil
	})
	if err != nil {
		return nil, s.webhookProblem(ctx, "change webhook", err)
	}
	s.record(ctx, v, "webhook.change", webhookObject(h.ID))
	return &webhookOutput{s.webhookView(h)}, nil
}

func (s *Server) deleteWebhook(ctx context.Context, in *webhookPath) (*struct{}, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	_, err := s.webhooks.Get(ctx, in.Webhook)
	if err == nil {
		err = s.webhooks.Delete(ctx, in.Webhook)
	}
	if err != nil {
		return nil, s.webhookProblem(ctx, "delete webhook", err)
	}
	s.record(ctx, v, "webhook.delete", webhookObject(in.Webhook))
	return nil, nil
}

func (s *Server) rotateWebhook(ctx context.Context, in *webhookPath) (*webhookSecretOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	fresh := storage.NewHookSecret()
	h, err := s.webhooks.Update(ctx, in.Webhook, func(h *storage.Webhook) error {
		h.Rotate(fresh, s.now())
		return nil
	})
	if err != nil {
		return nil, s.webhookProblem(ctx, "replace secret of webhook", err)
	}
	s.record(ctx, v, "webhook.secret", webhookObject(h.ID))
	return &webhookSecretOutput{webhookSecretBody{s.webhookView(h), fresh.Secret}}, nil
}

// deliveryBody is an entry of a webhook's log.
type deliveryBody struct {
	ID            string          `json:"id" doc:"Also the header webhook-id"`
	Event         string          `json:"event"`
	CreatedUnixMS int64           `json:"created_unix_ms" doc:"When it happened"`
	State         string          `json:"state" enum:"waiting,delivered,failed"`
	NextUnixMS    int64           `json:"next_unix_ms,omitempty" doc:"When it is tried next"`
	Attempts      []attemptBody   `json:"attempts" nullable:"false" doc:"The newest 16, oldest first"`
	Body          json.RawMessage `json:"body" doc:"What is sent"`
}

type attemptBody struct {
	AtUnixMS int64  `json:"at_unix_ms"`
	Status   int    `json:"status,omitempty" doc:"Of HTTP; absent: no answer"`
	TookMS   int64  `json:"took_ms"`
	Failure  string `json:"failure,omitempty" enum:"private_address,timeout,tls,name,connection,redirect,status" doc:"Why it failed; absent: it was taken"`
}

// TransformSchema says that a body is an object.
func (deliveryBody) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	schema.Properties["body"] = &huma.Schema{Type: huma.TypeObject, Description: schema.Properties["body"].Description, AdditionalProperties: true}
	return schema
}

func deliveryView(d storage.Delivery) deliveryBody {
	b := deliveryBody{
		ID: d.ID, Event: string(d.Event), CreatedUnixMS: d.CreatedUnixMS, State: string(d.State), NextUnixMS: d.NextUnixMS,
		Attempts: make([]attemptBody, len(d.Attempts)), Body: d.Body,
	}
	for i, a := range d.Attempts {
		b.Attempts[i] = attemptBody(a)
	}
	return b
}

type deliveriesInput struct {
	Webhook string `path:"webhook" maxLength:"64"`
	After   string `query:"after" maxLength:"64" doc:"The answer's next, for older ones"`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

type deliveriesOutput struct {
	Body struct {
		Deliveries []deliveryBody `json:"deliveries" nullable:"false" doc:"Newest first"`
		Next       string         `json:"next" doc:"Ask with it as after for older ones; empty: there are none"`
	}
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	page, more, err := s.webhooks.Deliveries(ctx, in.Webhook, in.After, in.Limit)
	if err != nil {
		return nil, s.webhookProblem(ctx, "list deliveries", err)
	}
	out := &deliveriesOutput{}
	out.Body.Deliveries = make([]deliveryBody, len(page))
	for i, d := range page {
		out.Body.Deliveries[i] = deliveryView(d)
	}
	if more && len(page) > 0 {
		out.Body.Next = page[len(page)-1].ID
	}
	return out, nil
}

type deliveryOutput struct{ Body deliveryBody }

func (s *Server) testWebhook(ctx context.Context, in *webhookPath) (*deliveryOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	d, err := s.webhooks.Test(ctx, in.Webhook, s.now())
	if err != nil {
		return nil, s.webhookProblem(ctx, "test webhook", err)
	}
	s.record(ctx, v, "webhook.test", webhookObject(in.Webhook))
	return &deliveryOutput{deliveryView(d)}, nil
}

type replayInput struct {
	Webhook  string `path:"webhook" maxLength:"64"`
	Delivery string `path:"delivery" maxLength:"64"`
}

func (s *Server) replayDelivery(ctx context.Context, in *replayInput) (*deliveryOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	d, err := s.webhooks.Replay(ctx, storage.Waiting{Hook: in.Webhook, Delivery: in.Delivery}, s.now())
	if err != nil {
		return nil, s.webhookProblem(ctx, "send delivery again", err)
	}
	s.record(ctx, v, "webhook.replay", webhookObject(in.Webhook))
	return &deliveryOutput{deliveryView(d)}, nil
}

func webhookObject(id string) string { return "webhooks/" + id }

// webhookProblem is what an admin is told.
func (s *Server) webhookProblem(ctx context.Context, tried string, err error) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return problem(http.StatusNotFound, "no-webhook", "There is no such webhook or delivery, or it was deleted.")
	case errors.Is(err, storage.ErrHookURL):
		return problem(http.StatusUnprocessableEntity, "bad-webhook-url", "The address must begin with https:// or http://, name a host, and have neither a user nor a fragment.")
	case errors.Is(err, storage.ErrHookEvent):
		return problem(http.StatusUnprocessableEntity, "bad-request", "There is no such event. GET /webhooks lists what can be chosen.")
	case errors.Is(err, storage.ErrHookLimit):
		return problem(http.StatusConflict, "too-many-webhooks", "There are 20 webhooks already. Delete one first.")
	case errors.Is(err, storage.ErrHookStops):
		return problem(http.StatusConflict, "webhook-stopped", "Nothing is sent to this webhook now. Let it go on first.")
	case errors.Is(err, storage.ErrHookQueued):
		return problem(http.StatusConflict, "delivery-waiting", "This delivery waits already and will be tried again by itself.")
	case errors.Is(err, storage.ErrHookFull):
		return problem(http.StatusConflict, "webhook-full", "1000 deliveries wait for this webhook already. Try again when its receiver works.")
	}
	return s.answerFor(ctx, tried, err)
}
