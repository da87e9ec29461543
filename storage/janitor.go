package storage

import (
	"context"
	"log/slog"
	"time"
)

// sweepEvery is how often the janitor looks: expired sign-ins and links are refused at once, so their objects may wait.
const sweepEvery = time.Hour

// Janitor deletes what has expired: sign-ins and one-time links. Several may work side by side.
type Janitor struct {
	sessions *Sessions
	links    *Links
	log      *slog.Logger
}

// NewJanitor returns a janitor that begins with Run.
func NewJanitor(sessions *Sessions, links *Links, log *slog.Logger) *Janitor {
	return &Janitor{sessions: sessions, links: links, log: log}
}

// Run sweeps at once and then every hour until ctx ends, whose error it returns.
func (j *Janitor) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		j.sweep(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (j *Janitor) sweep(ctx context.Context) {
	for what, sweep := range map[string]func(context.Context) (int, error){"sessions": j.sessions.Sweep, "links": j.links.Sweep} {
		n, err := sweep(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			j.log.Warn("what has expired could not be deleted, trying again in an hour", "what", what, "err", err)
		case n > 0:
			j.log.Info("deleted what has expired", "what", what, "objects", n)
		}
	}
}
