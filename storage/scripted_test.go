package storage

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// scriptedBus is a bus in memory: logs that keep everything, one member per group, commits that can be made to fail.
type scriptedBus struct {
	mu        sync.Mutex
	logs      map[bus.Topic][][]bus.Message
	committed map[string]map[bus.Topic][]int64
	changed   chan struct{}            // closed and replaced when something was written
	refuse    func(group string) error // asked before every commit; nil: none fails
	away      bool                     // nothing is published
}

const scriptedPartitions = 2

func newScriptedBus() *scriptedBus {
	b := &scriptedBus{logs: map[bus.Topic][][]bus.Message{}, committed: map[string]map[bus.Topic][]int64{}, changed: make(chan struct{})}
	for _, topic := range bus.Topics() {
		b.logs[topic] = make([][]bus.Message, scriptedPartitions)
	}
	return b
}

func (b *scriptedBus) positionsLocked(group string, topic bus.Topic) []int64 {
	if b.committed[group] == nil {
		b.committed[group] = map[bus.Topic][]int64{}
	}
	if b.committed[group][topic] == nil {
		b.committed[group][topic] = []int64{-1, -1}
	}
	return b.committed[group][topic]
}

// publish appends a sealed record.
func (b *scriptedBus) publish(t testing.TB, key seal.Key, topic bus.Topic, partition int, id meeting.ID, recordKey string, v any) {
	t.Helper()
	value, err := bus.SealJSON(key, topic, recordKey, v)
	must(t, err)
	b.append(bus.Message{Topic: topic, Partition: partition, Key: recordKey, Meeting: id, Value: value})
}

// Publish implements Records.
func (b *scriptedBus) Publish(ctx context.Context, m bus.Message) error {
	b.mu.Lock()
	away := b.away
	b.mu.Unlock()
	if away {
		return errors.New("the broker is away")
	}
	b.append(m)
	return ctx.Err()
}

// records returns what stands on a topic, partition by partition.
func (b *scriptedBus) records(topic bus.Topic) []bus.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Concat(b.logs[topic]...)
}

func (b *scriptedBus) goAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *scriptedBus) append(m bus.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.Offset = int64(len(b.logs[m.Topic][m.Partition]))
	b.logs[m.Topic][m.Partition] = append(b.logs[m.Topic][m.Partition], m)
	close(b.changed)
	b.changed = make(chan struct{})
}

// at waits for the record at an offset.
func (b *scriptedBus) at(ctx context.Context, topic bus.Topic, partition int, offset int64) (bus.Message, error) {
	for {
		b.mu.Lock()
		log, changed := b.logs[topic][partition], b.changed
		b.mu.Unlock()
		if offset < int64(len(log)) {
			return log[offset], ctx.Err()
		}
		select {
		case <-ctx.Done():
			return bus.Message{}, ctx.Err()
		case <-changed:
		}
	}
}

func (b *scriptedBus) commit(group string, topic bus.Topic, partition int, offset int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.positionsLocked(group, topic)[partition] = offset
}

func (b *scriptedBus) position(group string, topic bus.Topic, partition int) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.positionsLocked(group, topic)[partition]
}

func (b *scriptedBus) refuseCommits(refuse func(string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = refuse
}

func (b *scriptedBus) consume(ctx context.Context, group string, topic bus.Topic, handle func(context.Context, partition) error) error {
	var work sync.WaitGroup
	for p := range scriptedPartitions {
		work.Go(func() {
			next := max(b.position(group, topic, p), 0)
			_ = handle(ctx, &scriptedPartition{bus: b, group: group, topic: topic, partition: p, next: next})
		})
	}
	work.Wait()
	<-ctx.Done()
	return ctx.Err()
}

func (b *scriptedBus) Follow(ctx context.Context, topic bus.Topic, opts bus.FollowOptions, fn func(bus.Message)) error {
	var at [scriptedPartitions]int64
	deliver := func() chan struct{} {
		b.mu.Lock()
		var fresh []bus.Message
		for p := range at {
			fresh = append(fresh, b.logs[topic][p][at[p]:]...)
			at[p] = int64(len(b.logs[topic][p]))
		}
		changed := b.changed
		b.mu.Unlock()
		for _, m := range fresh {
			fn(m)
		}
		return changed
	}
	changed := deliver()
	if opts.CaughtUp != nil {
		opts.CaughtUp()
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			changed = deliver()
		}
	}
}

func (b *scriptedBus) PartitionOf(_ bus.Topic, id meeting.ID) int {
	if id == "" {
		return 0
	}
	return int(id[len(id)-1]) % scriptedPartitions
}

func (b *scriptedBus) EndOffsets(_ context.Context, topic bus.Topic) ([]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ends := make([]int64, scriptedPartitions)
	for p, log := range b.logs[topic] {
		ends[p] = int64(len(log))
	}
	return ends, nil
}

func (b *scriptedBus) CommittedOffsets(_ context.Context, group string, topic bus.Topic) ([]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]int64(nil), b.positionsLocked(group, topic)...), nil
}

// scriptedPartition is an assignment of the scripted bus.
type scriptedPartition struct {
	bus       *scriptedBus
	group     string
	topic     bus.Topic
	partition int
	next      int64
}

func (p *scriptedPartition) Next(ctx context.Context) (bus.Message, error) {
	m, err := p.bus.at(ctx, p.topic, p.partition, p.next)
	if err == nil {
		p.next++
	}
	return m, err
}

func (p *scriptedPartition) Commit(_ context.Context, offset int64, _ string) error {
	p.bus.mu.Lock()
	refuse := p.bus.refuse
	p.bus.mu.Unlock()
	if refuse != nil {
		if err := refuse(p.group); err != nil {
			return err
		}
	}
	p.bus.commit(p.group, p.topic, p.partition, offset)
	return nil
}

func (p *scriptedPartition) Lost() int64 { return 0 }
