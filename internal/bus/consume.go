package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// ErrFenced says that the partition belongs to another worker now. Stop: whatever is committed later is not ours.
var ErrFenced = errors.New("the partition belongs to another worker")

// ErrMetadata says that commit metadata has more than MaxMetadata bytes.
var ErrMetadata = errors.New("commit metadata is too long")

// MaxMetadata is how many bytes of metadata Kafka keeps with a commit.
const MaxMetadata = 4096

// commitAttempts bounds one Commit: a connection that died with the last broker costs one, a moved coordinator another.
const commitAttempts = 3

// Consume works through topic as a member of group: the group's members share the partitions. handle is called once for
// every partition assigned to this member, all at the same time, and again after every change of the group. Its context
// ends when the partition may go to another member; it must then return quickly, because the whole group waits.
//
// If handle returns before that, with or without an error, all partitions of this member are dealt out again after a
// second and resume at their last commit. So a handler that can retry should do so itself.
//
// Consume waits out a broker that is away; it returns when ctx ends, with its error, after all handlers have returned
// and the group has been told.
func (b *Bus) Consume(ctx context.Context, group string, topic Topic, handle func(ctx context.Context, a *Assignment) error) error {
	if b.Partitions(topic) == 0 {
		return fmt.Errorf("consume: no topic %q", topic)
	}
	b.dismissPredecessor(ctx, group)
	// Not kafka.Reader with a group: it cannot say that a partition was taken away, and after that it commits for
	// partitions that it no longer owns.
	members, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                b.groupName(group),
		Brokers:           b.cfg.Brokers,
		Dialer:            b.dialer,
		Topics:            []string{b.name(topic)},
		HeartbeatInterval: b.tune.heartbeat,
		SessionTimeout:    b.tune.session,
		RebalanceTimeout:  b.tune.rebalance,
		JoinGroupBackoff:  b.tune.joinBackoff,
		StartOffset:       kafka.FirstOffset, // a new worker must not skip
	})
	if err != nil {
		return fmt.Errorf("consume %s as %s: %w", topic, group, err)
	}
	defer members.Close()

	trouble := outage{log: b.log, what: "group " + group}
	for {
		generation, err := members.Next(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			trouble.failed(err) // the client waits joinBackoff and joins again
			continue
		}
		trouble.ended()
		b.noteMember(group, generation.MemberID)
		for _, p := range generation.Assignments[b.name(topic)] {
			generation.Start(func(ended context.Context) { b.work(ctx, ended, group, generation, topic, p.ID, handle) })
		}
	}
}

// work runs the handler of one partition. When it returns, the whole generation ends.
func (b *Bus) work(ctx, ended context.Context, group string, generation *kafka.Generation, topic Topic, partition int,
	handle func(context.Context, *Assignment) error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ended, cancel)()

	a, err := b.assign(ctx, group, generation, topic, partition)
	if err == nil {
		defer a.cursor.close()
		err = handle(ctx, a)
	}
	if ctx.Err() != nil {
		return
	}
	b.log.Warn("a handler ended early, its partitions are dealt out again", "group", group,
		"topic", topic, "partition", partition, "err", err)
	sleep(ctx, b.tune.rejoin)
}

// Assignment is a partition that belongs to this member for the time of one generation. Only Next is for one goroutine alone.
type Assignment struct {
	Topic     Topic
	Partition int
	Committed int64  // the next offset to read by the last commit, -1 if there is none
	Metadata  string // of the last commit
	First     int64  // start of the log when the partition was assigned
	End       int64  // end of the log at that time: the offset of the next record

	bus        *Bus
	group      string
	member     string
	generation int
	cursor     *cursor
}

// assign reads where the group stands and what the log holds, as long as it takes.
func (b *Bus) assign(ctx context.Context, group string, generation *kafka.Generation, topic Topic, partition int) (*Assignment, error) {
	a := &Assignment{Topic: topic, Partition: partition, bus: b,
		group: group, member: generation.MemberID, generation: int(generation.ID)}
	err := b.retry(ctx, func() (err error) {
		if a.Committed, a.Metadata, err = b.committed(ctx, a.group, topic, partition); err != nil {
			return err
		}
		spans, err := b.spans(ctx, topic, partition)
		if err != nil {
			return err
		}
		a.First, a.End = spans[0].first, spans[0].end
		return nil
	})
	if err != nil {
		return nil, err
	}
	if a.Committed > a.End {
		if err := a.beginAnew(ctx); err != nil {
			return nil, err
		}
	}
	a.cursor = b.newCursor(topic, partition, max(a.Committed, a.First))
	if a.Committed >= 0 {
		a.cursor.lost.Store(max(0, a.First-a.Committed))
	}
	return a, nil
}

// beginAnew handles a log that is shorter than what the group has read: the topic was made anew. The position is
// written back at once; later, when the log has grown past it, nobody could tell.
func (a *Assignment) beginAnew(ctx context.Context) error {
	a.bus.log.Warn("the group stands behind the end of the log, it begins anew", "group", a.group, "topic", a.Topic,
		"partition", a.Partition, "committed", a.Committed, "end", a.End)
	a.Committed = a.First
	return a.Commit(ctx, a.First, a.Metadata)
}

// Next returns the next record, from the last commit on, or from the start of the log if that is later. It waits out a
// broker that is away; its only error is that of ctx.
func (a *Assignment) Next(ctx context.Context) (Message, error) { return a.cursor.next(ctx) }

// Lost returns how many records were deleted before this member could read them, so far.
func (a *Assignment) Lost() int64 { return a.cursor.lost.Load() }

// Commit stores offset, the next record to read, and metadata, which the next owner of the partition finds in its
// Assignment. It fails with ErrFenced once the partition belongs to another member, and with ErrMetadata if metadata is
// longer than MaxMetadata. After any other error the position is unknown; commit again later.
func (a *Assignment) Commit(ctx context.Context, offset int64, metadata string) error {
	if len(metadata) > MaxMetadata {
		return fmt.Errorf("commit %s partition %d: %w: %d bytes", a.Topic, a.Partition, ErrMetadata, len(metadata))
	}
	var err error
	for attempt := range commitAttempts {
		if attempt > 0 && !sleep(ctx, a.bus.tune.backoffMax) {
			break
		}
		if err = a.commitOnce(ctx, offset, metadata); err == nil || permanent(err) || errors.Is(err, ErrFenced) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("commit %s partition %d: %w", a.Topic, a.Partition, err)
	}
	return nil
}

// commitOnce does not use Generation.CommitOffsets, which has no metadata and hides the errors of partitions.
func (a *Assignment) commitOnce(ctx context.Context, offset int64, metadata string) error {
	name := a.bus.name(a.Topic)
	response, err := a.bus.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID:      a.bus.groupName(a.group),
		GenerationID: a.generation,
		MemberID:     a.member,
		Topics:       map[string][]kafka.OffsetCommit{name: {{Partition: a.Partition, Offset: offset, Metadata: metadata}}},
	})
	if err != nil {
		return err
	}
	for _, p := range response.Topics[name] {
		if p.Partition == a.Partition {
			return commitError(p.Error)
		}
	}
	return errors.New("the broker left out the partition")
}

// commitError names the two refusals that callers act on.
func commitError(err error) error {
	switch {
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress):
		return fmt.Errorf("%w: %w", ErrFenced, err)
	case errors.Is(err, kafka.OffsetMetadataTooLarge):
		return fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	return err
}
