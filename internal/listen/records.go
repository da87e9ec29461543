package listen

import (
	"context"
	"time"

	"souffleur/internal/bus"
)

// Partition is where records come from.
type Partition interface {
	Next(ctx context.Context) (bus.Message, error)
}

const readRetry = 500 * time.Millisecond // between attempts to read from a bus that is away

// Records hands the records of a partition over, in order, until ctx ends.
func Records(ctx context.Context, p Partition, records chan<- bus.Message) {
	for {
		m, err := p.Next(ctx)
		if err != nil {
			select {
			case <-time.After(readRetry):
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case records <- m:
		case <-ctx.Done():
			return
		}
	}
}
