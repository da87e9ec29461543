package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/storage"
)

// Saved says what a backup did.
type Saved struct {
	Objects int   // in the backup now
	Bytes   int64 // of them
	Copied  int   // objects that were read; the others were in the folder already
	Removed int   // files of an earlier backup that are no longer needed
	Foreign int   // objects in the bucket that are not of Souffleur
}

const (
	// maxCopies is how many objects are copied at once.
	maxCopies = 8
	// maxRounds bounds how often the bucket is listed again for what has changed meanwhile: a running meeting writes
	// a batch every few seconds, and a backup must end.
	maxRounds = 3
)

// Save makes dir a backup of everything in store. The server may run: keys are copied last and what was deleted
// meanwhile is left out, so each object has its key and a meeting that is forgotten during the backup is not in it. A
// folder that holds an earlier backup becomes the new one: only what has changed is copied, and what has been deleted is
// deleted there, too. A run that was cut off is taken up again; until it has ended, the earlier backup stays whole.
func Save(ctx context.Context, store *storage.Store, dir string, log *slog.Logger) (saved Saved, err error) {
	f, err := openFolder(dir, true)
	if err != nil {
		return Saved{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	s := &saver{store: store, folder: f, have: f.known(), log: log}
	made := time.Now()
	entries, err := s.run(ctx)
	if err != nil {
		return s.saved, err
	}
	s.saved.Removed, err = f.finish(head{V: listVersion, MadeUnixMS: made.UnixMilli()}, entries)
	return s.saved, err
}

// saver is one run.
type saver struct {
	store  *storage.Store
	folder *folder
	log    *slog.Logger

	mu    sync.Mutex // guards what follows
	have  map[string]entry
	saved Saved
}

// run copies until the bucket and the folder are the same, and returns what they hold.
func (s *saver) run(ctx context.Context) ([]entry, error) {
	for round := 1; ; round++ {
		objects, err := s.list(ctx)
		if err != nil {
			return nil, err
		}
		copied, err := s.copyAll(ctx, objects)
		if err != nil {
			return nil, err
		}
		if copied == 0 || round == maxRounds {
			return s.entries(objects), nil
		}
	}
}

// list returns the objects that belong into a backup, keys last.
func (s *saver) list(ctx context.Context) ([]storage.Object, error) {
	objects, err := s.store.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("back up: %w", err)
	}
	foreign := 0
	objects = slices.DeleteFunc(objects, func(o storage.Object) bool {
		if !validKey(o.Key) {
			foreign++
			return true
		}
		return !kept(o.Key)
	})
	if foreign > 0 && s.saved.Foreign == 0 {
		s.log.Warn("the bucket holds objects that are not of Souffleur; they are left out", "objects", foreign)
	}
	s.saved.Foreign = foreign
	slices.SortStableFunc(objects, func(a, b storage.Object) int {
		switch {
		case isKey(a.Key) == isKey(b.Key):
			return 0
		case isKey(a.Key):
			return 1
		}
		return -1
	})
	return objects, nil
}

// copyAll copies what is missing or has changed; keys only when all others are there.
func (s *saver) copyAll(ctx context.Context, objects []storage.Object) (copied int, err error) {
	before := s.saved.Copied
	keys := slices.IndexFunc(objects, func(o storage.Object) bool { return isKey(o.Key) })
	if keys < 0 {
		keys = len(objects)
	}
	for _, some := range [][]storage.Object{objects[:keys], objects[keys:]} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(maxCopies)
		for _, o := range some {
			group.Go(func() error { return s.copy(ctx, o) })
		}
		if err := group.Wait(); err != nil {
			return 0, err
		}
	}
	return s.saved.Copied - before, nil
}

// copy copies one object, unless this content is there already.
func (s *saver) copy(ctx context.Context, o storage.Object) error {
	s.mu.Lock()
	old, ok := s.have[o.Key]
	s.mu.Unlock()
	if ok && old.ETag == o.ETag && old.Size == o.Size && s.folder.has(old) {
		return nil
	}
	body, etag, err := s.store.Get(ctx, o.Key)
	if errors.Is(err, storage.ErrNotFound) {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.have, o.Key) // deleted since it was listed
		return nil
	}
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	sum := sha256.Sum256(body)
	e := entry{Key: o.Key, Size: int64(len(body)), Sum: hex.EncodeToString(sum[:]), ETag: etag}
	if err := s.folder.put(e, body); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have[o.Key] = e
	s.saved.Copied++
	return nil
}

// entries returns what the backup holds of the objects, by rising key.
func (s *saver) entries(objects []storage.Object) []entry {
	entries := make([]entry, 0, len(objects))
	for _, o := range objects {
		if e, ok := s.have[o.Key]; ok {
			entries = append(entries, e)
			s.saved.Bytes += e.Size
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	s.saved.Objects = len(entries)
	return entries
}
