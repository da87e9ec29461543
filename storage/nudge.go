package storage

import (
	"context"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// Nudge publishes an empty record on meetings.v1: everybody drops what they have in memory of the meeting and reads it again. It says
// no more than that, so it needs no key, which may be gone.
func Nudge(ctx context.Context, b Records, id meeting.ID) error {
	return b.Publish(ctx, bus.Message{
		Topic: bus.Meetings, Partition: b.PartitionOf(bus.Meetings, id), Key: string(id), Meeting: id,
	})
}
