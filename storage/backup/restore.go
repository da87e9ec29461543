package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// Restored says what a restore did.
type Restored struct {
	Made     time.Time // when the backup was begun
	Written  int       // objects that were not there
	Same     int       // objects that were there with the same content
	Meetings int       // that open, with their transcript
	Ended    int       // of them, those that were going on when the backup was made; they are over now
}

// Errors of Restore that callers branch on.
var (
	// ErrOther says that the store holds something else already.
	ErrOther = errors.New("the store holds other content under the same names: restore into an empty one, before the server has run on it")
	// ErrUnreadable says that some of what was restored does not open.
	ErrUnreadable = errors.New("some meetings do not open")
)

// Restore writes the backup in dir into store, which should be empty, and then opens every meeting with master. Objects
// that are there stay: with the same content they count as restored, so a restore that was cut off is repeated; with
// another the error is ErrOther. A master key that is not the one of the backup is seal.ErrMaster, before anything is
// written. The server must not run.
func Restore(ctx context.Context, store *storage.Store, master *seal.Master, dir string, log *slog.Logger) (done Restored, err error) {
	f, err := openFolder(dir, false)
	if err != nil {
		return Restored{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	h, entries, err := f.list()
	if err != nil {
		return Restored{}, err
	}
	done.Made = time.UnixMilli(h.MadeUnixMS)
	if err := checkMaster(f, entries, master); err != nil {
		return done, err
	}
	// The instance's key comes first: a store that has another one belongs to another installation, and nothing of this
	// backup may get into it.
	slices.SortStableFunc(entries, func(a, b entry) int { return rank(a.Key) - rank(b.Key) })
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && rank(entries[n].Key) == rank(entries[0].Key) {
			n++
		}
		if err := writeAll(ctx, store, f, entries[:n], &done); err != nil {
			return done, err
		}
		entries = entries[n:]
	}
	return done, openAll(ctx, store, master, log, &done)
}

// rank orders what is restored.
func rank(key string) int {
	switch {
	case key == instanceKey:
		return 0
	case isKey(key):
		return 1
	}
	return 2
}

// checkMaster opens one of the wrapped keys, the instance's if it is there.
func checkMaster(f *folder, entries []entry, master *seal.Master) error {
	var found *entry
	for i, e := range entries {
		if isKey(e.Key) && (found == nil || e.Key == instanceKey) {
			found = &entries[i]
		}
	}
	if found == nil {
		return nil // nothing sealed
	}
	body, err := f.get(*found)
	if err != nil {
		return err
	}
	if err := storage.CheckMaster(master, found.Key, body); err != nil {
		return fmt.Errorf("this master key does not open the backup: %w", err)
	}
	return nil
}

func writeAll(ctx context.Context, store *storage.Store, f *folder, entries []entry, done *Restored) error {
	var written, same, other atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxCopies)
	for _, e := range entries {
		group.Go(func() error {
			if !kept(e.Key) {
				return nil // a list of another program; such an object must not come back
			}
			body, err := f.get(e)
			if err != nil {
				return err
			}
			count, err := writeOne(ctx, store, e.Key, body)
			switch {
			case errors.Is(err, ErrOther):
				other.Add(1)
			case err != nil:
				return err
			case count:
				written.Add(1)
			default:
				same.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	done.Written += int(written.Load())
	done.Same += int(same.Load())
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if n := other.Load(); n > 0 {
		return fmt.Errorf("%d of %d objects were not restored: %w", n, len(entries), ErrOther)
	}
	return nil
}

// writeOne creates an object; written is false if it was there with this content.
func writeOne(ctx context.Context, store *storage.Store, key string, body []byte) (written bool, err error) {
	err = store.Create(ctx, key, body)
	if !errors.Is(err, storage.ErrExists) {
		return err == nil, err
	}
	there, _, err := store.Get(ctx, key)
	if err != nil {
		return false, err
	}
	if !bytes.Equal(there, body) {
		return false, ErrOther
	}
	return false, nil
}

// openAll reads every meeting and its transcript, as people will. Those that were going on are ended: their live keys are
// not in a backup, so nobody could go on in them.
func openAll(ctx context.Context, store *storage.Store, master *seal.Master, log *slog.Logger, done *Restored) error {
	keys := storage.NewKeyring(store, master)
	meetings := storage.NewMeetings(store, keys)
	transcripts := storage.NewTranscripts(store, keys, meetings)
	ids, err := store.Folders(ctx, "meetings/")
	if err != nil {
		return fmt.Errorf("look at what was restored: %w", err)
	}
	closed := 0
	for _, name := range ids {
		id := meeting.ID(name)
		transcript, err := transcripts.Read(ctx, id)
		switch {
		case errors.Is(err, storage.ErrNoKey) || errors.Is(err, storage.ErrNotFound):
			continue // forgotten before or during the backup
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			log.Error("a restored meeting does not open", "meeting", id, "err", err)
			closed++
			continue
		}
		done.Meetings++
		if transcript.EndedUnixMS != 0 {
			continue
		}
		if err := end(ctx, meetings, transcript); err != nil {
			return fmt.Errorf("end meeting %s: %w", id, err)
		}
		done.Ended++
	}
	if closed > 0 {
		return fmt.Errorf("%d of %d: %w", closed, closed+done.Meetings, ErrUnreadable)
	}
	return nil
}

// end ends a meeting with its last word; the archiver writes its transcript when the server starts.
func end(ctx context.Context, meetings *storage.Meetings, said *storage.Transcript) error {
	var last int64 = 1
	for _, s := range said.Segments {
		last = max(last, s.T1)
	}
	_, err := meetings.Update(ctx, said.Meeting, func(m *storage.Meeting) error {
		m.EndedUnixMS = m.BeganUnixMS + last
		return nil
	})
	return err
}
