package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// ErrNoKey says that a key is not there (any more), so what it sealed does not open, now or ever.
var ErrNoKey = errors.New("key does not exist: never made, or deleted to make what it sealed unreadable")

const (
	// keyLife is how long an unwrapped key stays in memory. Deleting a key makes its data unreadable elsewhere after
	// this time at the latest.
	keyLife = 5 * time.Minute
	// maxKeys bounds the cache; overflow: expired keys go, or all if none is.
	maxKeys = 4096
)

// Keyring makes, reads and deletes the data keys. They are stored wrapped by the master key and never in Kafka:
//
//   - a meeting's live key (meetings/<id>/live.json) seals every value on Kafka and is deleted when the end of the meeting
//     is archived;
//   - a meeting's archive key (meetings/<id>/key.json) seals what is stored of it; deleting it makes that unreadable;
//   - the instance key (instance-key.json) seals names and addresses outside of meetings.
//
// It is safe for concurrent use.
type Keyring struct {
	store *Store
	read  func(context.Context) (*seal.Master, error) // set once, see Relearn; nil: the master key never changes

	relearning sync.Mutex // one reads at a time; taken before mu, held while the master key is read
	relearned  time.Time  // when it was read last; below relearning

	mu     sync.Mutex // guards what follows; never held during a call to the store
	master *seal.Master
	cache  map[string]cachedKey
	swept  time.Time // when expired keys were removed
}

type cachedKey struct {
	key   seal.Key
	until time.Time
}

// NewKeyring returns the keys kept in store under that master key.
func NewKeyring(store *Store, master *seal.Master) *Keyring {
	return &Keyring{store: store, master: master, cache: map[string]cachedKey{}}
}

// Relearn lets the keyring read the master key again when it meets a data key that was wrapped by one it does not know: the
// operator has replaced it while this process runs. Call it before the keyring is used.
func (k *Keyring) Relearn(read func(context.Context) (*seal.Master, error)) { k.read = read }

// relearnEvery spaces the attempts to read the master key again: a single foreign data key must not run a command for every
// request.
const relearnEvery = 10 * time.Second

func (k *Keyring) masterKey() *seal.Master {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.master
}

// unwrap opens a data key; it reads the master key again before it gives up.
func (k *Keyring) unwrap(ctx context.Context, wrapped seal.Wrapped, object string) (seal.Key, error) {
	known := k.masterKey()
	key, err := known.Unwrap(wrapped, object)
	if !errors.Is(err, seal.ErrMaster) || k.read == nil {
		return key, err
	}
	fresh := k.relearn(ctx, known)
	if fresh == known {
		return key, err
	}
	return fresh.Unwrap(wrapped, object)
}

// relearn returns the master key as it is now; that which is known if it was read a moment ago or cannot be read.
func (k *Keyring) relearn(ctx context.Context, known *seal.Master) *seal.Master {
	k.relearning.Lock()
	defer k.relearning.Unlock()
	if now := k.masterKey(); now != known || time.Since(k.relearned) < relearnEvery {
		return now
	}
	k.relearned = time.Now()
	fresh, err := k.read(ctx)
	if err != nil {
		k.store.log.Warn("the master key was replaced and cannot be read again", "err", err)
		return known
	}
	k.mu.Lock()
	k.master = fresh
	k.mu.Unlock()
	k.store.log.Info("the master key was read again", "master", fresh.ID())
	return fresh
}

func liveObject(id meeting.ID) string    { return "meetings/" + string(id) + "/live.json" }
func archiveObject(id meeting.ID) string { return "meetings/" + string(id) + "/" + archiveKeyFile }

const archiveKeyFile = "key.json"

const instanceKeyObject = "instance-key.json"

// mustShred says whether no copy of an object must be left where it was once it is deleted or replaced: data keys, and what holds
// words and names of people, of whom one may have to be forgotten while the key stays.
func mustShred(object string) bool {
	return object == instanceKeyObject || strings.HasPrefix(object, meetingPrefix) || strings.HasPrefix(object, userPrefix)
}

// Create makes the two keys of a meeting; those that exist already are kept. If the archive key exists and the live key
// does not, the meeting is over and the error is ErrNoKey: a second live key must never be made.
func (k *Keyring) Create(ctx context.Context, id meeting.ID) error {
	_, err := k.Archive(ctx, id)
	switch {
	case err == nil:
		_, err = k.Live(ctx, id)
		return err
	case !errors.Is(err, ErrNoKey):
		return err
	}
	// In this order an archive key says that there was a live key.
	if err := k.make(ctx, liveObject(id)); err != nil {
		return err
	}
	return k.make(ctx, archiveObject(id))
}

// createArchive makes the archive key of a meeting that was held elsewhere and never had a live key here.
func (k *Keyring) createArchive(ctx context.Context, id meeting.ID) error {
	if !id.Valid() {
		return fmt.Errorf("meeting %q: %w", id, ErrNotFound)
	}
	return k.make(ctx, archiveObject(id))
}

// make stores a fresh key unless there is one.
func (k *Keyring) make(ctx context.Context, object string) error {
	_, raw := seal.NewKey()
	body, err := encode(object, k.masterKey().Wrap(raw, object))
	clear(raw)
	if err != nil {
		return err
	}
	if err := k.store.Create(ctx, object, body); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("make key: %w", err)
	}
	return nil
}

// Live returns the key of what is on Kafka, or ErrNoKey.
func (k *Keyring) Live(ctx context.Context, id meeting.ID) (seal.Key, error) {
	return k.load(ctx, liveObject(id))
}

// Archive returns the key of what is stored, or ErrNoKey.
func (k *Keyring) Archive(ctx context.Context, id meeting.ID) (seal.Key, error) {
	return k.load(ctx, archiveObject(id))
}

// Instance returns the key of names outside of meetings, making it on first use.
func (k *Keyring) Instance(ctx context.Context) (seal.Key, error) {
	key, err := k.load(ctx, instanceKeyObject)
	if !errors.Is(err, ErrNoKey) {
		return key, err
	}
	if err := k.make(ctx, instanceKeyObject); err != nil {
		return seal.Key{}, err
	}
	return k.load(ctx, instanceKeyObject)
}

// DeleteLive deletes the live key: what is left of the meeting on Kafka does not open any more.
func (k *Keyring) DeleteLive(ctx context.Context, id meeting.ID) error {
	return k.delete(ctx, liveObject(id))
}

// DeleteArchive deletes the archive key: what is stored of the meeting does not open any more. In a bucket with versions
// the operator must see to it that all of them go.
func (k *Keyring) DeleteArchive(ctx context.Context, id meeting.ID) error {
	return k.delete(ctx, archiveObject(id))
}

func (k *Keyring) delete(ctx context.Context, object string) error {
	defer k.forget(object)
	if err := k.store.Delete(ctx, object); err != nil {
		return fmt.Errorf("delete key: %w", err)
	}
	return nil
}

// Drop removes the meeting's keys from memory.
func (k *Keyring) Drop(id meeting.ID) { k.forget(liveObject(id), archiveObject(id)) }

func (k *Keyring) forget(objects ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, object := range objects {
		delete(k.cache, object)
	}
}

// load returns a key from memory or from the store.
func (k *Keyring) load(ctx context.Context, object string) (seal.Key, error) {
	if key, ok := k.cached(object, time.Now()); ok {
		return key, nil
	}
	body, _, err := k.store.Get(ctx, object)
	if errors.Is(err, ErrNotFound) {
		return seal.Key{}, fmt.Errorf("%s: %w", object, ErrNoKey)
	}
	if err != nil {
		return seal.Key{}, fmt.Errorf("load key: %w", err)
	}
	var wrapped seal.Wrapped
	if err := decode(object, body, &wrapped, func(w *seal.Wrapped) int { return w.V }); err != nil {
		return seal.Key{}, err
	}
	key, err := k.unwrap(ctx, wrapped, object)
	if err != nil {
		return seal.Key{}, fmt.Errorf("unwrap %s: %w", object, err)
	}
	k.remember(object, key, time.Now().Add(keyLife))
	return key, nil
}

// CheckMaster says whether master opens the wrapped key that was stored as object; the error wraps seal.ErrMaster if it
// was wrapped by another one.
func CheckMaster(master *seal.Master, object string, body []byte) error {
	var wrapped seal.Wrapped
	if err := decode(object, body, &wrapped, func(w *seal.Wrapped) int { return w.V }); err != nil {
		return err
	}
	_, err := master.Unwrap(wrapped, object)
	return err
}

func (k *Keyring) cached(object string, now time.Time) (seal.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.cache[object]
	if ok && now.After(c.until) {
		delete(k.cache, object)
		return seal.Key{}, false
	}
	return c.key, ok
}

func (k *Keyring) remember(object string, key seal.Key, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sweepLocked(time.Now())
	if len(k.cache) >= maxKeys {
		clear(k.cache)
	}
	k.cache[object] = cachedKey{key: key, until: until}
}

// sweepLocked removes keys nobody asks for any more, so that an expired one does not lie in memory for long.
func (k *Keyring) sweepLocked(now time.Time) {
	if now.Sub(k.swept) < keyLife/5 && len(k.cache) < maxKeys {
		return
	}
	k.swept = now
	for object, c := range k.cache {
		if now.After(c.until) {
			delete(k.cache, object)
		}
	}
}
