package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// Run keeps the index up to the store until ctx ends, whose error it returns: first everything that changed while it was
// away, then meetings that go on, and now and then all. A store that is away is waited for.
func (x *Index) Run(ctx context.Context) error {
	tick := time.NewTicker(x.config.Every)
	defer tick.Stop()
	var scanned time.Time // when all meetings were last looked at
	failed := false
	for {
		all := scanned.IsZero() || x.now().Sub(scanned) >= x.config.Rescan
		began := x.now()
		err := x.round(ctx, all)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !failed: // once, not every few seconds
			x.deps.Log.Warn("the search index cannot follow the store, trying again", "err", err)
		}
		failed = err != nil
		var some partialError
		if all && (err == nil || errors.As(err, &some)) {
			scanned = began
		}
		x.compactIfDue(ctx)
		x.texts.sweep(x.now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Catch brings the index up to the store once.
func (x *Index) Catch(ctx context.Context) error { return x.round(ctx, true) }

// Rebuild throws the index away and makes it anew. [Index.Run] must not be running.
func (x *Index) Rebuild(ctx context.Context) error {
	if err := x.reset(); err != nil {
		return err
	}
	return x.round(ctx, true)
}

// round looks at the meetings that may have changed, or at all, newest first. A fault of the index makes it anew.
func (x *Index) round(ctx context.Context, all bool) error {
	err := x.takeFault()
	if err == nil {
		err = x.guarded(ctx, all)
	}
	var fault engineError
	if !errors.As(err, &fault) || ctx.Err() != nil {
		return err
	}
	x.deps.Log.Warn("the search index is damaged and is made anew", "err", err)
	if err := x.reset(); err != nil {
		return err
	}
	return x.guarded(ctx, true)
}

// guarded is roundOnce with panics as faults: the library trusts its files.
func (x *Index) guarded(ctx context.Context, all bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = engineError{fmt.Errorf("search index: %v", r)}
		}
	}()
	return x.roundOnce(ctx, all)
}

// noteFault leaves a fault of the index that a search met for the next round.
func (x *Index) noteFault(err error) {
	var fault engineError
	if !errors.As(err, &fault) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fault = fault
}

func (x *Index) takeFault() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	fault := x.fault
	x.fault = nil
	return fault
}

func (x *Index) roundOnce(ctx context.Context, all bool) error {
	x.mu.Lock()
	clear(x.removed)
	x.mu.Unlock()
	ids, err := x.deps.Meetings.IDs(ctx)
	if err != nil {
		return err
	}
	if err := x.dropOthers(ctx, ids); err != nil {
		return err
	}
	var failures []error
	for i, id := range ids {
		if e, known := x.lookUp(id); all || !known || !e.Final || e.read != e.touches {
			if err := x.refresh(ctx, id, e); err != nil {
				var fault engineError
				if ctx.Err() != nil || errors.As(err, &fault) {
					return err
				}
				failures = append(failures, err)
			}
		}
		x.report(i+1, len(ids))
	}
	x.mu.Lock()
	first := !x.built
	x.built = true
	x.mu.Unlock()
	if first {
		x.deps.Log.Info("search index has caught up", "meetings", len(ids), "failed", len(failures))
	}
	if len(failures) > 0 {
		return partialError{fmt.Errorf("%d of %d meetings could not be indexed: %w", len(failures), len(ids), failures[0])}
	}
	return nil
}

// partialError says that single meetings could not be indexed.
type partialError struct{ error }

func (e partialError) Unwrap() error { return e.error }

// progressEvery is how many meetings pass between two lines of the log about a long catching up.
const progressEvery = 500

func (x *Index) report(done, of int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.built {
		return
	}
	x.progress = Progress{done, of}
	if done%progressEvery == 0 && done < of {
		x.deps.Log.Info("search index is catching up", "meetings", done, "of", of)
	}
}

func (x *Index) lookUp(id meeting.ID) (entry, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.known[id]
	return e, ok
}

// refresh brings one meeting's entries up to the store. A meeting whose data was deleted leaves the index; one that does not
// open is left alone, with a warning: it must not hold up the others.
func (x *Index) refresh(ctx context.Context, id meeting.ID, e entry) error {
	mark, err := x.deps.Transcripts.Mark(ctx, id)
	if err == nil && mark == e.Mark {
		x.caughtUp(id, e)
		return nil
	}
	var t *storage.Transcript
	if err == nil {
		t, err = x.deps.Transcripts.Read(ctx, id)
	}
	if err == nil {
		err = x.take(ctx, t, mark, e)
	}
	switch {
	case errors.Is(err, storage.ErrNoKey), errors.Is(err, storage.ErrNotFound):
		return x.forget(ctx, id)
	case errors.Is(err, seal.ErrOpen):
		x.deps.Log.Warn("meeting left out of the search index", "meeting", id, "err", err)
		return nil
	}
	return err
}

// caughtUp notes that an entry was found to be up to date, as it was when it was looked up.
func (x *Index) caughtUp(id meeting.ID, was entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, known := x.known[id]; known {
		e.read = was.touches
		x.known[id] = e
	}
}

// forget drops a meeting that the store does not have any more.
func (x *Index) forget(ctx context.Context, id meeting.ID) error {
	if _, known := x.lookUp(id); !known {
		return nil
	}
	if err := x.Remove(ctx, id); err != nil {
		return engineError{err}
	}
	return nil
}

// dropOthers drops the meetings that are not among ids.
func (x *Index) dropOthers(ctx context.Context, ids []meeting.ID) error {
	there := make(map[meeting.ID]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	x.mu.Lock()
	var others []meeting.ID
	for id := range x.known {
		if !there[id] {
			others = append(others, id)
		}
	}
	x.mu.Unlock()
	for _, id := range others {
		if err := x.forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// compactIfDue writes the index anew when removed entries have been on the disk long enough.
func (x *Index) compactIfDue(ctx context.Context) {
	x.mu.Lock()
	due := !x.obsolete.IsZero() && x.now().Sub(x.obsolete) >= x.config.CompactAfter
	if due {
		x.obsolete = time.Time{}
	}
	x.mu.Unlock()
	if !due {
		return
	}
	if err := x.engine.compact(ctx); err != nil && ctx.Err() == nil {
		x.deps.Log.Warn("removed entries are still in the files of the search index, trying again", "err", err)
		x.noteObsolete()
	}
}

// reset makes a new, empty index. Searches wait.
func (x *Index) reset() error {
	x.door.Lock()
	defer x.door.Unlock()
	x.writing.Lock()
	defer x.writing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.known, x.built, x.progress, x.obsolete = map[meeting.ID]entry{}, false, Progress{}, time.Time{}
	if err := x.engine.close(); err != nil {
		x.deps.Log.Warn("damaged search index did not close", "err", err)
	}
	if err := os.RemoveAll(x.path()); err != nil {
		return fmt.Errorf("remove search index: %w", err)
	}
	return x.openOnce()
}
