package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// intake gathers the segments of one partition into batches, one per meeting. It is owned by one goroutine.
//
// It grows up to BatchBytes per meeting that speaks within BatchAge; while the store does not answer nothing more is
// read, so waiting segments stay on Kafka.
type intake struct {
	*Archiver
	part  partition
	open  map[meeting.ID]*batch
	next  int64     // offset after the last record taken; -1 if all is committed
	due   time.Time // when everything is to be stored and committed; zero if nothing was taken
	lost  int64     // records known to be lost
	ended map[meeting.ID]struct{}
}

// batch is the segments of one meeting that are not stored yet.
type batch struct {
	segments []meeting.Segment
	bytes    int
}

// maxEnded bounds the memory for meetings whose key is gone. Overflow: it is emptied, and the store is asked again.
const maxEnded = 10_000

// archive works on one partition until its ctx ends.
func (a *Archiver) archive(ctx context.Context, part partition) error {
	in := &intake{Archiver: a, part: part, open: map[meeting.ID]*batch{}, next: -1, ended: map[meeting.ID]struct{}{}}
	return readPartition(ctx, part, in.run)
}

// readPartition lets run work on the records of a partition until its ctx ends or reading fails.
func readPartition(ctx context.Context, part partition, run func(context.Context, <-chan bus.Message) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	// Unbuffered: one record waits here, the rest on Kafka.
	records := make(chan bus.Message)
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		cancel(pump(ctx, part, records))
	}()
	defer func() { <-pumped }()
	defer cancel(nil)
	return run(ctx, records)
}

// pump hands over records until ctx ends or reading fails.
func pump(ctx context.Context, part partition, records chan<- bus.Message) error {
	for {
		m, err := part.Next(ctx)
		if err != nil {
			return err
		}
		select {
		case records <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (in *intake) run(ctx context.Context, records <-chan bus.Message) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var late <-chan time.Time // nil: never
		if !in.due.IsZero() {
			timer.Reset(time.Until(in.due))
			late = timer.C
		}
		full := false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-records:
			var err error
			if full, err = in.take(ctx, m); err != nil {
				return err
			}
		case <-late:
			full = true
		}
		if !full {
			continue
		}
		if err := in.flush(ctx); err != nil {
			return err
		}
	}
}

// take adds a record to its batch and says whether that is full.
func (in *intake) take(ctx context.Context, m bus.Message) (full bool, err error) {
	in.next = m.Offset + 1
	if in.due.IsZero() {
		in.due = time.Now().Add(in.config.BatchAge)
	}
	if lost := in.part.Lost(); lost > in.lost {
		in.log.Error("segments were deleted from Kafka before they were archived", "partition", m.Partition, "records", lost-in.lost)
		in.lost = lost
	}
	segment, err := in.read(ctx, m)
	if err != nil || segment == nil {
		return false, err
	}
	b := in.open[m.Meeting]
	if b == nil {
		b = new(batch)
		in.open[m.Meeting] = b
	}
	b.segments = append(b.segments, *segment)
	b.bytes += len(m.Value)
	return b.bytes >= in.config.BatchBytes, nil
}

// read opens a record. It returns nil for what is not to be stored: retracted, said below level transcript, of a meeting
// whose key is gone, or not readable. The only error is that of ctx.
func (in *intake) read(ctx context.Context, m bus.Message) (*meeting.Segment, error) {
	if _, gone := in.ended[m.Meeting]; gone || len(m.Value) == 0 || !m.Meeting.Valid() {
		return nil, nil
	}
	segment := new(meeting.Segment)
	err := in.persist(ctx, "read key", func() error {
		key, err := in.keys.Live(ctx, m.Meeting)
		if err != nil {
			return err
		}
		if err := bus.OpenJSON(key, m, segment); err != nil {
			return unreadable{err}
		}
		return nil
	})
	var bad unreadable
	switch {
	case errors.Is(err, ErrNoKey):
		in.remember(m.Meeting)
		return nil, nil
	case errors.As(err, &bad) || isLost(err):
		in.log.Warn("segment skipped", "meeting", m.Meeting, "err", err)
		in.deadLetter(ctx, m, "segment does not open")
		return nil, nil
	case err != nil:
		return nil, err
	case string(segment.Seg) != m.Key:
		in.log.Warn("segment skipped: its ID is not its key", "meeting", m.Meeting, "partition", m.Partition, "offset", m.Offset)
		in.deadLetter(ctx, m, "the ID of a segment is not its key")
		return nil, nil
	case segment.Level < meeting.Transcript:
		return nil, nil
	}
	return segment, nil
}

func (in *intake) remember(id meeting.ID) {
	if len(in.ended) >= maxEnded {
		clear(in.ended)
	}
	in.ended[id] = struct{}{}
}

// flush stores all batches, then commits. It tries until both are done or ctx ends.
func (in *intake) flush(ctx context.Context) error {
	for id, b := range in.open {
		if err := in.storeBatch(ctx, id, b); err != nil {
			return err
		}
		delete(in.open, id)
	}
	err := in.persist(ctx, "commit", func() error { return in.part.Commit(ctx, in.next, "") })
	in.next, in.due = -1, time.Time{}
	return err
}

// storeBatch writes one batch under a name of its own. A batch of a meeting whose data was deleted is dropped.
func (in *intake) storeBatch(ctx context.Context, id meeting.ID, b *batch) error {
	object, err := meetingPath(id, batchFolder+fmt.Sprintf("%010d-%s%s", max(b.segments[0].T0, 0), ulid.Make(), batchSuffix))
	if err != nil {
		return err
	}
	var body []byte // sealed once: a repetition sends the same bytes
	err = in.persist(ctx, "store segments", func() error {
		if body == nil {
			key, err := in.keys.Archive(ctx, id)
			if err != nil {
				return err
			}
			if body, err = sealBatch(key, object, b.segments); err != nil {
				return err
			}
		}
		err := in.store.Create(ctx, object, body)
		if errors.Is(err, ErrExists) {
			return nil // the name is random: it was us, and the answer was lost
		}
		return err
	})
	switch {
	case errors.Is(err, ErrNoKey):
		in.log.Info("segments dropped: the meeting's data was deleted", "meeting", id, "segments", len(b.segments))
		return nil
	case isLost(err): // waiting for a key that will never open would hold up every other meeting
		in.log.Error("segments lost: the meeting's archive key is damaged", "meeting", id, "segments", len(b.segments), "err", err)
		return nil
	}
	return err
}
