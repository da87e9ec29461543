package asr

import (
	"context"
	"sync"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// tape is a bus in memory for long meetings: it forgets audio that is committed, and hands captions and segments to who
// listens instead of keeping them. One worker, one generation.
type tape struct {
	heard func(bus.Message) // captions and segments, as they are published; one call at a time

	telling sync.Mutex // held while heard is called; taken before mu, never after

	mu     sync.Mutex // guards what follows
	audio  [2]lane
	events []bus.Message
	news   chan struct{} // closed and replaced when a record comes
}

// lane is a partition of audio.
type lane struct {
	first   int64         // offset of records[0]
	records []bus.Message // not committed yet
}

func newTape(heard func(bus.Message)) *tape {
	return &tape{heard: heard, news: make(chan struct{})}
}

// Publish implements busPort.
func (b *tape) Publish(ctx context.Context, m bus.Message) error {
	if m.Topic == bus.Captions || m.Topic == bus.Segments {
		b.telling.Lock()
		defer b.telling.Unlock()
		b.heard(m)
		return ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.Topic == bus.Audio {
		l := &b.audio[m.Partition]
		m.Offset = l.first + int64(len(l.records))
		l.records = append(l.records, m)
	} else {
		m.Offset = int64(len(b.events))
		b.events = append(b.events, m)
	}
	close(b.news)
	b.news = make(chan struct{})
	return ctx.Err()
}

// next waits for the record at offset.
func (b *tape) next(ctx context.Context, records func() ([]bus.Message, int64), offset int64) (bus.Message, error) {
	for {
		b.mu.Lock()
		all, first := records()
		news := b.news
		if offset >= first && offset < first+int64(len(all)) {
			m := all[offset-first]
			b.mu.Unlock()
			return m, nil
		}
		b.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return bus.Message{}, ctx.Err()
		}
	}
}

// Follow implements busPort for the events of meetings. Finals of before there are none.
func (b *tape) Follow(ctx context.Context, topic bus.Topic, o bus.FollowOptions, fn func(bus.Message)) error {
	if topic == bus.Segments {
		o.CaughtUp()
		<-ctx.Done()
		return ctx.Err()
	}
	b.mu.Lock()
	end := int64(len(b.events))
	b.mu.Unlock()
	for at := int64(0); ; at++ {
		if at == end {
			o.CaughtUp()
		}
		m, err := b.next(ctx, func() ([]bus.Message, int64) { return b.events, 0 }, at)
		if err != nil {
			return err
		}
		fn(m)
	}
}

// EndOffsets implements busPort.
func (b *tape) EndOffsets(_ context.Context, topic bus.Topic) ([]int64, error) {
	if topic != bus.Audio {
		return make([]int64, len(b.audio)), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var ends []int64
	for _, l := range b.audio {
		ends = append(ends, l.first+int64(len(l.records)))
	}
	return ends, nil
}

// PartitionOf implements busPort.
func (b *tape) PartitionOf(bus.Topic, meeting.ID) int { return 0 }

// AudioPartition implements busPort.
func (b *tape) AudioPartition(_ meeting.ID, index int) int { return index % len(b.audio) }

// Consume implements busPort.
func (b *tape) Consume(ctx context.Context, _ string, _ bus.Topic, handle func(context.Context, assignment) error) error {
	var wg sync.WaitGroup
	for p := range b.audio {
		wg.Go(func() { handle(ctx, &reel{b: b, partition: p}) })
	}
	wg.Wait()
	<-ctx.Done()
	return ctx.Err()
}

// allCommitted says whether everything said became a final, or never will.
func (b *tape) allCommitted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.audio {
		if len(l.records) > 0 {
			return false
		}
	}
	return true
}

// reel is one partition of a tape, from its beginning.
type reel struct {
	b         *tape
	partition int
	at        int64
}

func (r *reel) position() position { return position{partition: r.partition, committed: -1} }

func (r *reel) Next(ctx context.Context) (bus.Message, error) {
	l := &r.b.audio[r.partition]
	m, err := r.b.next(ctx, func() ([]bus.Message, int64) { return l.records, l.first }, r.at)
	if err == nil {
		r.at++
	}
	return m, err
}

func (r *reel) Commit(ctx context.Context, offset int64, _ string) error {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l := &r.b.audio[r.partition]
	if done := offset - l.first; done > 0 {
		l.records = append([]bus.Message(nil), l.records[done:]...) // a fresh array: the old one is freed
		l.first = offset
	}
	return nil
}
