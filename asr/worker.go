package asr

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/listen"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// Group is the consumer group of the recognisers on audio.v1. When it has committed past a record, everything said there has
// become a final, or never will.
const Group = "asr"

// WorkerConfig wires a worker.
type WorkerConfig struct {
	Bus  *bus.Bus
	Keys listen.LiveKeys
	// KeyGone says of an error of Keys that the key was deleted for good: the meeting's records cannot and need not be read.
	// Other errors are waited out.
	KeyGone func(error) bool
	Engines []Engine // to choose from; the first is there for whoever no other suits
	// Standard names those of Engines that are used where a room chose none; "": the first. All other fields are needed.
	Standard    meeting.Engines
	NewDetector func() (VoiceDetector, error) // called once for each track
	Workers     int                           // recognisers at work at once; one for each core
	Log         *slog.Logger
}

// Validate says what is missing.
func (c WorkerConfig) Validate() error {
	switch {
	case c.Bus == nil:
		return errors.New("recognition needs a bus")
	case c.Keys == nil, c.KeyGone == nil:
		return errors.New("recognition needs the keys of meetings (Keys), and to know which error means that one was deleted (KeyGone)")
	case c.NewDetector == nil:
		return errors.New("recognition needs a voice detection model")
	case c.Workers < 1 || c.Workers > 256:
		return fmt.Errorf("recognition with %d workers: use 1 to 256", c.Workers)
	case c.Log == nil:
		return errors.New("recognition needs a log")
	}
	return newEngines(c.Engines, c.Standard).validate()
}

// statusEvery is how often each live meeting is told how its captions do.
const statusEvery = 2 * time.Second

// maxDrafts bounds what waits to be published on captions.v1: half a second of everybody talking. When it is full the newest
// partial is dropped and counted; the next one of its utterance says more.
const maxDrafts = 256

// Worker recognises the speech of all meetings whose audio its consumer group gives it.
type Worker struct {
	cfg     WorkerConfig // set once
	name    string       // set once; for who counts workers
	bus     busPort      // set once
	roster  *listen.Roster
	keys    listen.Keys // set once
	jobs    *scheduler
	counts  *counts
	drafts  chan draft // see maxDrafts
	lags    *lags
	engines *engines
	ledger  *ledger
	ready   atomic.Bool // a recogniser is made
}

// NewWorker returns a worker that does nothing until Run.
func NewWorker(cfg WorkerConfig) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return newWorker(cfg, realBus{cfg.Bus}), nil
}

func newWorker(cfg WorkerConfig, b busPort) *Worker {
	return &Worker{
		cfg: cfg, name: rand.Text(), bus: b, roster: listen.NewRoster(), keys: listen.Keys{Live: cfg.Keys, Gone: cfg.KeyGone, Log: cfg.Log}, jobs: newScheduler(cfg.Workers), counts: &counts{},
		drafts: make(chan draft, maxDrafts), lags: newLags(), engines: newEngines(cfg.Engines, cfg.Standard),
		ledger: newLedger(),
	}
}

// Run recognises until ctx ends; then it commits how far it came, stops its recognisers and returns nil. Everything not
// yet published is found again by the next worker. Its error is that a model could not be used.
func (w *Worker) Run(ctx context.Context) error {
	stopped := ctx
	ctx, fail := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer fail(nil)

	caughtUp := make(chan struct{})
	wg.Go(func() { w.followMeetings(ctx, fail, func() { close(caughtUp) }) })
	wg.Go(func() { w.followFinals(ctx, fail) })
	for range w.cfg.Workers {
		wg.Go(func() {
			h := &hand{engines: w.engines, made: make(map[string]Recognizer), log: w.cfg.Log}
			if err := serve(ctx, w.jobs, h, func() { w.ready.Store(true) }); err != nil {
				fail(err)
			}
		})
	}
	select {
	case <-caughtUp: // only now the policies of all meetings are known
		w.consume(ctx, &wg, fail)
	case <-ctx.Done():
	}
	if stopped.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// consume works through the audio until ctx ends.
func (w *Worker) consume(ctx context.Context, wg *sync.WaitGroup, fail context.CancelCauseFunc) {
	wg.Go(func() { w.publishDrafts(ctx) })
	wg.Go(func() { w.reportStatus(ctx) })
	wg.Go(func() { w.weighLoad(ctx) })
	err := w.bus.Consume(ctx, Group, bus.Audio, func(ctx context.Context, a assignment) error {
		if err := w.awaitFinals(ctx); err != nil {
			return err
		}
		return newPartition(ctx, w, a, fail).run()
	})
	if ctx.Err() == nil {
		fail(fmt.Errorf("recognise: %w", err))
	}
}

// engineFor names the engine of a meeting for a role.
func (w *Worker) engineFor(id meeting.ID, r role) string {
	return w.engines.of(r, w.roster.Engines(id), "").Name
}

// followMeetings keeps the roster.
func (w *Worker) followMeetings(ctx context.Context, fail context.CancelCauseFunc, caughtUp func()) {
	err := w.roster.Follow(ctx, w.bus, w.keys, caughtUp, func(m bus.Message) {
		w.deadLetter(ctx, m, "meeting event does not open")
	})
	if err != nil && ctx.Err() == nil {
		fail(fmt.Errorf("follow meetings: %w", err))
	}
}

// key returns the live key of a meeting, as long as it takes. The errors are listen.ErrKeyGone and that of ctx.
func (w *Worker) key(ctx context.Context, id meeting.ID) (seal.Key, error) {
	return w.keys.Wait(ctx, id)
}

// sleep waits for d; false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
