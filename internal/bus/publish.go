package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"souffleur/internal/meeting"
)

// Message is one record on the bus.
type Message struct {
	Topic     Topic
	Partition int
	Offset    int64      // set when read
	Key       string     // opaque IDs only: keys outlive values and appear in metrics
	Meeting   meeting.ID // whose key seals Value; travels in a header
	Time      time.Time  // set when read: when the broker got it. Media time belongs in the value
	Value     []byte     // sealed; nil retracts the key in a compacted topic
}

// keyHeader names the key that opens the value.
const keyHeader = "kid"

// audioTimeout bounds one attempt to publish audio. The recorder then asks the policy again before the next one.
const audioTimeout = 3 * time.Second

// Publish writes m to m.Partition of m.Topic and returns when the broker has it. How hard it tries depends on the topic:
//
//   - audio: one attempt of at most 3 s, so that the caller can stop between attempts;
//   - captions: one attempt;
//   - all others: every in-sync broker must have it, and it is tried until ctx ends or the broker refuses it for good.
//
// After an error the broker may still have the record, and after a lost answer it has it twice: readers drop doubles by
// sequence or by ID. Publish the same sealed bytes again, never bytes sealed anew.
func (b *Bus) Publish(ctx context.Context, m Message) error {
	spec, ok := specOf(m.Topic)
	if !ok {
		return fmt.Errorf("publish: no topic %q", m.Topic)
	}
	if m.Partition < 0 || m.Partition >= b.Partitions(m.Topic) {
		return fmt.Errorf("publish to %s: no partition %d", m.Topic, m.Partition)
	}
	record := kafka.Message{
		Topic:      b.name(m.Topic),
		Key:        []byte(m.Key),
		Value:      m.Value,
		Headers:    []kafka.Header{{Key: keyHeader, Value: []byte(m.Meeting)}},
		WriterData: m.Partition, // read by explicitPartition
		// Time stays zero. Retention goes by it: a stamp from the past would be deleted at once, and on the embedded
		// broker everything before it, too.
	}
	writer := b.writers[spec.publish]
	var err error
	if spec.publish == durable {
		err = b.writeUntilDone(ctx, writer, record)
	} else {
		err = writeOnce(ctx, writer, record)
	}
	if err != nil {
		return fmt.Errorf("publish to %s: %w", m.Topic, err)
	}
	return nil
}

func writeOnce(ctx context.Context, writer *kafka.Writer, record kafka.Message) error {
	// In a process that was held still, timers fire late, and what the Writer was given once is sent whatever becomes of ctx.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	ctx, cancel := context.WithTimeout(ctx, writer.WriteTimeout)
	defer cancel()
	err := writer.WriteMessages(ctx, record)
	var each kafka.WriteErrors
	if errors.As(err, &each) && len(each) == 1 {
		return each[0]
	}
	return err
}

// writeUntilDone outlasts a broker that restarts. The Writer's own retries are off: they would go on after ctx.
func (b *Bus) writeUntilDone(ctx context.Context, writer *kafka.Writer, record kafka.Message) error {
	err := b.retry(ctx, func() error {
		err := writeOnce(ctx, writer, record)
		if err != nil && ctx.Err() == nil && !permanent(err) {
			b.publishing.failed(err)
		}
		return err
	})
	switch {
	case err == nil:
		b.publishing.ended()
	case ctx.Err() != nil:
		return fmt.Errorf("%w, last error: %w", ctx.Err(), err)
	}
	return err
}

// openWriters makes one writer per kind of delivery. A batch leaves when it has 100 records or after BatchTimeout; one
// record at a time is quicker at little load but collapses at some thousand records a second. A server ends the records of all its
// tracks at one moment, so a millisecond is enough to gather what stands in one partition (make bench-bus). What is durable is rare,
// some tens a second, and each record leaves at once: a recogniser that is held still must not find a final waiting that another
// has published meanwhile.
func (b *Bus) openWriters() {
	writer := func(acks kafka.RequiredAcks, size int, batch, timeout time.Duration) *kafka.Writer {
		return &kafka.Writer{
			Addr:         b.client.Addr,
			Transport:    b.transport,
			Balancer:     kafka.BalancerFunc(explicitPartition),
			MaxAttempts:  1,
			BatchTimeout: batch,
			BatchSize:    size,
			BatchBytes:   maxBatchBytes,
			ReadTimeout:  timeout,
			WriteTimeout: timeout,
			RequiredAcks: acks,
		}
	}
	b.writers = map[delivery]*kafka.Writer{
		once:      writer(kafka.RequireOne, 100, time.Millisecond, audioTimeout),
		droppable: writer(kafka.RequireOne, 100, 5*time.Millisecond, audioTimeout),
		durable:   writer(kafka.RequireAll, 1, 5*time.Millisecond, 10*time.Second),
	}
}

// maxBatchBytes bounds a batch and so a record. Brokers take 1 MiB; the rest is the batch's own header.
const maxBatchBytes = 1<<20 - 4096

// explicitPartition puts a record where Publish was told to.
func explicitPartition(m kafka.Message, partitions ...int) int {
	partition, ok := m.WriterData.(int)
	if !ok || partition < 0 || partition >= len(partitions) {
		return 0 // Publish has checked it; a topic that has shrunk since is not ours to repair
	}
	return partition
}
