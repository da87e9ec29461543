package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/internal/dirlock"
	"souffleur/internal/embed"
	"souffleur/storage"
	"souffleur/storage/search"
)

// indexFolder is where the search index is, in the data folder.
const indexFolder = "search"

// openIndex opens the search index of a data folder.
func openIndex(ctx context.Context, data string, store *storage.Store, keys *storage.Keyring, log *slog.Logger) (*search.Index, error) {
	meetings := storage.NewMeetings(store, keys)
	return search.Open(ctx, filepath.Join(data, indexFolder), search.DefaultConfig(), search.Deps{
		Keys: keys, Meetings: meetings, Transcripts: storage.NewTranscripts(store, keys, meetings), Log: log,
	})
}

// indexCmd looks after the search index.
type indexCmd struct {
	Rebuild indexRebuildCmd `cmd:"" help:"Make the search index of a data folder anew. No server may run on it: a server makes a missing or damaged one by itself."`
}

type indexRebuildCmd struct {
	dataFlags
	storageFlags
	keyFlags
}

// Run makes the index anew and says how far it is.
func (c *indexRebuildCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	closers := &closeStack{}
	defer closers.close(log)
	if c.MasterKey == "" && c.MasterKeyFile == "" {
		c.MasterKeyFile = filepath.Join(c.Data, masterKeyName)
	}
	master, err := c.master("")
	if err != nil {
		return err
	}
	if err := c.embed(ctx, closers, log); err != nil {
		return c.sentence(err)
	}
	if err := c.config().Validate(); err != nil {
		return usageError{err}
	}
	store, err := storage.Open(ctx, c.config(), log)
	if err != nil {
		return err
	}
	closers.add("object store", func() error { store.Close(); return nil })
	index, err := openIndex(ctx, c.Data, store, storage.NewKeyring(store, master), log)
	if err != nil {
		return c.sentence(err)
	}
	closers.add("search index", index.Close)
	stop := show(kctx, index)
	err = index.Rebuild(ctx)
	stop()
	if err != nil {
		return fmt.Errorf("rebuild search index: %w", err)
	}
	p, _ := index.Progress()
	fmt.Fprintf(kctx.Stdout, "Search index made anew, meetings: %d\n", p.Done)
	return nil
}

// embed starts the data folder's own object store, unless another one is named.
func (c *indexRebuildCmd) embed(ctx context.Context, closers *closeStack, log *slog.Logger) error {
	if c.S3Endpoint != "" {
		return nil
	}
	s3, err := embed.StartS3(ctx, embed.S3Config{Dir: filepath.Join(c.Data, "s3")}, log)
	if err != nil {
		return err
	}
	closers.add("embedded store", s3.Close)
	c.S3Endpoint, c.S3AccessKey, c.S3SecretKey, c.S3TLS = s3.Endpoint(), s3.AccessKey(), s3.SecretKey(), false
	return nil
}

// sentence says what to do when a server has the folder.
func (c *indexRebuildCmd) sentence(err error) error {
	if errors.Is(err, dirlock.ErrInUse) {
		return badUsage("a server is running on %s: stop it first, then rebuild the search index", c.Data)
	}
	return err
}

// show prints the progress every second until stop is called.
func show(kctx *kong.Context, index *search.Index) (stop func()) {
	ended := make(chan struct{})
	var printing sync.WaitGroup
	printing.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				if p, done := index.Progress(); !done && p.Of > 0 {
					fmt.Fprintf(kctx.Stderr, "%d of %d meetings\n", p.Done, p.Of)
				}
			}
		}
	})
	return func() { close(ended); printing.Wait() }
}
