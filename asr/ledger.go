package asr

import (
	"context"
	"slices"
	"sync"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

const (
	// ledgerKept is how far back finals are known: longer than audio, which they were made of, is kept on the bus.
	ledgerKept = 20 * time.Minute
	// maxLedger bounds the bytes of the finals known; 150 people who talk for ledgerKept make about 60 MB. Past it the oldest are
	// forgotten: should their audio be heard again, it is recognised again, under the same IDs.
	maxLedger = 64 << 20
	// maxVersions bounds what is kept under one ID. There are two when a final was rescored; more come of publishing again only,
	// and are dropped.
	maxVersions = 4
)

// ledger knows the finals of the last minutes on segments.v1, whoever published them. A worker that takes a partition over
// hears some utterances again whose finals are there already; it neither decodes nor publishes them: recognised twice, the
// same speech may become another text, because a final depends on its partials and on what was said before.
//
// Finals are kept sealed and opened when their audio is heard: most are of meetings that this worker never hears. It is safe for
// concurrent use.
type ledger struct {
	mu    sync.Mutex // guards what follows
	known map[meeting.SegmentID]*versions
	order []*versions // of known, by the arrival of their first
	bytes int
	at    []int64       // by partition of segments.v1: everything before was seen
	moved chan struct{} // closed and replaced when at has changed
}

// versions is what was published under one ID, in order.
type versions struct {
	id      meeting.SegmentID
	records []bus.Message
}

func newLedger() *ledger {
	return &ledger{known: make(map[meeting.SegmentID]*versions), moved: make(chan struct{})}
}

// note takes the next record of segments.v1.
func (l *ledger) note(m bus.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.known[meeting.SegmentID(m.Key)]
	if v == nil {
		v = &versions{id: meeting.SegmentID(m.Key)}
		l.known[v.id] = v
		l.order = append(l.order, v)
	}
	if len(v.records) < maxVersions {
		v.records = append(v.records, m)
		l.bytes += len(m.Value)
	}
	l.forgetLocked(m.Time)
	for len(l.at) <= m.Partition {
		l.at = append(l.at, 0)
	}
	l.at[m.Partition] = m.Offset + 1
	l.movedLocked()
}

func (l *ledger) movedLocked() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// forgetLocked drops what is too old, by the clock of the bus.
func (l *ledger) forgetLocked(now time.Time) {
	for len(l.order) > 1 && (l.bytes > maxLedger || now.Sub(l.order[0].records[0].Time) > ledgerKept) {
		for _, m := range l.order[0].records {
			l.bytes -= len(m.Value)
		}
		delete(l.known, l.order[0].id)
		l.order = l.order[1:]
	}
}

// passed notes that everything before ends was seen, or is not there any more.
func (l *ledger) passed(ends []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.at) < len(ends) {
		l.at = append(l.at, 0)
	}
	for p, end := range ends {
		l.at[p] = max(l.at[p], end)
	}
	l.movedLocked()
}

// await waits until everything before ends was seen. Its only error is that of ctx.
func (l *ledger) await(ctx context.Context, ends []int64) error {
	for {
		l.mu.Lock()
		done, moved := len(l.at) >= len(ends), l.moved
		for p, end := range ends {
			done = done && l.at[p] >= end
		}
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// has says whether something was published under id.
func (l *ledger) has(id meeting.SegmentID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[id] != nil
}

// final returns what readers have under id: the highest revision, the first that came of it. It is empty if the final was
// retracted, nil if there is none that opens.
func (l *ledger) final(key seal.Key, id meeting.SegmentID) *meeting.Segment {
	l.mu.Lock()
	var records []bus.Message
	if v := l.known[id]; v != nil {
		records = slices.Clone(v.records)
	}
	l.mu.Unlock()
	var best *meeting.Segment
	for _, m := range records {
		if len(m.Value) == 0 {
			return &meeting.Segment{Caption: meeting.Caption{Seg: id}}
		}
		var s meeting.Segment
		if bus.OpenJSON(key, m, &s) == nil && s.Seg == id && (best == nil || s.Rev > best.Rev) {
			best = &s
		}
	}
	return best
}

// followFinals keeps the ledger until ctx ends.
func (w *Worker) followFinals(ctx context.Context, fail context.CancelCauseFunc) {
	ends, err := w.endOfFinals(ctx)
	if err != nil {
		return
	}
	err = w.bus.Follow(ctx, bus.Segments, bus.FollowOptions{
		Since: time.Now().Add(-ledgerKept), CaughtUp: func() { w.ledger.passed(ends) },
	}, w.ledger.note)
	if err != nil && ctx.Err() == nil {
		fail(err)
	}
}

// awaitFinals waits until every final published so far is known. Its only error is that of ctx.
func (w *Worker) awaitFinals(ctx context.Context) error {
	ends, err := w.endOfFinals(ctx)
	if err != nil {
		return err
	}
	return w.ledger.await(ctx, ends)
}

// endOfFinals returns where segments.v1 ends now, as long as it takes. Its only error is that of ctx.
func (w *Worker) endOfFinals(ctx context.Context) ([]int64, error) {
	for {
		ends, err := w.bus.EndOffsets(ctx, bus.Segments)
		if err == nil {
			return ends, nil
		}
		if !sleep(ctx, readRetry) {
			return nil, ctx.Err()
		}
	}
}
