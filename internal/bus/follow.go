package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// FollowOptions say where to begin and whom to tell.
type FollowOptions struct {
	// Since leaves out records that came before; zero begins at the start of the log.
	Since time.Time
	// Partitions are those to follow; nil: all.
	Partitions []int
	// CaughtUp is called once, when all records that existed when Follow was called have been delivered. It may be nil.
	CaughtUp func()
}

// Follow delivers every record of topic to fn, now and from now on, in the order of each partition. Everybody who
// follows sees all of it; there is no group and no commit. fn and CaughtUp are called by one goroutine at a time, and
// while fn works nothing more is read. Follow waits out a broker that is away; it returns when ctx ends, with its error.
// A record may come twice when its publisher had to try twice.
func (b *Bus) Follow(ctx context.Context, topic Topic, opts FollowOptions, fn func(Message)) error {
	if b.Partitions(topic) == 0 {
		return fmt.Errorf("follow: no topic %q", topic)
	}
	f := &follower{bus: b, topic: topic, caughtUp: opts.CaughtUp, partitions: opts.Partitions}
	if f.partitions == nil {
		f.partitions = allPartitions(b.Partitions(topic))
	}
	for _, p := range f.partitions {
		if p < 0 || p >= b.Partitions(topic) {
			return fmt.Errorf("follow %s: no partition %d", topic, p)
		}
	}
	if err := f.begin(ctx, opts.Since); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("follow %s: %w", topic, err)
	}
	f.run(ctx, fn)
	return ctx.Err()
}

// follower reads partitions of a topic into one function.
type follower struct {
	bus        *Bus
	topic      Topic
	partitions []int
	caughtUp   func()        // nil once called
	at         map[int]int64 // by partition: the next offset to deliver
	missing    map[int]int64 // partitions with records from before Follow, and where those end
}

// begin finds out where the log starts and ends.
func (f *follower) begin(ctx context.Context, since time.Time) error {
	b := f.bus
	var spans []span
	err := b.retry(ctx, func() (err error) {
		if spans, err = b.spans(ctx, f.topic, f.partitions...); err != nil {
			return err
		}
		f.at = make(map[int]int64, len(spans))
		for i, s := range spans {
			f.at[f.partitions[i]] = s.first
		}
		if !since.IsZero() {
			f.at, err = b.since(ctx, f.topic, since, f.partitions, spans)
		}
		return err
	})
	if err != nil {
		return err
	}
	f.missing = make(map[int]int64)
	for i, s := range spans {
		if p := f.partitions[i]; f.at[p] < s.end {
			f.missing[p] = s.end
		}
	}
	return nil
}

// run delivers until ctx ends.
func (f *follower) run(ctx context.Context, fn func(Message)) {
	records := make(chan Message) // unbuffered: what fn has no time for stays in Kafka
	var readers sync.WaitGroup
	for p, at := range f.at {
		readers.Go(func() { f.read(ctx, p, at, records) })
	}
	defer readers.Wait()

	check := time.NewTicker(f.bus.tune.tailCheck)
	defer check.Stop()
	f.reportIfCaughtUp()
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-records:
			fn(m)
			f.passed(m.Partition, m.Offset+1)
		case <-check.C:
			if f.caughtUp != nil {
				f.dropVanished(ctx)
			}
		}
	}
}

// read feeds one partition into records.
func (f *follower) read(ctx context.Context, partition int, at int64, records chan<- Message) {
	c := f.bus.newCursor(f.topic, partition, at)
	defer c.close()
	for {
		m, err := c.next(ctx)
		if err != nil {
			return
		}
		select {
		case records <- m:
		case <-ctx.Done():
			return
		}
	}
}

// passed notes that everything before at has been delivered.
func (f *follower) passed(partition int, at int64) {
	f.at[partition] = at
	if end, ok := f.missing[partition]; ok && at >= end {
		delete(f.missing, partition)
	}
	f.reportIfCaughtUp()
}

func (f *follower) reportIfCaughtUp() {
	if f.caughtUp != nil && len(f.missing) == 0 {
		f.caughtUp()
		f.caughtUp = nil
	}
}

// dropVanished stops waiting for records that have expired or were compacted away since Follow was called.
func (f *follower) dropVanished(ctx context.Context) {
	for partition := range f.missing {
		if f.vanished(ctx, partition) {
			delete(f.missing, partition)
		}
	}
	f.reportIfCaughtUp()
}

// vanished says that partition holds nothing between the place reached and the end waited for. If the broker does not
// answer, the next check asks again.
func (f *follower) vanished(ctx context.Context, partition int) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	spans, err := f.bus.spans(ctx, f.topic, partition)
	if err != nil {
		return false
	}
	log, at := spans[0], f.at[partition]
	if log.end < at {
		at = log.first // the log has begun anew
	}
	at = max(at, log.first)
	if at >= min(f.missing[partition], log.end) {
		return true
	}
	empty, err := f.bus.emptyFrom(ctx, f.topic, partition, at)
	return err == nil && empty
}

// emptyFrom says that the log holds no record at or after offset.
func (b *Bus) emptyFrom(ctx context.Context, topic Topic, partition int, offset int64) (bool, error) {
	response, err := b.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: b.name(topic), Partition: partition, Offset: offset,
		MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond,
	})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		return false, fmt.Errorf("look for records of %s partition %d: %w", topic, partition, err)
	}
	for {
		record, err := response.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for records of %s partition %d: %w", topic, partition, err)
		}
		if record.Offset >= offset {
			return false, nil
		}
	}
}
