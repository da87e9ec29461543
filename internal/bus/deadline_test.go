package bus

import (
	"context"
	"errors"
	"testing"
	"time"
)

// late is a context whose deadline has passed and whose timer has not fired yet, as in a process that was held still.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

func TestNothingLeavesAfterItsDeadline(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if err := b.Publish(late{ctx}, Message{Topic: Segments, Partition: 1, Key: "k", Value: []byte("v")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("published, %v", err)
		}
		if ends, err := b.EndOffsets(t.Context(), Segments); err != nil || ends[1] != 0 {
			t.Errorf("the log ends at %v, %v", ends, err)
		}
	})
}
