package storage

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Webhook is an address that is told what happens, as stored in webhooks/<id>.json, sealed with the instance key.
type Webhook struct {
	ID            string       `json:"id"`
	URL           string       `json:"url"`
	Events        []HookEvent  `json:"events,omitempty"` // empty: all
	Secrets       []HookSecret `json:"secrets"`          // newest first; one, or two while the older one is replaced
	CreatedUnixMS int64        `json:"created_unix_ms"`

	Stopped            HookStop `json:"stopped,omitempty"` // why nothing is sent; "": it works
	StoppedUnixMS      int64    `json:"stopped_unix_ms,omitempty"`
	FailingSinceUnixMS int64    `json:"failing_since_unix_ms,omitempty"` // since when no try has succeeded; 0: the last one did, or there was none
	Dropped            int      `json:"dropped,omitempty"`               // events that found the queue full, so far
}

// HookSecret signs deliveries.
type HookSecret struct {
	Secret      string `json:"secret"`                  // "whsec_" and base64, as Standard Webhooks writes it
	UntilUnixMS int64  `json:"until_unix_ms,omitempty"` // of one that was replaced; 0: it stays
}

// HookStop says why nothing is sent to a webhook.
type HookStop string

// Why nothing is sent.
const (
	HookWorks   HookStop = ""
	HookPaused  HookStop = "paused"  // an admin wanted it
	HookFailing HookStop = "failing" // a whole day of tries failed
	HookGone    HookStop = "gone"    // the receiver answered 410: it wants nothing more
)

// Bounds of webhooks.
const (
	// MaxWebhooks is how many there may be.
	MaxWebhooks = 20
	// maxHookURL is the longest address, in bytes.
	maxHookURL = 2000
	// maxPending is how many deliveries of one webhook may wait. When as many do, a new event is not queued for it: it is
	// counted in Webhook.Dropped. What waits already is older, and its receiver may have seen a part of the story.
	maxPending = 1000
	// keptDeliveries and keptFor bound the log of one webhook: the newest so many that do not wait any more, for so long.
	keptDeliveries = 500
	keptFor        = 30 * 24 * time.Hour
	// secretLife is how long a secret still signs that was replaced: receivers take both meanwhile.
	secretLife = 24 * time.Hour
)

// Why a webhook was refused.
var (
	ErrHookURL    = errors.New("address of a webhook must be http:// or https://, with a host, without user and fragment")
	ErrHookEvent  = errors.New("no such event")
	ErrHookLimit  = errors.New("there are as many webhooks as there may be")
	ErrHookStops  = errors.New("nothing is sent to this webhook")
	ErrHookQueued = errors.New("this delivery waits already")
	ErrHookFull   = errors.New("the webhook's queue is full")
)

// NewHookSecret returns a fresh secret of 256 bits.
func NewHookSecret() HookSecret {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails since Go 1.24
	return HookSecret{Secret: "whsec_" + base64.StdEncoding.EncodeToString(raw)}
}

// Validate names the first thing that is wrong with what an admin may set.
func (w *Webhook) Validate() error {
	if err := validHookURL(w.URL); err != nil {
		return err
	}
	for _, e := range w.Events {
		if !slices.Contains(HookEvents(), e) {
			return fmt.Errorf("%q: %w", e, ErrHookEvent)
		}
	}
	return nil
}

func validHookURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxHookURL || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Contains(s, "#") {
		return ErrHookURL // without the address: it may hold a secret
	}
	return nil
}

// Wants says whether the webhook is to be told of an event.
func (w *Webhook) Wants(e HookEvent) bool {
	return w.Stopped == HookWorks && (len(w.Events) == 0 || slices.Contains(w.Events, e))
}

// Rotate puts a fresh secret first. The one before signs, too, for a day; an older one does no more.
func (w *Webhook) Rotate(fresh HookSecret, now time.Time) {
	old := w.Secrets[0]
	old.UntilUnixMS = now.Add(secretLife).UnixMilli()
	w.Secrets = []HookSecret{fresh, old}
}

// Active returns the secrets that sign now, newest first.
func (w *Webhook) Active(now time.Time) []string {
	var active []string
	for _, s := range w.Secrets {
		if s.UntilUnixMS == 0 || now.UnixMilli() < s.UntilUnixMS {
			active = append(active, s.Secret)
		}
	}
	return active
}

// Webhooks keeps webhooks, what is to be delivered to them, and the log of what was.
//
// A delivery is webhooks/<id>/deliveries/<delivery>.json from its first moment on; while it waits, there is also an empty mark
// webhook-queue/<id>.<delivery>, so that whoever sends finds it with one listing.
type Webhooks struct {
	store      *Store
	hooks      sealedObjects[Webhook]
	deliveries sealedObjects[Delivery]
	queued     chan struct{} // capacity 1: something was queued here
}

// NewWebhooks returns the webhooks kept in store.
func NewWebhooks(store *Store, keys *Keyring) *Webhooks {
	return &Webhooks{
		store: store, hooks: sealedObjects[Webhook]{store, keys}, deliveries: sealedObjects[Delivery]{store, keys},
		queued: make(chan struct{}, 1),
	}
}

const (
	hookPrefix  = "webhooks/"
	queuePrefix = "webhook-queue/"
)

// hookObject returns the object of a webhook. Its ID may come from a stranger.
func hookObject(id string) (string, error) {
	if _, err := ulid.ParseStrict(id); err != nil {
		return "", fmt.Errorf("webhook with a foreign name: %w", ErrNotFound)
	}
	return hookPrefix + id + ".json", nil
}

func deliveryObject(hook, id string) (string, error) {
	if _, err := hookObject(hook); err != nil {
		return "", err
	}
	if _, err := ulid.ParseStrict(id); err != nil {
		return "", fmt.Errorf("delivery with a foreign name: %w", ErrNotFound)
	}
	return deliveriesOf(hook) + id + ".json", nil
}

func deliveriesOf(hook string) string { return hookPrefix + hook + "/deliveries/" }

func queueMark(hook, id string) string { return queuePrefix + hook + "." + id }

// Create stores a new webhook and returns it with its ID and its first secret. ErrHookLimit, or what Validate says.
func (w *Webhooks) Create(ctx context.Context, hook Webhook, now time.Time) (Webhook, error) {
	if err := hook.Validate(); err != nil {
		return Webhook{}, err
	}
	there, err := w.store.Files(ctx, hookPrefix)
	if err != nil {
		return Webhook{}, err
	}
	if len(there) >= MaxWebhooks {
		return Webhook{}, ErrHookLimit
	}
	hook.ID, hook.CreatedUnixMS, hook.Secrets = ulid.Make().String(), now.UnixMilli(), []HookSecret{NewHookSecret()}
	object, err := hookObject(hook.ID)
	if err != nil {
		return Webhook{}, err
	}
	return hook, w.hooks.create(ctx, object, hook)
}

// Get returns a webhook, or ErrNotFound.
func (w *Webhooks) Get(ctx context.Context, id string) (Webhook, error) {
	object, err := hookObject(id)
	if err != nil {
		return Webhook{}, err
	}
	hook, _, err := w.hooks.get(ctx, object)
	return hook, err
}

// List returns all webhooks, oldest first. A damaged one is left out with a warning.
func (w *Webhooks) List(ctx context.Context) ([]Webhook, error) {
	objects, err := w.store.Files(ctx, hookPrefix)
	if err != nil {
		return nil, err
	}
	return fetchAll(ctx, objects, func(ctx context.Context, o Object) (Webhook, error) {
		hook, _, err := w.hooks.get(ctx, o.Key)
		if isDamage(err) {
			w.store.log.Warn("webhook left out", "object", o.Key, "err", err)
			return hook, ErrNotFound
		}
		return hook, err
	})
}

// Update changes a webhook and returns the new one. apply may run several times; its error ends the change, as does what
// Validate says.
func (w *Webhooks) Update(ctx context.Context, id string, apply func(*Webhook) error) (Webhook, error) {
	object, err := hookObject(id)
	if err != nil {
		return Webhook{}, err
	}
	return w.hooks.update(ctx, object, func(hook *Webhook) error {
		if err := apply(hook); err != nil {
			return err
		}
		return hook.Validate()
	})
}

// Delete removes a webhook with its log and all that waits.
func (w *Webhooks) Delete(ctx context.Context, id string) error {
	object, err := hookObject(id)
	if err != nil {
		return err
	}
	if err := w.store.Delete(ctx, object); err != nil {
		return err
	}
	for _, prefix := range []string{queuePrefix + id + ".", deliveriesOf(id)} {
		objects, err := w.store.List(ctx, prefix)
		if err != nil {
			return err
		}
		if err := w.store.deleteAll(ctx, objects); err != nil {
			return err
		}
	}
	return nil
}
