package asr

import (
	"context"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// busPort is what a worker needs of the bus. Tests script it.
type busPort interface {
	Follow(ctx context.Context, t bus.Topic, o bus.FollowOptions, fn func(bus.Message)) error
	Consume(ctx context.Context, group string, t bus.Topic, handle func(ctx context.Context, a assignment) error) error
	Publish(ctx context.Context, m bus.Message) error
	EndOffsets(ctx context.Context, t bus.Topic) ([]int64, error)
	PartitionOf(t bus.Topic, id meeting.ID) int
	AudioPartition(id meeting.ID, joinIndex int) int
}

// assignment is a partition of audio.v1 that belongs to this worker for one generation of the group.
type assignment interface {
	Next(ctx context.Context) (bus.Message, error)
	Commit(ctx context.Context, offset int64, metadata string) error
	position() position
}

// position is where a partition stood when it was assigned.
type position struct {
	partition int
	committed int64  // of the last commit; -1: none
	next      int64  // offset of the first record that Next returns
	end       int64  // offset after the last record there was
	metadata  string // of the last commit
}

// realBus is the bus itself.
type realBus struct{ *bus.Bus }

// Consume implements busPort.
func (b realBus) Consume(ctx context.Context, group string, t bus.Topic, handle func(context.Context, assignment) error) error {
	return b.Bus.Consume(ctx, group, t, func(ctx context.Context, a *bus.Assignment) error {
		return handle(ctx, realAssignment{a})
	})
}

type realAssignment struct{ *bus.Assignment }

func (a realAssignment) position() position {
	return position{partition: a.Partition, committed: a.Committed, next: max(a.Committed, a.First), end: a.End, metadata: a.Metadata}
}
