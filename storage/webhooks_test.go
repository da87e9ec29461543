package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

func testWebhooks(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	hooks := NewWebhooks(store, keys)
	now := time.UnixMilli(1_700_000_000_000)
	all, err := hooks.Create(t.Context(), Webhook{URL: "https://example.org/hook?key=private"}, now)
	must(t, err)
	some, err := hooks.Create(t.Context(), Webhook{URL: "https://example.org", Events: []HookEvent{HookMeetingEnded}}, now.Add(time.Second))
	must(t, err)
	ended := HookNews{Event: HookMeetingEnded, AtUnixMS: now.Add(2 * time.Second).UnixMilli(), Data: HookData{Meeting: "01ARZ3NDEKTSV4RRFFQ69G5FAV"}}
	for range 3 { // told again after crashes
		must(t, hooks.Announce(t.Context(), ended))
	}
	must(t, hooks.Announce(t.Context(), HookNews{Event: HookJoined, AtUnixMS: ended.AtUnixMS}))
	must(t, hooks.Announce(t.Context(), HookNews{Event: HookLeft, AtUnixMS: now.Add(-time.Second).UnixMilli()})) // before there were webhooks
	queue, err := NewWebhooks(store, keys).Queue(t.Context())
	if err != nil || len(queue) != 3 {
		t.Fatalf("waiting: %v, %v", queue, err)
	}
	for _, w := range queue {
		if w.Hook == some.ID {
			must(t, hooks.Tried(t.Context(), w, Attempt{Status: 200}, DeliveryDone, time.Time{}))
		}
	}
	must(t, hooks.Announce(t.Context(), ended)) // was delivered: not again
	if queue, err := hooks.Queue(t.Context()); err != nil || len(queue) != 2 || queue[0].Hook != all.ID || queue[1].Hook != all.ID {
		t.Errorf("waiting: %v, %v", queue, err)
	}
	must(t, hooks.Delete(t.Context(), all.ID))
	if left, err := store.List(t.Context(), "webhook"); err != nil || len(left) != 2 {
		t.Errorf("after deleting one of two: %v, %v", left, err)
	}
	for _, o := range []string{"webhooks/" + some.ID + ".json"} {
		body, _, err := store.Get(t.Context(), o)
		must(t, err)
		if strings.Contains(string(body), "whsec") || strings.Contains(string(body), "example") {
			t.Errorf("%s is readable: %s", o, body)
		}
	}
	for i := range MaxWebhooks {
		if _, err := hooks.Create(t.Context(), Webhook{URL: "https://example.org"}, now); (err != nil) != (i == MaxWebhooks-1) || err != nil && !errors.Is(err, ErrHookLimit) {
			t.Fatalf("webhook %d: %v", i+2, err)
		}
	}
}

// testWebhookBounds fills the queue and the log of a webhook.
func testWebhookBounds(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	hooks := NewWebhooks(store, keys)
	now := time.Now()
	hook, err := hooks.Create(t.Context(), Webhook{URL: "https://example.org"}, now)
	must(t, err)
	names := make([]int, maxPending)
	_, err = fetchAll(t.Context(), names, func(ctx context.Context, _ int) (struct{}, error) {
		return struct{}{}, store.Put(ctx, queueMark(hook.ID, ulid.Make().String()), []byte("{}"))
	})
	must(t, err)
	must(t, hooks.Announce(t.Context(), HookNews{Event: HookJoined, AtUnixMS: now.Add(time.Minute).UnixMilli()}))
	if h, err := hooks.Get(t.Context(), hook.ID); err != nil || h.Dropped != 1 {
		t.Errorf("a full queue: %+v, %v", h, err)
	}
	if _, err := hooks.Test(t.Context(), hook.ID, now); !errors.Is(err, ErrHookFull) {
		t.Errorf("a test with a full queue: %v", err)
	}
	queue, err := hooks.Queue(t.Context())
	must(t, err)
	for _, w := range queue {
		must(t, hooks.Unqueue(t.Context(), w))
	}

	put := func(at time.Time) string {
		id := ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String()
		must(t, store.Put(t.Context(), deliveriesOf(hook.ID)+id+".json", []byte("{}")))
		return id
	}
	waits := put(now.Add(-60 * 24 * time.Hour))
	must(t, hooks.mark(t.Context(), hook.ID, waits))
	put(now.Add(-31 * 24 * time.Hour))
	oldest := put(now.Add(-29 * 24 * time.Hour))
	for i := range keptDeliveries {
		put(now.Add(-time.Duration(i) * time.Minute))
	}
	must(t, hooks.Prune(t.Context(), now))
	left, err := store.List(t.Context(), deliveriesOf(hook.ID))
	must(t, err)
	if len(left) != keptDeliveries+1 || !strings.Contains(left[0].Key, waits) || strings.Contains(fmt.Sprint(left), oldest) {
		t.Errorf("%d entries are left, the first %s", len(left), left[0].Key)
	}
}

func testTokens(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	tokens := NewTokens(store, keys)
	now := time.UnixMilli(1_700_000_000_000)
	token, secret, err := tokens.Create(t.Context(), APIToken{Name: "Robot", Scope: TokenReads, ExpiresUnixMS: now.Add(2 * time.Hour).UnixMilli()})
	must(t, err)
	got, err := tokens.Use(t.Context(), secret, now)
	if err != nil || got.Scope != TokenReads || got.LastUsedUnixMS == 0 || got.LastUsedUnixMS%time.Hour.Milliseconds() != 0 {
		t.Errorf("used: %+v, %v", got, err)
	}
	for _, wrong := range []string{"", "souffleur_", secret + "a", strings.Replace(secret, "souffleur", "Souffleur", 1), secret[:len(secret)-1] + "."} {
		if _, err := tokens.Use(t.Context(), wrong, now); !errors.Is(err, ErrNotFound) {
			t.Errorf("token %q: %v", wrong, err)
		}
	}
	if _, err := tokens.Use(t.Context(), secret, now.Add(2*time.Hour)); !errors.Is(err, ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	objects, err := store.List(t.Context(), "tokens/")
	must(t, err)
	body, _, err := store.Get(t.Context(), objects[0].Key)
	must(t, err)
	if len(objects) != 1 || strings.Contains(objects[0].Key, secret) || strings.Contains(string(body), "Robot") {
		t.Errorf("stored as %v: %s", objects, body)
	}
	must(t, tokens.Revoke(t.Context(), token.ID))
	if _, err := tokens.Use(t.Context(), secret, now); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked: %v", err)
	}
	for _, id := range []string{token.ID, "", "x", "../instance", strings.Repeat("a", 64)} {
		if err := tokens.Revoke(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("revoke %q: %v", id, err)
		}
	}
}

// testArchiverTells has the archiver tell webhooks of an end and a transcript, once each though it is stopped and begins again,
// and keep the live key until whoever tells the rest has read the meeting's events.
func testArchiverTells(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	hooks := NewWebhooks(a.store, a.keys)
	hook, err := hooks.Create(t.Context(), Webhook{URL: "https://example.org"}, time.UnixMilli(0))
	must(t, err)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.say(m, segment(m.ID, 1, meeting.FinalRev, meeting.Transcript, "eins"))
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 2000})
	stop := a.run()
	state := func() string {
		log, _, err := hooks.Deliveries(t.Context(), hook.ID, "", 10)
		must(t, err)
		var s []string
		for _, d := range log {
			s = append(s, string(d.Event))
		}
		return strings.Join(s, " ")
	}
	both := func() bool { s := state(); return len(s) == len("meeting.ended transcript.ready") }
	eventually(t, "two deliveries", both)
	stop()
	a.run()
	if _, err := a.keys.Live(t.Context(), m.ID); err != nil {
		t.Fatalf("the live key went before the webhooks' reader was there: %v", err)
	}
	for p := range scriptedPartitions {
		a.bus.commit(HookGroup, bus.Meetings, p, 10)
	}
	eventually(t, "the end is archived", func() bool {
		m, err := a.meetings.Get(t.Context(), m.ID)
		return err == nil && m.LiveKeyGone
	})
	if !both() {
		t.Errorf("told: %s", state())
	}
}
