package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Delivery is one event for one webhook, sealed with the instance key.
type Delivery struct {
	ID            string          `json:"id"` // also the header webhook-id: the same in every try, and when it is sent again
	Event         HookEvent       `json:"event"`
	Body          json.RawMessage `json:"body"` // as it is sent, byte by byte
	CreatedUnixMS int64           `json:"created_unix_ms"`
	State         DeliveryState   `json:"state"`
	NextUnixMS    int64           `json:"next_unix_ms,omitempty"` // when it is tried again, while it waits
	Tries         int             `json:"tries"`                  // since it was queued last
	Attempts      []Attempt       `json:"attempts,omitempty"`     // the newest, at most maxAttempts, oldest first
}

// DeliveryState is how far a delivery has come.
type DeliveryState string

// States of deliveries.
const (
	DeliveryWaits  DeliveryState = "waiting"
	DeliveryDone   DeliveryState = "delivered"
	DeliveryFailed DeliveryState = "failed"
)

// Attempt is one try.
type Attempt struct {
	AtUnixMS int64  `json:"at_unix_ms"`
	Status   int    `json:"status,omitempty"` // of HTTP; 0: no answer
	TookMS   int64  `json:"took_ms"`
	Failure  string `json:"failure,omitempty"` // one word why; "": it was taken
}

// maxAttempts bounds the attempts that are written down: two whole rounds.
const maxAttempts = 16

// Announce queues news for every webhook that wants it. Webhooks hear of nothing that was before they were made. Calling it
// again with the same news is safe.
func (w *Webhooks) Announce(ctx context.Context, n HookNews) error {
	hooks, err := w.List(ctx)
	if err != nil {
		return fmt.Errorf("read webhooks: %w", err)
	}
	for _, hook := range hooks {
		if !hook.Wants(n.Event) || n.AtUnixMS < hook.CreatedUnixMS {
			continue
		}
		_, err := w.enqueue(ctx, hook.ID, n)
		if errors.Is(err, ErrHookFull) {
			err = w.countDropped(ctx, hook.ID, n.Event)
		}
		if err != nil {
			return fmt.Errorf("queue %s: %w", n.Event, err)
		}
	}
	return nil
}

// countDropped counts an event that was not queued.
func (w *Webhooks) countDropped(ctx context.Context, id string, e HookEvent) error {
	w.store.log.Warn("a webhook's queue is full, an event is not sent", "webhook", id, "event", e)
	_, err := w.Update(ctx, id, func(hook *Webhook) error {
		hook.Dropped++
		return nil
	})
	if errors.Is(err, ErrNotFound) { // deleted meanwhile
		return nil
	}
	return err
}

// Test queues a delivery of type webhook.test, which every webhook gets that works. ErrHookStops, ErrHookFull.
func (w *Webhooks) Test(ctx context.Context, id string, now time.Time) (Delivery, error) {
	hook, err := w.Get(ctx, id)
	if err != nil {
		return Delivery{}, err
	}
	if hook.Stopped != HookWorks {
		return Delivery{}, ErrHookStops
	}
	return w.enqueue(ctx, id, HookNews{Event: HookTest, AtUnixMS: now.UnixMilli()})
}

// enqueue makes a delivery wait, unless it is there already. ErrHookFull.
func (w *Webhooks) enqueue(ctx context.Context, hook string, n HookNews) (Delivery, error) {
	body, err := n.body()
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{
		ID: deliveryID(hook, n, body), Event: n.Event, Body: body, CreatedUnixMS: n.AtUnixMS,
		State: DeliveryWaits, NextUnixMS: n.AtUnixMS,
	}
	object, err := deliveryObject(hook, d.ID)
	if err != nil {
		return Delivery{}, err
	}
	waiting, err := w.store.List(ctx, queuePrefix+hook+".")
	if err != nil {
		return Delivery{}, err
	}
	if len(waiting) >= maxPending {
		return Delivery{}, ErrHookFull
	}
	err = w.deliveries.create(ctx, object, d)
	if errors.Is(err, ErrExists) { // from before a crash: maybe without its mark
		if d, _, err = w.deliveries.get(ctx, object); err != nil || d.State != DeliveryWaits {
			return d, err
		}
	}
	if err != nil {
		return Delivery{}, err
	}
	return d, w.mark(ctx, hook, d.ID)
}

// mark says that a delivery waits.
func (w *Webhooks) mark(ctx context.Context, hook, id string) error {
	if err := w.store.Put(ctx, queueMark(hook, id), []byte("{}")); err != nil {
		return err
	}
	select {
	case w.queued <- struct{}{}:
	default:
	}
	return nil
}

// Queued is sent to after something was queued by this process.
func (w *Webhooks) Queued() <-chan struct{} { return w.queued }

// Waiting is a delivery that waits.
type Waiting struct{ Hook, Delivery string }

// Queue returns all deliveries that wait, those of one webhook by the time of their events.
func (w *Webhooks) Queue(ctx context.Context) ([]Waiting, error) {
	objects, err := w.store.List(ctx, queuePrefix)
	if err != nil {
		return nil, err
	}
	waiting := make([]Waiting, 0, len(objects))
	for _, o := range objects {
		if hook, id, ok := strings.Cut(strings.TrimPrefix(o.Key, queuePrefix), "."); ok {
			waiting = append(waiting, Waiting{hook, id})
		}
	}
	return waiting, nil
}

// Unqueue forgets that a delivery waits. Its entry in the log stays.
func (w *Webhooks) Unqueue(ctx context.Context, d Waiting) error {
	return w.store.Delete(ctx, queueMark(d.Hook, d.Delivery))
}

// ErrNotDue says that a delivery is not to be tried now: another process does, or did.
var ErrNotDue = errors.New("delivery is not due")

// Claim begins a try: until lease is over nobody else begins one. The delivery as it was stored comes also with ErrNotDue;
// ErrNotFound.
func (w *Webhooks) Claim(ctx context.Context, d Waiting, now time.Time, lease time.Duration) (Delivery, error) {
	var seen Delivery
	claimed, err := w.updateDelivery(ctx, d, func(v *Delivery) error {
		seen = *v
		if v.State != DeliveryWaits || v.NextUnixMS > now.UnixMilli() {
			return ErrNotDue
		}
		v.Tries, v.NextUnixMS = v.Tries+1, now.Add(lease).UnixMilli()
		return nil
	})
	if err != nil {
		return seen, err
	}
	return claimed, nil
}

// Tried writes down a try, and what becomes of the delivery: it waits until next, or is done with in state.
func (w *Webhooks) Tried(ctx context.Context, d Waiting, a Attempt, state DeliveryState, next time.Time) error {
	_, err := w.updateDelivery(ctx, d, func(v *Delivery) error {
		v.Attempts = append(v.Attempts, a)
		v.Attempts = v.Attempts[max(0, len(v.Attempts)-maxAttempts):]
		v.State, v.NextUnixMS = state, 0
		if state == DeliveryWaits {
			v.NextUnixMS = next.UnixMilli()
		}
		return nil
	})
	if err != nil || state == DeliveryWaits {
		return err
	}
	return w.Unqueue(ctx, d)
}

// Abandon gives up a delivery that waits.
func (w *Webhooks) Abandon(ctx context.Context, d Waiting) error {
	_, err := w.updateDelivery(ctx, d, func(v *Delivery) error {
		if v.State == DeliveryWaits {
			v.State, v.NextUnixMS = DeliveryFailed, 0
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return w.Unqueue(ctx, d)
}

// Replay queues a delivery once more, under its own ID. ErrNotFound, ErrHookStops, ErrHookQueued.
func (w *Webhooks) Replay(ctx context.Context, d Waiting, now time.Time) (Delivery, error) {
	hook, err := w.Get(ctx, d.Hook)
	if err != nil {
		return Delivery{}, err
	}
	if hook.Stopped != HookWorks {
		return Delivery{}, ErrHookStops
	}
	v, err := w.updateDelivery(ctx, d, func(v *Delivery) error {
		if v.State == DeliveryWaits {
			return ErrHookQueued
		}
		v.State, v.Tries, v.NextUnixMS = DeliveryWaits, 0, now.UnixMilli()
		return nil
	})
	if err != nil {
		return Delivery{}, err
	}
	return v, w.mark(ctx, d.Hook, d.Delivery)
}

func (w *Webhooks) updateDelivery(ctx context.Context, d Waiting, apply func(*Delivery) error) (Delivery, error) {
	object, err := deliveryObject(d.Hook, d.Delivery)
	if err != nil {
		return Delivery{}, err
	}
	return w.deliveries.update(ctx, object, apply)
}

// Deliveries returns up to most entries of a webhook's log that are older than before, newest first; before is "" for the
// newest, else a delivery's ID. more says that there are older ones.
func (w *Webhooks) Deliveries(ctx context.Context, hook, before string, most int) (page []Delivery, more bool, err error) {
	if _, err := w.Get(ctx, hook); err != nil {
		return nil, false, err
	}
	objects, err := w.store.List(ctx, deliveriesOf(hook))
	if err != nil {
		return nil, false, err
	}
	slices.Reverse(objects)
	if before != "" {
		from := slices.IndexFunc(objects, func(o Object) bool { return o.Key < deliveriesOf(hook)+before })
		if from < 0 {
			return nil, false, nil
		}
		objects = objects[from:]
	}
	more = len(objects) > most
	page, err = fetchAll(ctx, objects[:min(most, len(objects))], func(ctx context.Context, o Object) (Delivery, error) {
		d, _, err := w.deliveries.get(ctx, o.Key)
		if isDamage(err) {
			return d, ErrNotFound
		}
		return d, err
	})
	return page, more, err
}

// Prune takes out of the logs what is too old or too much. What waits stays.
func (w *Webhooks) Prune(ctx context.Context, now time.Time) error {
	hooks, err := w.store.Folders(ctx, hookPrefix)
	if err != nil {
		return err
	}
	queue, err := w.Queue(ctx)
	if err != nil {
		return err
	}
	waits := make(map[string]bool, len(queue))
	for _, d := range queue {
		waits[deliveriesOf(d.Hook)+d.Delivery+".json"] = true
	}
	for _, hook := range hooks {
		objects, err := w.store.List(ctx, deliveriesOf(hook))
		if err != nil {
			return err
		}
		objects = slices.DeleteFunc(objects, func(o Object) bool { return waits[o.Key] })
		tooMany := len(objects) - keptDeliveries
		var gone []Object
		for i, o := range objects {
			if i < tooMany || now.Sub(eventTime(o.Key)) > keptFor {
				gone = append(gone, o)
			}
		}
		if err := w.store.deleteAll(ctx, gone); err != nil {
			return err
		}
	}
	return nil
}

// eventTime is when the event of a delivery's object happened.
func eventTime(object string) time.Time {
	name := strings.TrimSuffix(object[strings.LastIndexByte(object, '/')+1:], ".json")
	id, err := ulid.ParseStrict(name)
	if err != nil {
		return time.Time{} // not ours: as old as can be
	}
	return ulid.Time(id.Time())
}
