package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// post is a sender with its store and a clock that stands still unless the test moves it.
type post struct {
	t     *testing.T
	hooks *storage.Webhooks
	audit *storage.Audit
	keys  *storage.Keyring
	store *storage.Store

	mu  sync.Mutex // guards at
	at  time.Time
	now func() time.Time
}

func newPost(t *testing.T) *post {
	t.Helper()
	server := s3test.Embedded(t)
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	store, err := storage.Open(t.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	_, raw := seal.NewKey()
	master, err := seal.NewMaster(raw)
	if err != nil {
		t.Fatal(err)
	}
	keys := storage.NewKeyring(store, master)
	p := &post{
		t: t, hooks: storage.NewWebhooks(store, keys), audit: storage.NewAudit(store, keys), keys: keys, store: store,
		at: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC),
	}
	p.now = func() time.Time {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.at
	}
	return p
}

// sender is a process that sends: another one knows nothing but what stands in the store.
func (p *post) sender(allowPrivate bool) *Sender {
	s := NewSender(p.hooks, p.audit, Config{AllowPrivate: allowPrivate, Version: "test"}, slog.New(slog.DiscardHandler))
	s.now, s.jitter = p.now, func(d time.Duration) time.Duration { return d }
	return s
}

// later moves the clock.
func (p *post) later(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = p.at.Add(d)
}

// delivers sends what is due and waits until that is done.
func (p *post) delivers(s *Sender) {
	s.round(p.t.Context())
	s.sending.Wait()
}

func (p *post) hook(url string, events ...storage.HookEvent) storage.Webhook {
	p.t.Helper()
	h, err := p.hooks.Create(p.t.Context(), storage.Webhook{URL: url, Events: events}, p.now())
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

func (p *post) happens(n storage.HookNews) {
	p.t.Helper()
	if err := p.hooks.Announce(p.t.Context(), n); err != nil {
		p.t.Fatal(err)
	}
}

// joined is news of one participant.
func (p *post) joined(id meeting.ParticipantID) storage.HookNews {
	return storage.HookNews{Event: storage.HookJoined, AtUnixMS: p.now().UnixMilli(), Data: storage.HookData{
		Meeting: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Room: "kfm-rtqw-xzdp", Participant: id, Role: "participant",
	}}
}

func partID(i int) meeting.ParticipantID { return meeting.ParticipantID(fmt.Sprint("p", i)) }

// log returns the deliveries of a webhook, newest first.
func (p *post) log(h storage.Webhook) []storage.Delivery {
	p.t.Helper()
	page, _, err := p.hooks.Deliveries(p.t.Context(), h.ID, "", 100)
	if err != nil {
		p.t.Fatal(err)
	}
	return page
}

func (p *post) stored(h storage.Webhook) storage.Webhook {
	p.t.Helper()
	h, err := p.hooks.Get(p.t.Context(), h.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

// call is what a receiver got.
type call struct {
	header http.Header
	body   []byte
}

func (c call) fields(t *testing.T) (typ, participant string) {
	t.Helper()
	var b struct {
		Type      string
		Timestamp time.Time
		Data      struct{ Participant string }
	}
	if err := json.Unmarshal(c.body, &b); err != nil || b.Timestamp.IsZero() {
		t.Fatalf("body %s: %v", c.body, err)
	}
	return b.Type, b.Data.Participant
}

// receiver is a program of somebody else.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex // guards the rest
	calls  []call
	answer int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{answer: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.calls = append(r.calls, call{req.Header.Clone(), body})
		answer := r.answer
		r.mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(answer)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = status
}

func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// verified checks a call as a receiver that reads the standard would: one of the signatures must be that of the secret.
func verified(c call, secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	signed := strings.Join([]string{c.header.Get("Webhook-Id"), c.header.Get("Webhook-Timestamp"), string(c.body)}, ".")
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, signed)
	for _, s := range strings.Fields(c.header.Get("Webhook-Signature")) {
		version, sum, _ := strings.Cut(s, ",")
		got, err := base64.StdEncoding.DecodeString(sum)
		if version == "v1" && err == nil && hmac.Equal(got, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// stopAfter ends a context when the test does.
func stopAfter(t *testing.T, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = run(ctx) })
	stop = sync.OnceFunc(func() { cancel(); work.Wait() })
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
