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
	master, err := c.present(ctx, c.Data)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, c.Data, c.storageFlags, storeFound, closers, log)
	if err != nil {
		return err
	}
	index, err := openIndex(ctx, c.Data, store, storage.NewKeyring(store, master), log)
	if errors.Is(err, dirlock.ErrInUse) {
		return badUsage("a server is running on %s: stop it first, then rebuild the search index", c.Data)
	}
	if err != nil {
		return err
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
