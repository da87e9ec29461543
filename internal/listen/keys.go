// Package listen is what every program needs that works on the sound of live meetings: who may be heard at all, as the events
// of meetings say ([Roster]), and the keys that open what belongs to a meeting while it is live ([Keys]).
package listen

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// LiveKeys gives the keys that open what belongs to a meeting while it is live.
type LiveKeys interface {
	Live(ctx context.Context, id meeting.ID) (seal.Key, error)
	// Drop removes a meeting's keys from memory: the next Live looks whether they are still there.
	Drop(id meeting.ID)
}

// ErrKeyGone says that a meeting's live key was deleted, or never existed.
var ErrKeyGone = errors.New("the meeting's key is gone")

// keyRetry spaces the attempts to get a key while the store is away.
const keyRetry = 500 * time.Millisecond

// Keys waits for the keys of meetings. All fields are needed.
type Keys struct {
	Live LiveKeys
	// Gone says of an error of Live that the key was deleted for good: the meeting's records cannot and need not be read.
	// Other errors are waited out.
	Gone func(error) bool
	Log  *slog.Logger
}

// Wait returns the live key of a meeting, as long as it takes. The errors are ErrKeyGone and that of ctx.
func (k Keys) Wait(ctx context.Context, id meeting.ID) (seal.Key, error) {
	if !id.Valid() {
		return seal.Key{}, ErrKeyGone
	}
	for logged := false; ; {
		key, err := k.Live.Live(ctx, id)
		switch {
		case err == nil:
			return key, nil
		case k.Gone(err):
			return seal.Key{}, ErrKeyGone
		}
		if !logged {
			k.Log.Warn("waiting for the key of a meeting", "meeting", id, "err", err)
			logged = true
		}
		timer := time.NewTimer(keyRetry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return seal.Key{}, ctx.Err()
		}
	}
}
