package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"

	"golang.org/x/sync/errgroup"

	"souffleur/asr"
	"souffleur/diarize"
	"souffleur/internal/supervise"
	"souffleur/storage"
)

// nodeCmd is rooms, web and bots on one machine.
type nodeCmd struct {
	dataFlags
	nodeFlags
	busFlags
	storageFlags
	keyFlags
	Engines []string `help:"Speech engines of the recognisers that an admin may choose for a room, by the names that they know." env:"SOUFFLEUR_ENGINES" placeholder:"NAME,…"`
}

// Run serves until ctx ends.
func (c *nodeCmd) Run(ctx context.Context, log *slog.Logger) error {
	source, err := c.source("")
	if err != nil {
		return err
	}
	closers := &closeStack{}
	defer closers.close(log)
	sys, err := openSystem(ctx, c.busFlags, c.storageFlags, source, log)
	if err != nil {
		return err
	}
	closers.add("bus", sys.bus.Close)
	house, err := openHouse(ctx, c.nodeFlags, c.Data, c.Engines, sys, asrParts{}, closers, log)
	if err != nil {
		return err
	}
	if err := house.greet(ctx, house.firstRun); err != nil {
		log.Error("the admin link could not be made", "err", err)
	}
	return ignoreCancel(house.run(ctx))
}

// roleFlags are what every role needs that runs by itself beside the nodes.
type roleFlags struct {
	busFlags
	storageFlags
	keyFlags
}

// join opens the bus and the store.
func (f *roleFlags) join(ctx context.Context, log *slog.Logger) (*system, error) {
	source, err := f.source("")
	if err != nil {
		return nil, err
	}
	return openSystem(ctx, f.busFlags, f.storageFlags, source, log)
}

// archiveCmd is the archiver alone.
type archiveCmd struct{ roleFlags }

// Run archives until ctx ends.
func (c *archiveCmd) Run(ctx context.Context, log *slog.Logger) error {
	sys, err := c.join(ctx, log)
	if err != nil {
		return err
	}
	archiver, err := sys.archiver(log)
	if err != nil {
		return err
	}
	return errors.Join(ignoreCancel(archiver.Run(ctx)), sys.bus.Close())
}

// asrCmd is speech recognition alone.
type asrCmd struct {
	roleFlags
	modelFlags
	asrFlags
	Supervised bool `hidden:"" help:"End when standard input closes: the supervisor is gone."`
}

// Run recognises until ctx ends.
func (c *asrCmd) Run(ctx context.Context, log *slog.Logger) error {
	if c.Supervised {
		var stop context.CancelFunc
		ctx, stop = supervise.UntilOrphaned(ctx)
		defer stop()
	}
	engines, err := c.modelFlags.open(c.GPU, log)
	if err != nil {
		return err
	}
	defer engines.close()
	sys, err := c.join(ctx, log)
	if err != nil {
		return err
	}
	workers := c.ASRWorkers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	worker, err := asr.NewWorker(asr.WorkerConfig{
		Bus: sys.bus, Keys: sys.keys, KeyGone: func(err error) bool { return errors.Is(err, storage.ErrNoKey) },
		Engines: engines.choices(), Standard: c.standard(), NewDetector: engines.detector,
		Workers: workers, Log: log,
	})
	if err != nil {
		return err
	}
	log.Info("recognising speech", "engines", engines.names, "workers", workers)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return worker.Run(ctx) })
	err = ignoreCancel(g.Wait())
	logCounts(log, worker.Counts())
	return errors.Join(err, sys.bus.Close())
}

// logCounts says what a recogniser has done, in one line; bench/captions reads it.
func logCounts(log *slog.Logger, n asr.Counts) {
	if b, err := json.Marshal(n); err == nil { // plain numbers
		log.Info("recognition ended", "counts", string(b))
	}
}

// diarizeCmd is about voices that share a microphone.
type diarizeCmd struct {
	Listen diarizeListenCmd `cmd:"" default:"withargs" help:"Tell voices at shared microphones apart while meetings go on; this is what \"souffleur diarize\" does."`
	Score  diarizeScoreCmd  `cmd:"" help:"Compare who was said to speak with who did: RTTM files, or STM files with words."`
	Try    diarizeTryCmd    `cmd:"" hidden:"" help:"Open the operator's own models once, and say what is wrong with them."`
}

// diarizeListenCmd is that role alone.
type diarizeListenCmd struct {
	roleFlags
	modelFlags
	ownVoiceFlags
	Supervised bool `hidden:"" help:"End when standard input closes: the supervisor is gone."`
}

// Run listens until ctx ends.
func (c *diarizeListenCmd) Run(ctx context.Context, log *slog.Logger) error {
	if c.Supervised {
		var stop context.CancelFunc
		ctx, stop = supervise.UntilOrphaned(ctx)
		defer stop()
	}
	leanMemory(0)
	trackers, err := c.trackers(ctx, c.ownVoiceFlags, log)
	if err != nil {
		return err
	}
	sys, err := c.join(ctx, log)
	if err != nil {
		return err
	}
	worker, err := diarize.NewWorker(diarize.WorkerConfig{
		Bus: sys.bus, Keys: sys.keys, KeyGone: func(err error) bool { return errors.Is(err, storage.ErrNoKey) },
		NewTracker: trackers.tracker, Log: log,
	})
	if err != nil {
		return errors.Join(err, sys.bus.Close())
	}
	log.Info("telling voices at shared microphones apart", "model", trackers.embedder.Model())
	return errors.Join(ignoreCancel(worker.Run(ctx)), sys.bus.Close())
}
