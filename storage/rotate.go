package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// Replacing the master key rewraps data keys; what they sealed stays as it is. Each data key is one small object, replaced with
// If-Match, and opens with the old or with the new master key at every moment, so a rewrap may be stopped anywhere and begun
// again, beside running servers. A key that was deleted meanwhile stays deleted.

// KeyFault is a data key that could not be read or rewrapped.
type KeyFault struct {
	Object string
	Err    error
}

// KeyUse says which master keys wrap the data keys.
type KeyUse struct {
	ByMaster map[string]int // number of data keys by ID of their master key
	Faults   []KeyFault     // objects that are no wrapped key
}

// keyFile is a stored data key.
type keyFile struct {
	object  string
	wrapped seal.Wrapped
	etag    string
	fault   error
}

// Use counts the data keys by the master key that wraps them. It opens none.
func (k *Keyring) Use(ctx context.Context) (KeyUse, error) {
	use := KeyUse{ByMaster: map[string]int{}}
	err := k.eachKey(ctx, func(f keyFile) error {
		if f.fault != nil {
			use.Faults = append(use.Faults, KeyFault{f.object, f.fault})
			return nil
		}
		use.ByMaster[f.wrapped.Master]++
		return nil
	})
	return use, err
}

// Rewrapped says what [Keyring.Rewrap] did.
type Rewrapped struct {
	Done    int // wrapped anew
	Already int // were wrapped by the present master key
	Gone    int // were deleted meanwhile
	Faults  []KeyFault
}

// Rewrap wraps all data keys with the master key that wraps now. One that does not open is reported and left as it is; the only
// errors are those of the store.
func (k *Keyring) Rewrap(ctx context.Context) (Rewrapped, error) {
	var done Rewrapped
	master := k.masterKey()
	err := k.eachKey(ctx, func(f keyFile) error {
		return k.rewrapOne(ctx, master, f, &done)
	})
	return done, err
}

func (k *Keyring) rewrapOne(ctx context.Context, master *seal.Master, f keyFile, done *Rewrapped) error {
	for try := 1; ; try++ {
		if f.fault != nil {
			done.Faults = append(done.Faults, KeyFault{f.object, f.fault})
			return nil
		}
		if f.wrapped.Master == master.ID() {
			done.Already++
			return nil
		}
		fresh, err := master.Rewrap(f.wrapped, f.object)
		if err != nil {
			done.Faults = append(done.Faults, KeyFault{f.object, err})
			return nil
		}
		body, err := encode(f.object, fresh)
		if err != nil {
			return err
		}
		err = k.store.Update(ctx, f.object, body, f.etag)
		if err == nil {
			done.Done++
			return nil
		}
		if !errors.Is(err, ErrConflict) || try == maxChanges {
			return fmt.Errorf("rewrap key: %w", err)
		}
		f, err = k.keyFile(ctx, f.object)
		if errors.Is(err, ErrNotFound) {
			done.Gone++
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// keysAtOnce is how many meetings' keys are read together.
const keysAtOnce = 256

// eachKey calls do for every stored data key, the instance key first: running servers read it most often, and so learn early of a
// new master key.
func (k *Keyring) eachKey(ctx context.Context, do func(keyFile) error) error {
	ids, err := k.store.Folders(ctx, meetingPrefix)
	if err != nil {
		return err
	}
	objects := []string{instanceKeyObject}
	for _, id := range ids {
		if meeting.ID(id).Valid() {
			objects = append(objects, archiveObject(meeting.ID(id)), liveObject(meeting.ID(id)))
		}
	}
	for some := range slices.Chunk(objects, keysAtOnce) {
		files, err := fetchAll(ctx, some, k.keyFile)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := do(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyFile reads a wrapped key. A damaged one is no error but has a fault.
func (k *Keyring) keyFile(ctx context.Context, object string) (keyFile, error) {
	body, etag, err := k.store.Get(ctx, object)
	if err != nil {
		return keyFile{}, err
	}
	f := keyFile{object: object, etag: etag}
	f.fault = decode(object, body, &f.wrapped, func(w *seal.Wrapped) int { return w.V })
	return f, nil
}

// RotationSettled returns when every running process uses the present master key, after a rewrap: each reads the instance key
// again within its life in memory, and meets the new one. Keys made until then may still be wrapped by the one before.
func (k *Keyring) RotationSettled(ctx context.Context) (time.Time, error) {
	found, err := k.store.List(ctx, instanceKeyObject)
	if err != nil || len(found) == 0 {
		return time.Time{}, err
	}
	return found[0].Modified.Add(keyLife + time.Minute), nil
}
