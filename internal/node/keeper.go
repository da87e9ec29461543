package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// keeper writes people, policies, tracks, consents and door of a meeting to meeting.json in the background: changes that come while one write
// is under way go out together with the next.
type keeper struct {
	meetings *storage.Meetings
	l        *live
	dirty    chan struct{} // capacity 1
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

func newKeeper(m *storage.Meetings, l *live) *keeper {
	k := &keeper{meetings: m, l: l, dirty: make(chan struct{}, 1)}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.wg.Go(k.run)
	return k
}

func (k *keeper) save() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

func (k *keeper) run() {
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-k.dirty:
			k.write()
		}
	}
}

// storageRetry is the pause after storage refused a write.
const storageRetry = 2 * time.Second

func (k *keeper) write() {
	for {
		err := k.update(k.ctx, 0)
		if err == nil || k.ctx.Err() != nil {
			return
		}
		k.l.log.Warn("meeting facts not stored yet", "err", err)
		select {
		case <-k.ctx.Done():
			return
		case <-time.After(storageRetry):
		}
	}
}

func (k *keeper) update(ctx context.Context, endedUnixMS int64) error {
	k.l.mu.Lock()
	people, policies, tracks, door := slices.Clone(k.l.people), slices.Clone(k.l.policies), slices.Clone(k.l.tracks), k.l.door
	consents := slices.Clone(k.l.consents)
	k.l.mu.Unlock()
	_, err := k.meetings.Update(ctx, k.l.id, func(m *storage.Meeting) error {
		m.People, m.Policies, m.Tracks, m.Door, m.Consents = people, policies, tracks, door, consents
		if endedUnixMS != 0 {
			m.Door = meeting.Door{} // who was removed is nobody's business any more
			if m.EndedUnixMS == 0 { // else the archiver was quicker, and has told others that time
				m.EndedUnixMS = endedUnixMS
			}
		}
		return nil
	})
	return err
}

// close writes what has changed and stops.
func (k *keeper) close() { k.finish(0) }

// end records that the meeting is over.
func (k *keeper) end(_ context.Context, at time.Time) { k.finish(at.UnixMilli()) }

// lastWriteWait bounds how long the end of a meeting waits for storage. If it fails, the meeting is taken up at the
// next start, found deserted, and ended again.
const lastWriteWait = 5 * time.Second

func (k *keeper) finish(endedUnixMS int64) {
	k.cancel()
	k.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), lastWriteWait)
	defer cancel()
	if err := k.update(ctx, endedUnixMS); err != nil {
		k.l.log.Error("end of the meeting not stored", "err", err)
	}
}
