package listen

import (
	"context"
	"errors"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// Follower is what a roster needs of the bus.
type Follower interface {
	Follow(ctx context.Context, t bus.Topic, o bus.FollowOptions, fn func(bus.Message)) error
}

// Follow keeps the roster by meetings.v1 until ctx ends; caughtUp is called once everything that was there is known. What it
// cannot open it passes over: a meeting whose key is gone is over; of a damaged record it tells damaged.
func (r *Roster) Follow(ctx context.Context, b Follower, keys Keys, caughtUp func(), damaged func(bus.Message)) error {
	gone := make(map[meeting.ID]bool) // bounded by what the topic keeps: the meetings of seven days
	return b.Follow(ctx, bus.Meetings, bus.FollowOptions{CaughtUp: caughtUp}, func(m bus.Message) {
		if gone[m.Meeting] {
			return
		}
		if len(m.Value) == 0 {
			gone[m.Meeting] = r.forget(ctx, keys, m.Meeting)
			return
		}
		key, err := keys.Wait(ctx, m.Meeting)
		if err != nil {
			gone[m.Meeting] = true
			return
		}
		var e meeting.Event
		if err := bus.OpenJSON(key, m, &e); err != nil || e.Meeting != m.Meeting {
			damaged(m)
			return
		}
		r.Apply(&e, time.Now())
	})
}

// forget drops what is in memory of a meeting of which something was forgotten, and says whether it is gone as a whole. Anybody who
// may write to Kafka can claim that; only the keys say whether it is true.
func (r *Roster) forget(ctx context.Context, keys Keys, id meeting.ID) bool {
	if !id.Valid() {
		return false
	}
	keys.Live.Drop(id)
	if _, err := keys.Wait(ctx, id); !errors.Is(err, ErrKeyGone) {
		return false
	}
	r.Apply(&meeting.Event{Type: meeting.EventForget, Meeting: id}, time.Now())
	return true
}
