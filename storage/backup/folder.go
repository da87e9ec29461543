package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// folder is where a backup lives. Nothing in it is readable by others.
type folder struct {
	dir  string
	lock *os.File // nil if the folder can only be read

	mu   sync.Mutex // guards part
	part *os.File   // what this run has copied, so that the next one need not, should this one be cut off
}

const (
	bodiesName = "objects"
	partName   = listName + ".part"
	lockName   = "lock"
)

// openFolder takes the folder for this process.
func openFolder(dir string, create bool) (*folder, error) {
	if create {
		if err := makeFolder(dir); err != nil {
			return nil, err
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if !create && (errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)) {
		return &folder{dir: dir}, nil // to read only, as backups should be
	}
	if err != nil {
		return nil, fmt.Errorf("open the backup folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("the backup folder %s is in use by another process: wait until it has ended (%w)", dir, err)
	}
	return &folder{dir: dir, lock: lock}, nil
}

// makeFolder makes the folder unless it holds a backup. One that holds something else is refused: later, files are
// removed in it.
func makeFolder(dir string) error {
	there, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look into the backup folder: %w", err)
	}
	ours := slices.ContainsFunc(there, func(file fs.DirEntry) bool { return file.Name() == listName || file.Name() == partName })
	begun := slices.ContainsFunc(there, func(file fs.DirEntry) bool { return file.Name() == lockName }) && len(there) <= 2
	if len(there) > 0 && !ours && !begun {
		return fmt.Errorf("%s holds something else than a backup: choose an empty folder", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, bodiesName), 0o700); err != nil {
		return fmt.Errorf("make the backup folder: %w", err)
	}
	return nil
}

func (f *folder) close() error {
	var err error
	if f.part != nil {
		err = f.part.Close()
	}
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// path returns the file of a content. sum has been checked to be hexadecimal.
func (f *folder) path(sum string) string { return filepath.Join(f.dir, bodiesName, sum[:2], sum) }

// list reads the list of a complete backup.
func (f *folder) list() (head, []entry, error) {
	file, err := os.Open(filepath.Join(f.dir, listName))
	if err != nil {
		return head{}, nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	defer file.Close()
	return readList(file)
}

// known returns what earlier runs have copied, by key. What cannot be read is copied again.
func (f *folder) known() map[string]entry {
	known := map[string]entry{}
	if _, entries, err := f.list(); err == nil {
		for _, e := range entries {
			known[e.Key] = e
		}
	}
	file, err := os.Open(filepath.Join(f.dir, partName))
	if err != nil {
		return known
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if e, err := readEntry(lines.Bytes()); err == nil {
			known[e.Key] = e
		}
	}
	return known
}

// has says whether the content of an entry is there in full length.
func (f *folder) has(e entry) bool {
	info, err := os.Lstat(f.path(e.Sum))
	return err == nil && info.Mode().IsRegular() && info.Size() == e.Size
}

// put stores a content, durable, and notes the entry for a next run.
func (f *folder) put(e entry, body []byte) error {
	if !f.has(e) {
		if err := f.write(f.path(e.Sum), body); err != nil {
			return fmt.Errorf("store %s in the backup: %w", e.Key, err)
		}
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("note %s in the backup: %w", e.Key, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.part == nil {
		if f.part, err = os.OpenFile(filepath.Join(f.dir, partName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return fmt.Errorf("note what was copied: %w", err)
		}
	}
	if _, err := f.part.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("note what was copied: %w", err)
	}
	return nil
}

// write makes a file whole or not at all.
func (f *folder) write(path string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(body)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// get reads a content and checks it.
func (f *folder) get(e entry) ([]byte, error) {
	file, err := os.Open(f.path(e.Sum))
	if err != nil {
		return nil, fmt.Errorf("read %s from the backup: %w", e.Key, err)
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, e.Size+1))
	if err != nil {
		return nil, fmt.Errorf("read %s from the backup: %w", e.Key, err)
	}
	if sum := sha256.Sum256(body); int64(len(body)) != e.Size || hex.EncodeToString(sum[:]) != e.Sum {
		return nil, fmt.Errorf("%s is damaged in the backup", e.Key)
	}
	return body, nil
}

// finish writes the list, durable and in one step, and removes the contents that it does not name: those of objects that
// were changed or deleted since the last backup.
func (f *folder) finish(h head, entries []entry) (removed int, err error) {
	path := filepath.Join(f.dir, listName)
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("write the list of the backup: %w", err)
	}
	err = writeList(file, h, entries)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return 0, fmt.Errorf("write the list of the backup: %w", err)
	}
	if err := errors.Join(syncDir(f.dir), f.dropPart()); err != nil {
		return 0, err
	}
	return f.sweep(entries)
}

func (f *folder) dropPart() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.part != nil {
		err = f.part.Close()
		f.part = nil
	}
	if gone := os.Remove(filepath.Join(f.dir, partName)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// sweep removes the files that no entry names.
func (f *folder) sweep(entries []entry) (removed int, err error) {
	used := make(map[string]bool, len(entries))
	for _, e := range entries {
		used[e.Sum] = true
	}
	err = filepath.WalkDir(filepath.Join(f.dir, bodiesName), func(path string, file fs.DirEntry, err error) error {
		if err != nil || file.IsDir() || used[file.Name()] || !removable(file.Name()) {
			return err
		}
		removed++
		return os.Remove(path)
	})
	if err != nil {
		return removed, fmt.Errorf("remove what the backup no longer needs: %w", err)
	}
	return removed, nil
}

// removable says whether a file may be one of ours.
func removable(name string) bool {
	return strings.HasPrefix(name, ".new-") || len(name) == sha256.Size*2 && strings.Trim(name, "0123456789abcdef") == ""
}

func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the backup folder to sync it: %w", err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync the backup folder: %w", err)
	}
	return nil
}
