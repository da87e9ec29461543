package bot

import (
	"context"
	"sync"

	"souffleur/internal/bus"
)

// record is one sealed audio record on its way to Kafka. Sealed once, so that a retry sends the same bytes.
type record struct {
	message bus.Message
}

// ring holds a track's records while Kafka is slow or away. It is bounded: when it is full, the oldest whole record is
// dropped and counted, and the next one built is marked as a discontinuity. What the ring loses becomes a gap in the
// transcript; the packet path never waits.
type ring struct {
	wake chan struct{} // capacity 1: something was pushed

	mu      sync.Mutex // guards what follows; nothing is called while it is held
	records []record
	limit   int
	dropped int
}

func newRing(limit int) *ring {
	return &ring{wake: make(chan struct{}, 1), limit: limit}
}

// push appends r and says whether the oldest record had to go.
func (q *ring) push(r record) (dropped bool) {
	q.mu.Lock()
	if len(q.records) >= q.limit {
		q.records = q.records[1:]
		q.dropped++
		dropped = true
	}
	q.records = append(q.records, r)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return dropped
}

// pop waits for the oldest record. It returns false when ctx ends, or when nothing is left and no more will come.
func (q *ring) pop(ctx context.Context, noMore <-chan struct{}) (record, bool) {
	for {
		if r, ok := q.take(); ok {
			return r, true
		}
		select {
		case <-ctx.Done():
			return record{}, false
		case <-q.wake:
		case <-noMore:
			return q.take()
		}
	}
}

func (q *ring) take() (record, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.records) == 0 {
		return record{}, false
	}
	r := q.records[0]
	q.records = q.records[1:]
	return r, true
}

func (q *ring) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.records) == 0
}

// clear empties the ring: what was not yet sent when the AI was switched off is never sent.
func (q *ring) clear() {
	q.mu.Lock()
	q.records = nil
	q.mu.Unlock()
}
