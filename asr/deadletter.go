package asr

import (
	"context"
	"time"

	"souffleur/internal/bus"
)

// deadLetterWithin bounds the attempt to publish one: it must not hold up speech.
const deadLetterWithin = 3 * time.Second

// deadLetter notes a record that could not be read, without what it holds.
func (w *Worker) deadLetter(ctx context.Context, m bus.Message, reason string) {
	w.counts.add(func(n *Counts) { n.DeadLetters++ })
	w.cfg.Log.Warn(reason, "topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "meeting", m.Meeting)
	ctx, cancel := context.WithTimeout(ctx, deadLetterWithin)
	defer cancel()
	err := w.bus.Publish(ctx, bus.DeadLetter(m, reason, w.bus.PartitionOf(bus.DeadLetters, m.Meeting)))
	if err != nil && ctx.Err() == nil {
		w.cfg.Log.Warn("publish dead letter", "err", err)
	}
}
