package diarize

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"souffleur/internal/bus"
	"souffleur/internal/listen"
	"souffleur/internal/meeting"
	"souffleur/internal/voicebook"
)

// Group is the consumer group on audio.v1. It commits no further than where the oldest microphone that it listens to began: after a
// crash the last minutes are heard again, because what was heard is in memory only.
const Group = "diarize"

// maxProbes is how many microphones of single people a worker probes at once; others have their turn later.
const maxProbes = 2

// WorkerConfig wires a worker. All fields are needed.
type WorkerConfig struct {
	Bus  *bus.Bus
	Keys listen.LiveKeys
	// KeyGone says of an error of Keys that the key was deleted for good.
	KeyGone func(error) bool
	// NewTracker is called once for each microphone. room says that several people share it; headcount is how many, 0 if that is
	// not known.
	NewTracker func(room bool, headcount int) (Tracker, error)
	Log        *slog.Logger
}

// Validate says what is missing.
func (c WorkerConfig) Validate() error {
	switch {
	case c.Bus == nil:
		return errors.New("telling voices apart needs a bus")
	case c.Keys == nil, c.KeyGone == nil:
		return errors.New("telling voices apart needs the keys of meetings (Keys), and to know which error means that one was deleted (KeyGone)")
	case c.NewTracker == nil:
		return errors.New("telling voices apart needs a model (NewTracker)")
	case c.Log == nil:
		return errors.New("telling voices apart needs a log")
	}
	return nil
}

// Worker listens to the shared microphones of all meetings whose audio its consumer group gives it.
type Worker struct {
	cfg    WorkerConfig // set once
	keys   listen.Keys  // set once
	roster *listen.Roster
	probes chan struct{} // holds a value for each probe that goes on
}

// NewWorker returns a worker that does nothing until Run.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Worker{
		cfg: cfg, keys: listen.Keys{Live: cfg.Keys, Gone: cfg.KeyGone, Log: cfg.Log}, roster: listen.NewRoster(),
		probes: make(chan struct{}, maxProbes),
	}, nil
}

// Run listens until ctx ends, then returns nil.
func (w *Worker) Run(ctx context.Context) error {
	stopped := ctx
	ctx, fail := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer fail(nil)
	caughtUp := make(chan struct{})
	wg.Go(func() {
		err := w.roster.Follow(ctx, w.cfg.Bus, w.keys, func() { close(caughtUp) }, func(bus.Message) {})
		if err != nil && ctx.Err() == nil {
			fail(fmt.Errorf("follow meetings: %w", err))
		}
	})
	select {
	case <-caughtUp: // only now the policies of all meetings are known
		err := w.cfg.Bus.Consume(ctx, Group, bus.Audio, w.listen)
		if ctx.Err() == nil {
			fail(fmt.Errorf("tell voices apart: %w", err))
		}
	case <-ctx.Done():
	}
	if stopped.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// listen works on one partition until its generation of the group ends.
func (w *Worker) listen(ctx context.Context, a *bus.Assignment) error {
	books, err := w.published(ctx)
	if err != nil {
		return err
	}
	return newPartition(ctx, w, a, books).run()
}

// who is a participant of a meeting.
type who struct {
	meeting     meeting.ID
	participant meeting.ParticipantID
}

// published reads what speakers.v1 holds at this moment. Its only error is that of ctx.
func (w *Worker) published(ctx context.Context) (map[who]*voicebook.Book, error) {
	reading, caughtUp := context.WithCancel(ctx)
	defer caughtUp()
	books := make(map[who]*voicebook.Book) // bounded by what the topic keeps: shared microphones of a day
	gone := make(map[meeting.ID]bool)
	err := w.cfg.Bus.Follow(reading, bus.Speakers, bus.FollowOptions{CaughtUp: caughtUp}, func(m bus.Message) {
		if gone[m.Meeting] {
			return
		}
		key, err := w.keys.Wait(reading, m.Meeting)
		if errors.Is(err, listen.ErrKeyGone) {
			gone[m.Meeting] = true
		}
		if err != nil {
			return
		}
		v, err := bus.OpenVoices(key, m)
		if err != nil {
			w.cfg.Log.Warn("a record of voices does not open", "meeting", m.Meeting, "offset", m.Offset, "err", err)
			return
		}
		id := who{v.Meeting, v.Participant}
		if books[id] == nil {
			books[id] = voicebook.New(v.Participant)
		}
		books[id].Apply(v)
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if reading.Err() == nil {
		return nil, fmt.Errorf("read what is known of voices: %w", err)
	}
	return books, nil
}
