package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/seal"
	"souffleur/sfu"
	"souffleur/storage"
)

// systemFlags are the settings of the whole system on one machine.
type systemFlags struct {
	dataFlags
	nodeFlags
	busFlags
	storageFlags
	keyFlags
	modelFlags
	asrFlags
	minutesFlags
	ownVoiceFlags
}

// serveCmd is the whole system on one machine.
type serveCmd struct {
	systemFlags
	AdminLink bool `help:"Print a new one-time admin link, also if an admin has signed in before."`

	embedded bool // a server of this process keeps data
}

// Run starts everything and ends with ctx.
func (c *serveCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return badUsage("--data: %w", err)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(sfu.GCPercent)
	}
	closers := &closeStack{}
	defer closers.close(log)
	if err := c.embed(ctx, closers, log); err != nil {
		return err
	}
	source, err := c.source(c.Data)
	if err != nil {
		return err
	}
	c.MasterKeyFile = source.File // children read the same file
	if c.KafkaMemberDir == "" {
		c.KafkaMemberDir = filepath.Join(c.Data, "members")
	}
	sys, err := openSystem(ctx, c.busFlags, c.storageFlags, source, log)
	if err != nil {
		return err
	}
	closers.add("bus", sys.bus.Close)
	transcriber, err := newTranscriber(c.modelFlags, c.asrFlags, c.ownVoiceFlags, log)
	if err != nil {
		return err
	}
	house, err := openHouse(ctx, c.nodeFlags, c.Data, c.engineNames(), sys, asrParts{transcriber, c.modelFlags.shelf(log)}, closers, log)
	if err != nil {
		return err
	}
	children, err := c.children(house.node, log)
	if err != nil {
		return err
	}
	archiver, err := sys.archiver(log)
	if err != nil {
		return err
	}
	summarizer, err := c.summarizer(sys, house.url, log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, child := range children {
		g.Go(func() error { return child.Run(ctx) })
	}
	g.Go(func() error { return archiver.Run(ctx) })
	g.Go(func() error { return summarizer.Run(ctx) })
	g.Go(func() error { return house.run(ctx) })
	if c.embedded {
		g.Go(func() error {
			watchDisk(ctx, c.Data, house.node.SetSpace, log)
			return nil
		})
	}
	if err := house.greet(ctx, c.AdminLink || house.firstRun); err != nil {
		log.Error("the admin link could not be made", "err", err)
	}
	return ignoreCancel(g.Wait())
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// embed starts the embedded servers that are not replaced by real ones, and points the settings at them.
func (c *serveCmd) embed(ctx context.Context, closers *closeStack, log *slog.Logger) error {
	if len(c.KafkaBrokers) == 0 {
		broker, err := embed.StartBroker(ctx, embed.BrokerConfig{Dir: filepath.Join(c.Data, "kafka")}, log)
		if err != nil {
			return fmt.Errorf("start embedded broker: %w", err)
		}
		closers.add("embedded broker", broker.Close)
		c.embedded = true
		c.KafkaBrokers = []string{broker.Addr()}
	}
	if c.S3Endpoint == "" {
		s3, err := embed.StartS3(ctx, embed.S3Config{Dir: filepath.Join(c.Data, "s3")}, log)
		if err != nil {
			return fmt.Errorf("start embedded store: %w", err)
		}
		closers.add("embedded store", s3.Close)
		c.embedded = true
		c.S3Endpoint, c.S3AccessKey, c.S3SecretKey, c.S3TLS = s3.Endpoint(), s3.AccessKey(), s3.SecretKey(), false
	}
	return nil
}

// system is what every role needs: Kafka, S3 and the keys.
type system struct {
	bus   *bus.Bus
	store *storage.Store
	keys  *storage.Keyring
}

func openSystem(ctx context.Context, b busFlags, s storageFlags, source seal.Source, log *slog.Logger) (*system, error) {
	if len(b.KafkaBrokers) == 0 {
		return nil, badUsage("KAFKA_BROKERS is not set: only serve starts a broker of its own")
	}
	if s.S3Endpoint == "" {
		return nil, badUsage("S3_ENDPOINT is not set: only serve starts a store of its own")
	}
	if err := b.config().Validate(); err != nil {
		return nil, usageError{err}
	}
	if err := s.config().Validate(); err != nil {
		return nil, usageError{err}
	}
	master, err := source.Master(ctx)
	if err != nil {
		return nil, usageError{err}
	}
	store, err := storage.Open(ctx, s.config(), log)
	if err != nil {
		return nil, err
	}
	messages, err := bus.Open(ctx, b.config(), log)
	if err != nil {
		return nil, err
	}
	keys := storage.NewKeyring(store, master)
	source.Create = false // a key that is gone must not be replaced by another
	keys.Relearn(source.Master)
	return &system{bus: messages, store: store, keys: keys}, nil
}

func (s *system) archiver(log *slog.Logger) (*storage.Archiver, error) {
	return storage.NewArchiver(s.bus, s.store, s.keys, storage.DefaultArchiverConfig(), log)
}

// closeStack closes in reverse order what was opened.
type closeStack struct {
	entries []struct {
		name  string
		close func() error
	}
}

func (s *closeStack) add(name string, f func() error) {
	s.entries = append(s.entries, struct {
		name  string
		close func() error
	}{name, f})
}

func (s *closeStack) close(log *slog.Logger) {
	for i := len(s.entries) - 1; i >= 0; i-- {
		if err := s.entries[i].close(); err != nil {
			log.Error("close", "part", s.entries[i].name, "err", err)
		}
	}
}
