package node

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// outboxEvents bounds the events that wait while Kafka is away. A meeting of 150 makes a few hundred in all; when it is
// full the newest is dropped and counted, its then never called: the recorder stays silent rather than unannounced.
const outboxEvents = 2048

// outbox publishes the events of one meeting in order, in the background, so that a meeting goes on without Kafka.
type outbox struct {
	bus *bus.Bus
	key seal.Key
	id  meeting.ID
	log *slog.Logger

	queue  chan posted
	cancel context.CancelFunc
	done   chan struct{}
	since  atomic.Int64 // unix ms since when an event has been waiting for Kafka; 0 if none

	once    sync.Once
	closing chan struct{}
}

type posted struct {
	event meeting.Event
	then  func()
}

func newOutbox(b *bus.Bus, doc storage.Meeting, key seal.Key, log *slog.Logger) *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outbox{
		bus: b, key: key, id: doc.ID, log: log,
		queue: make(chan posted, outboxEvents), cancel: cancel, done: make(chan struct{}), closing: make(chan struct{}),
	}
	go o.run(ctx)
	return o
}

func (o *outbox) post(e meeting.Event, then func()) {
	select {
	case o.queue <- posted{event: e, then: then}:
	default:
		o.log.Error("meeting event dropped: kafka has been away too long", "type", e.Type)
	}
}

func (o *outbox) run(ctx context.Context) {
	defer close(o.done)
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-o.queue:
			o.publish(ctx, p)
		case <-o.closing:
			o.rest(ctx)
			return
		}
	}
}

// rest publishes what is queued at close.
func (o *outbox) rest(ctx context.Context) {
	for {
		select {
		case p := <-o.queue:
			o.publish(ctx, p)
		default:
			return
		}
	}
}

func (o *outbox) publish(ctx context.Context, p posted) {
	value, err := bus.SealJSON(o.key, bus.Meetings, string(o.id), p.event)
	if err != nil {
		o.log.Error("meeting event not sealed", "type", p.event.Type, "err", err)
		return
	}
	o.since.Store(time.Now().UnixMilli())
	defer o.since.Store(0)
	err = o.bus.Publish(ctx, bus.Message{
		Topic: bus.Meetings, Partition: o.bus.PartitionOf(bus.Meetings, o.id), Key: string(o.id), Meeting: o.id, Value: value,
	})
	if err != nil {
		o.log.Error("meeting event not published", "type", p.event.Type, "err", err)
		return
	}
	if p.then != nil {
		p.then()
	}
}

// slowEvent is how long one event may take before Kafka counts as away.
const slowEvent = 3 * time.Second

func (o *outbox) stalled() bool {
	since := o.since.Load()
	return since != 0 && time.Since(time.UnixMilli(since)) > slowEvent
}

// lastEventsWait bounds how long the end of a meeting waits for Kafka. What is lost then, the archiver learns from
// meeting.json.
const lastEventsWait = 5 * time.Second

func (o *outbox) close() {
	o.once.Do(func() { close(o.closing) })
	select {
	case <-o.done:
	case <-time.After(lastEventsWait):
	}
	o.cancel()
	<-o.done
}
