package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"souffleur/internal/dirlock"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Config says how closely the index follows the store.
type Config struct {
	// Every is how often meetings that go on are looked at: what was archived can be found that soon.
	Every time.Duration
	// Rescan is how often all meetings are looked at, for what another machine has changed or deleted.
	Rescan time.Duration
	// CompactAfter is how long removed entries may stay on the disk, out of reach of every query. Meanwhile more are
	// waited for: the index is written anew without them.
	CompactAfter time.Duration
}

// DefaultConfig returns what suits everybody.
func DefaultConfig() Config {
	return Config{Every: 5 * time.Second, Rescan: 10 * time.Minute, CompactAfter: time.Minute}
}

// Validate names the first wrong setting.
func (c Config) Validate() error {
	if c.Every <= 0 || c.Rescan <= 0 || c.CompactAfter < 0 {
		return errors.New("search: intervals must be positive")
	}
	return nil
}

// Deps are the parts of storage that the index is made from.
type Deps struct {
	Keys        *storage.Keyring
	Meetings    *storage.Meetings
	Transcripts *storage.Transcripts
	Log         *slog.Logger
}

// Index finds segments. One process has its folder at a time. It is safe for concurrent use.
type Index struct {
	dir    string
	deps   Deps
	config Config
	key    []byte // of the files
	lock   *dirlock.Lock
	now    func() time.Time

	door    sync.RWMutex // held for reading by whoever uses engine, for writing while it is replaced; taken first
	engine  *engine      // nil once closed. Run replaces it, so what Run does needs no door
	writing sync.Mutex   // one change at a time; taken before mu
	texts   textCache

	mu       sync.Mutex           // guards what follows; never held while the engine or the store works
	known    map[meeting.ID]entry // as in the index; entries are replaced, never changed
	removed  map[meeting.ID]bool  // removed since the last round began: what is being read of them is too late
	obsolete time.Time            // when entries were first removed that are still on the disk; zero if none are
	fault    error                // met by a search; the next round makes the index anew
	progress Progress
	built    bool // the first round is done
}

// entry is what is known of one meeting.
type entry struct {
	state
	cuts    int // rises with every removal of segments: a transcript read before is too old
	touches int // rises with every Touch
	read    int // touches when what is indexed was begun to be read; behind: it is to be read again
	prints  prints
}

// Progress is how far the index has caught up with the store since the start.
type Progress struct {
	Done int // meetings
	Of   int // 0: not known yet
}

// version is part of the folder's name. Another one: the index is made anew, and the old one is removed.
const version = "1"

// Open opens the index in dir, or makes an empty one: [Index.Run] fills it. A damaged one, or one of another version, is
// thrown away. If another process has it open, the error is [dirlock.ErrInUse].
func Open(ctx context.Context, dir string, config Config, deps Deps) (*Index, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	instance, err := deps.Keys.Instance(ctx)
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	lock, err := dirlock.Take(dir)
	if err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	x := &Index{dir: dir, deps: deps, config: config, key: instance.Derive(filesPurpose), lock: lock, now: time.Now, removed: map[meeting.ID]bool{}}
	if err := x.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return x, nil
}

func (x *Index) path() string { return filepath.Join(x.dir, "v"+version) }

// open opens the engine, making a new index if the one that is there does not open.
func (x *Index) open() error {
	if err := x.removeOtherVersions(); err != nil {
		return err
	}
	err := x.openOnce()
	if err == nil {
		return nil
	}
	x.deps.Log.Warn("the search index does not open and is made anew", "err", err)
	if err := os.RemoveAll(x.path()); err != nil {
		return fmt.Errorf("remove damaged search index: %w", err)
	}
	return x.openOnce()
}

func (x *Index) openOnce() error {
	engine, err := openEngine(x.path(), x.key)
	if err != nil {
		return err
	}
	states, err := readStates(engine)
	if err != nil {
		return errors.Join(err, engine.close())
	}
	x.engine, x.known = engine, make(map[meeting.ID]entry, len(states))
	for id, s := range states {
		x.known[id] = entry{state: s}
	}
	if engine.hasRemoved() { // the process ended before they were off the disk
		x.obsolete = x.now()
	}
	return nil
}

func readStates(e *engine) (map[meeting.ID]state, error) {
	v, err := e.view()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.states(context.Background())
}

func (x *Index) removeOtherVersions() error {
	others, err := filepath.Glob(filepath.Join(x.dir, "v*"))
	if err != nil {
		return fmt.Errorf("list search index: %w", err)
	}
	for _, other := range others {
		if other == x.path() {
			continue
		}
		if err := os.RemoveAll(other); err != nil {
			return fmt.Errorf("remove search index of another version: %w", err)
		}
	}
	return nil
}

// Close closes the index. [Index.Run] must have ended; searches that run are waited for, later ones fail.
func (x *Index) Close() error {
	x.door.Lock()
	defer x.door.Unlock()
	if x.engine == nil {
		return nil
	}
	engine := x.engine
	x.engine = nil
	return errors.Join(engine.close(), x.lock.Close())
}

var errClosed = errors.New("search index is closed")

// Progress says how far the index has caught up with the store; done once it has.
func (x *Index) Progress() (p Progress, done bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.progress, x.built
}

// Remove takes everything of a meeting out of the index, at once for every query; it is off the disk [Config.CompactAfter]
// later. Call it when the meeting's objects were deleted.
func (x *Index) Remove(ctx context.Context, id meeting.ID) error {
	x.mu.Lock()
	x.removed[id] = true
	delete(x.known, id)
	x.mu.Unlock()
	x.texts.drop(id)
	return x.drop(ctx, id)
}

// drop removes the entries of a meeting that is not known any more.
func (x *Index) drop(ctx context.Context, id meeting.ID) error {
	x.door.RLock()
	defer x.door.RUnlock()
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.engine == nil {
		return errClosed
	}
	keys, err := x.keysOf(ctx, id)
	if err != nil {
		return fmt.Errorf("remove meeting from search index: %w", err)
	}
	c := newChange()
	c.remove(string(id))
	for _, key := range keys {
		c.remove(key)
	}
	if err := x.engine.apply(c); err != nil {
		return fmt.Errorf("remove meeting: %w", err)
	}
	x.noteObsolete()
	return nil
}

// RemoveSegments takes segments of a meeting out of the index, at once for every query. Call it when the transcript was
// rewritten without them: it is read again soon.
func (x *Index) RemoveSegments(ctx context.Context, id meeting.ID, segments []meeting.SegmentID) error {
	x.door.RLock()
	defer x.door.RUnlock()
	x.writing.Lock()
	defer x.writing.Unlock()
	if x.engine == nil {
		return errClosed
	}
	x.mu.Lock()
	e, known := x.known[id]
	e.Mark, e.Sum, e.Final, e.prints, e.cuts = "", "", false, nil, e.cuts+1
	if known {
		x.known[id] = e
	}
	x.mu.Unlock()
	x.texts.drop(id)
	if !known {
		return nil
	}
	c := newChange()
	for _, segment := range segments {
		c.remove(segmentKey(id, segment))
	}
	if err := c.putState(id, e.state); err != nil {
		return err
	}
	if err := x.engine.apply(c); err != nil {
		return fmt.Errorf("remove segments: %w", err)
	}
	x.noteObsolete()
	return nil
}

// Touch says that a transcript was changed after its end: it is read again soon, and not only when all are looked at.
func (x *Index) Touch(id meeting.ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, known := x.known[id]; known {
		e.touches++
		x.known[id] = e
	}
}

func (x *Index) noteObsolete() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.obsolete.IsZero() {
		x.obsolete = x.now()
	}
}

func (x *Index) keysOf(ctx context.Context, id meeting.ID) ([]string, error) {
	v, err := x.engine.view()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.segments(ctx, id)
}
