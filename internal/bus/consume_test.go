package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// worker consumes a topic and notes what it reads; it commits after every record.
type worker struct {
	notebook
	mu       sync.Mutex // guards assigned
	assigned map[int]*Assignment
}

func (w *worker) handle(ctx context.Context, a *Assignment) error {
	w.mu.Lock()
	if w.assigned == nil {
		w.assigned = make(map[int]*Assignment)
	}
	w.assigned[a.Partition] = a
	w.mu.Unlock()
	for {
		m, err := a.Next(ctx)
		if err != nil {
			return err
		}
		w.note(m)
		if err := a.Commit(ctx, m.Offset+1, "after "+string(m.Value)); err != nil && !errors.Is(err, ErrFenced) && ctx.Err() == nil {
			return err
		}
	}
}

// assignments counts the partitions that the worker has had.
func (w *worker) assignments() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.assigned)
}

// assignment waits until the partition is assigned.
func (w *worker) assignment(t *testing.T, partition int) *Assignment {
	t.Helper()
	var a *Assignment
	eventually(t, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if a = w.assigned[partition]; a == nil {
			return errors.New("not assigned")
		}
		return nil
	})
	return a
}

func TestAGroupResumesAtItsCommitWithMetadata(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 3, "a", "b")
		var first worker
		stop := running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, first.handle) })
		first.awaits(t, 3, []string{"a", "b"})
		if a := first.assignment(t, 3); a.Committed != -1 || a.First != 0 || a.End != 2 || a.Metadata != "" || a.Lost() != 0 {
			t.Errorf("a new group's assignment is %+v", a)
		}
		eventually(t, func() error {
			committed, err := b.CommittedOffsets(t.Context(), "asr", Audio)
			if err == nil && (committed[3] != 2 || committed[0] != -1) {
				err = fmt.Errorf("committed %v", committed)
			}
			return err
		})
		stop()

		publish(t, b, Audio, 3, "c")
		ends, err := b.EndOffsets(t.Context(), Audio)
		if err != nil || ends[3] != 3 || ends[0] != 0 {
			t.Errorf("ends %v, %v", ends, err)
		}
		var second worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, second.handle) })
		second.awaits(t, 3, []string{"c"})
		if a := second.assignment(t, 3); a.Committed != 2 || a.Metadata != "after b" {
			t.Errorf("resumed with %+v", a)
		}
	})
}

func TestTwoWorkersShareThePartitionsAndALeaverHandsHisOver(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		one, two := s.open(t), s.open(t)
		var a, b worker
		stop := running(t, func(ctx context.Context) error { return one.Consume(ctx, "asr", Audio, a.handle) })
		a.assignment(t, 7)
		running(t, func(ctx context.Context) error { return two.Consume(ctx, "asr", Audio, b.handle) })
		eventually(t, func() error {
			if n := b.assignments(); n != 4 {
				return fmt.Errorf("the second worker has %d of 8 partitions", n)
			}
			return nil
		})
		for p := range 8 {
			publish(t, one, Audio, p, "x")
		}
		eventually(t, func() error {
			for p := range 8 {
				if len(a.of(p))+len(b.of(p)) == 0 {
					return fmt.Errorf("nobody has read partition %d", p)
				}
			}
			return nil
		})
		stop()
		for p := range 8 {
			publish(t, two, Audio, p, "y")
		}
		eventually(t, func() error {
			for p := range 8 {
				if got := b.of(p); len(got) == 0 || got[len(got)-1] != "y" {
					return fmt.Errorf("partition %d was not handed over: %q", p, got)
				}
			}
			return nil
		})
	})
}

// A zombie is a worker whose group has given its partitions to others while it was not looking.
func TestACommitOfAZombieIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 0, "a", "b")
		zombies := make(chan *Assignment, 8)
		stop := running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", Audio, func(ctx context.Context, a *Assignment) error {
				if a.Partition == 0 {
					if err := a.Commit(ctx, 1, "mine"); err != nil {
						t.Error(err)
					}
					zombies <- a
				}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		zombie := <-zombies
		stop()
		if err := zombie.Commit(t.Context(), 2, "stale"); !errors.Is(err, ErrFenced) {
			t.Errorf("after leaving: %v, want ErrFenced", err)
		}
		var next worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, next.handle) })
		next.awaits(t, 0, []string{"b"})
		if err := zombie.Commit(t.Context(), 0, "stale"); !errors.Is(err, ErrFenced) {
			t.Errorf("under a new owner: %v, want ErrFenced", err)
		}
		if a := next.assignment(t, 0); a.Metadata != "mine" {
			t.Errorf("the new owner found %q", a.Metadata)
		}
	})
}

func TestMetadataHasTheSameLimitEverywhere(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		result := make(chan [2]error, 8)
		running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", DeadLetters, func(ctx context.Context, a *Assignment) error {
				fits := a.Commit(ctx, 0, strings.Repeat("m", MaxMetadata))
				result <- [2]error{fits, a.Commit(ctx, 0, strings.Repeat("m", MaxMetadata+1))}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		got := <-result
		if got[0] != nil {
			t.Errorf("4096 bytes: %v", got[0])
		}
		if !errors.Is(got[1], ErrMetadata) {
			t.Errorf("4097 bytes: %v, want ErrMetadata", got[1])
		}
		_, metadata, err := b.committed(t.Context(), "asr", DeadLetters, 0)
		if err != nil || len(metadata) != MaxMetadata {
			t.Errorf("%d bytes came back, %v", len(metadata), err)
		}
	})
}

func TestAHandlerThatFailsIsGivenItsPartitionAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	b := s.open(t)
	publish(t, b, DeadLetters, 0, "a", "b")
	var seen notebook
	running(t, func(ctx context.Context) error {
		return b.Consume(ctx, "asr", DeadLetters, func(ctx context.Context, a *Assignment) error {
			m, err := a.Next(ctx)
			if err != nil {
				return err
			}
			seen.note(m)
			if err := a.Commit(ctx, m.Offset+1, ""); err != nil {
				return err
			}
			return errors.New("broken")
		})
	})
	seen.awaits(t, 0, []string{"a", "b"})
}
