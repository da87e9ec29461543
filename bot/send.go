package bot

import (
	"time"

	"souffleur/internal/meeting"
)

// retryWait is how long a recording waits after Kafka refused a record. Each try asks the policy again, so a switch to
// off during an outage is kept.
const retryWait = 250 * time.Millisecond

// send publishes the records of the ring in order, one in flight, until the track has ended and the ring is empty.
func (t *recording) send() {
	if !t.announce() {
		return
	}
	for {
		rec, ok := t.ring.pop(t.r.ctx, t.built)
		if !ok {
			return
		}
		t.publish(rec)
	}
}

// announce publishes the track before its first record; false if the track ended with nothing to send.
func (t *recording) announce() bool {
	for {
		if t.allowed() && t.r.cfg.Announce(t.r.ctx, t.track) == nil {
			return true
		}
		select {
		case <-t.r.ctx.Done():
			return false
		case <-t.built:
			if t.ring.empty() {
				return false
			}
			t.pause()
		case <-time.After(retryWait):
		}
	}
}

// publish tries until Kafka takes the record, the policy forbids it, or the recorder is closed.
func (t *recording) publish(rec record) {
	cut := t.discard.Load()
	stalled := false
	for t.allowed() && t.discard.Load() == cut && t.r.ctx.Err() == nil {
		err := t.r.cfg.Bus.Publish(t.r.ctx, rec.message)
		if err == nil {
			break
		}
		if !stalled {
			stalled = true
			t.r.stalled.Add(1)
			t.r.cfg.Log.Warn("kafka does not take audio; keeping the last seconds", "track", t.track.Track, "err", err)
		}
		t.pause()
	}
	if stalled {
		t.r.stalled.Add(-1)
	}
}

func (t *recording) pause() {
	select {
	case <-t.r.ctx.Done():
	case <-time.After(retryWait):
	}
}

func (t *recording) allowed() bool {
	return meeting.Level(t.r.level.Load()) != meeting.Off && !t.optOut.Load()
}
