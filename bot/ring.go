package bot

import (
	"context"
	"sync"

	"souffleur/internal/bus"
)

// record is one sealed audio record on its way to Kafka. Sealed once, so that a retry sends the same bytes.
type record struct {
	message bus.Message
	head    bus.AudioRecord // without its packets
	packets int
}

// loss returns what stands for r when it is dropped: a record that says that audio was lost from its first packet on.
func (r record) loss() *bus.AudioRecord {
	rec := r.head
	rec.Flags = bus.Discontinuity
	return &rec
}

// ring holds a track's records while Kafka is slow or away. It is bounded: when it is full, the oldest whole record is
// dropped and counted, and a record that says so stands in the place of all that were dropped, at the head. What the ring
// loses becomes a gap in the transcript; the packet path never waits.
type ring struct {
	wake chan struct{}                          // capacity 1: something was pushed
	seal func(*bus.AudioRecord) (record, error) // set once; does not wait

	mu      sync.Mutex // guards what follows; nothing that waits is called while it is held
	records []record   // at most limit
	limit   int
	dropped int
}

func newRing(limit int, seal func(*bus.AudioRecord) (record, error)) *ring {
	return &ring{wake: make(chan struct{}, 1), limit: max(limit, 2), seal: seal}
}

// push appends r and says whether the oldest record had to go.
func (q *ring) push(r record) (dropped bool) {
	q.mu.Lock()
	if len(q.records) >= q.limit {
		q.dropLocked()
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

// dropLocked makes room for a record. Dropped signs of life from silence leave no trace.
func (q *ring) dropLocked() {
	oldest := q.records[0]
	if oldest.head.Flags&bus.Discontinuity != 0 {
		q.records = append(q.records[:1], q.records[2:]...)
		return
	}
	if oldest.packets > 0 {
		if mark, err := q.seal(oldest.loss()); err == nil {
			q.records = append([]record{mark}, q.records[2:]...)
			return
		}
	}
	q.records = q.records[1:]
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
