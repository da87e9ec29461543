package bus

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/segmentio/kafka-go"

	"souffleur/internal/meeting"
)

// cursor reads one partition in order. It waits out a broker that is away and finds its place again when the log no
// longer holds it. It is for one goroutine.
type cursor struct {
	bus       *Bus
	topic     Topic
	partition int
	at        int64        // offset of the next record
	lost      atomic.Int64 // records that were gone before they were read
	dense     bool         // no compaction: a jump in the offsets is a loss
	reader    *kafka.Reader
	outage    outage
}

func (b *Bus) newCursor(topic Topic, partition int, at int64) *cursor {
	spec, _ := specOf(topic)
	return &cursor{bus: b, topic: topic, partition: partition, at: at, dense: !spec.compact,
		outage: outage{log: b.log, what: "reading " + string(topic)}}
}

// next returns the next record. Its only error is that of ctx.
func (c *cursor) next(ctx context.Context) (Message, error) {
	for {
		if c.reader == nil {
			c.open()
		}
		record, err := c.reader.FetchMessage(ctx)
		if err == nil {
			c.outage.ended()
			return c.take(record), nil
		}
		if ctx.Err() != nil {
			return Message{}, ctx.Err()
		}
		c.outage.failed(err)
		if err := c.recover(ctx, err); err != nil {
			return Message{}, err
		}
	}
}

// take counts what lies between the last record and this one.
func (c *cursor) take(record kafka.Message) Message {
	if c.dense && record.Offset > c.at {
		c.lost.Add(record.Offset - c.at)
	}
	c.at = record.Offset + 1
	m := Message{Topic: c.topic, Partition: c.partition, Offset: record.Offset, Key: string(record.Key),
		Time: record.Time, Value: record.Value}
	for _, h := range record.Headers {
		if h.Key == keyHeader {
			m.Meeting = meeting.ID(h.Value)
		}
	}
	return m
}

// recover waits a little. The reader tries on by itself, except if its place is not in the log.
func (c *cursor) recover(ctx context.Context, err error) error {
	if !sleep(ctx, c.bus.tune.backoffMax) {
		return ctx.Err()
	}
	if !errors.Is(err, kafka.OffsetOutOfRange) {
		return nil
	}
	c.close()
	return c.reposition(ctx)
}

// reposition moves to a place that the log holds. Beyond the end means that the log has begun anew: everything in it is
// unread.
func (c *cursor) reposition(ctx context.Context) error {
	var log span
	err := c.bus.retry(ctx, func() error {
		spans, err := c.bus.spans(ctx, c.topic, c.partition)
		if err == nil {
			log = spans[0]
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return nil // the next read meets the same trouble and comes back here
	case c.at < log.first:
		c.lost.Add(log.first - c.at)
		c.at = log.first
	case c.at > log.end:
		c.bus.log.Warn("the log has begun anew", "topic", c.topic, "partition", c.partition, "was", c.at, "end", log.end)
		c.at = log.first
	}
	return nil
}

func (c *cursor) open() {
	c.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers:               c.bus.cfg.Brokers,
		Dialer:                c.bus.dialer,
		Topic:                 c.bus.name(c.topic),
		Partition:             c.partition,
		QueueCapacity:         32, // what is not read yet belongs in Kafka, not here
		MinBytes:              1,
		MaxBytes:              1 << 20,
		MaxWait:               c.bus.tune.maxWait,
		ReadLagInterval:       -1,
		ReadBackoffMin:        c.bus.tune.backoffMin,
		ReadBackoffMax:        c.bus.tune.backoffMax,
		OffsetOutOfRangeError: true, // the default is to wait in silence, forever
	})
	c.reader.SetOffset(c.at) // fails only for a closed reader or a group
}

// close does not wait: closing a reader takes up to maxWait, which would hold up a rebalance. Bus.Close waits.
func (c *cursor) close() {
	if c.reader == nil {
		return
	}
	reader := c.reader
	c.reader = nil
	c.bus.closers.Go(func() { reader.Close() })
}
