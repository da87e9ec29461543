package asr

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"souffleur/internal/bus"
)

// deadLetter is what dlq.v1 keeps of a record that could not be read: where it stands, never what it holds.
type deadLetter struct {
	Topic     bus.Topic `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Reason    string    `json:"reason"`
}

// deadLetterWithin bounds the attempt to publish one: it must not hold up speech.
const deadLetterWithin = 3 * time.Second

func (w *Worker) deadLetter(ctx context.Context, m bus.Message, reason string) {
	w.counts.add(func(n *Counts) { n.DeadLetters++ })
	w.cfg.Log.Warn(reason, "topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "meeting", m.Meeting)
	value, err := json.Marshal(deadLetter{m.Topic, m.Partition, m.Offset, reason})
	if err != nil {
		return // four plain fields
	}
	ctx, cancel := context.WithTimeout(ctx, deadLetterWithin)
	defer cancel()
	key, _, _ := strings.Cut(m.Key, "/")
	err = w.bus.Publish(ctx, bus.Message{
		Topic: bus.DeadLetters, Partition: w.bus.PartitionOf(bus.DeadLetters, m.Meeting), Key: key, Meeting: m.Meeting, Value: value,
	})
	if err != nil && ctx.Err() == nil {
		w.cfg.Log.Warn("publish dead letter", "err", err)
	}
}
