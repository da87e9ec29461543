package webhook

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Listener reads meetings.v1 and queues what webhooks are told of. Listeners of several processes share the work; each record is
// committed once its news stand in S3. That a meeting has ended, and that its transcript is there, the archiver tells.
type Listener struct {
	bus      *bus.Bus
	keys     *storage.Keyring
	meetings *storage.Meetings
	hooks    *storage.Webhooks
	log      *slog.Logger
}

// NewListener returns a listener that begins with Run.
func NewListener(b *bus.Bus, keys *storage.Keyring, meetings *storage.Meetings, hooks *storage.Webhooks, log *slog.Logger) *Listener {
	return &Listener{bus: b, keys: keys, meetings: meetings, hooks: hooks, log: log}
}

// Run listens until ctx ends, whose error it returns. It waits out a bus or a store that is away.
func (l *Listener) Run(ctx context.Context) error {
	return l.bus.Consume(ctx, storage.HookGroup, bus.Meetings, l.read)
}

func (l *Listener) read(ctx context.Context, a *bus.Assignment) error {
	// Records that expired unread would otherwise hold up the ends of meetings.
	if a.Committed < a.First {
		if err := a.Commit(ctx, a.First, ""); err != nil {
			return err
		}
	}
	for {
		m, err := a.Next(ctx)
		if err != nil {
			return err
		}
		if err := l.persist(ctx, m); err != nil {
			return err
		}
		if err := a.Commit(ctx, m.Offset+1, ""); err != nil {
			return err
		}
	}
}

const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 10 * time.Second
)

// persist tells webhooks of a record, as long as it takes; its only error is that of ctx.
func (l *Listener) persist(ctx context.Context, m bus.Message) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := l.tell(ctx, m)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.log.Warn("news for webhooks is held up, trying again", "pause", pause, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// tell queues the news of a record, if there is any. A record that does not open never will.
func (l *Listener) tell(ctx context.Context, m bus.Message) error {
	if len(m.Value) == 0 || !m.Meeting.Valid() {
		return nil
	}
	key, err := l.keys.Live(ctx, m.Meeting)
	if errors.Is(err, storage.ErrNoKey) { // archived, or forgotten
		return nil
	}
	if err != nil {
		return err
	}
	var e meeting.Event
	if err := bus.OpenJSON(key, m, &e); err != nil {
		l.log.Warn("a meeting's event does not open, webhooks do not hear of it", "meeting", m.Meeting, "err", err)
		return nil
	}
	if !tellsOf(e) {
		return nil
	}
	doc, err := l.meetings.Get(ctx, m.Meeting)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoKey) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.hooks.Announce(ctx, newsOf(e, doc.BeganUnixMS))
}

// tellsOf says whether an event is news.
func tellsOf(e meeting.Event) bool {
	switch e.Type {
	case meeting.EventStarted, meeting.EventLeft:
		return true
	case meeting.EventJoined:
		return e.Person != nil
	case meeting.EventPolicy:
		return e.Policy != nil && !e.Restated
	}
	return false
}

// newsOf returns what webhooks are told of an event; everything in it comes from the record, so that it is the same each time.
func newsOf(e meeting.Event, beganUnixMS int64) storage.HookNews {
	n := storage.HookNews{AtUnixMS: beganUnixMS + e.At, Data: storage.HookData{Meeting: e.Meeting, Room: e.Room}}
	switch e.Type {
	case meeting.EventStarted:
		n.Event, n.Data.BeganUnixMS = storage.HookMeetingStarted, beganUnixMS
	case meeting.EventLeft:
		n.Event, n.Data.Participant = storage.HookLeft, e.Participant
	case meeting.EventJoined:
		n.Event, n.Data.Participant, n.Data.Role = storage.HookJoined, e.Participant, e.Person.Role.String()
	case meeting.EventPolicy:
		p := e.Policy
		n.Event = storage.HookPolicyChanged
		n.Data.Policy = &storage.HookPolicy{Level: p.Level, Ceiling: p.Ceiling, KeepAudio: p.KeepAudio, By: p.By}
	}
	return n
}
