package embed

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rclone/gofakes3"
)

// inlineMax is the largest body kept inside the index. Nearly all objects of Souffleur are smaller, so one fsync
// of the index makes them durable; larger ones would make every rewrite of a page expensive.
const inlineMax = 64 << 10

// shredHeader marks an object whose bytes must not outlive it: a client sets it as user metadata. Its body is a file of its own,
// however small, which is overwritten before it is removed. In the index it could stand in free pages for long after its deletion.
// What the disk itself keeps, as some file systems and all flash memory do, only encryption of the disk can help against.
const shredHeader = "X-Amz-Meta-Shred"

// shredMax is the largest file that is overwritten before it is removed. Readers get such a file as a whole, so that they can tell when
// it was overwritten while they read. An hour's transcript with words has about 1 MB, a piece of sound less.
const shredMax = 4 << 20

// blobStore is the folder of bodies too large for the index, and of those that must be shredded. A file is written once, made durable, and only then named
// in the index; files that no record names are removed at the next start.
type blobStore struct {
	dir string // absolute
}

func openBlobStore(dir string) (*blobStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder for large objects: %w", err)
	}
	return &blobStore{dir: dir}, nil
}

func (s *blobStore) path(name string) string { return filepath.Join(s.dir, name) }

// body is what was read of an upload, ready to be named in the index.
type body struct {
	size   int64
	md5    []byte
	inline []byte // set when blob is empty
	blob   string
}

// read takes in a body of size bytes, or up to the end of r if size is -1. A body that ends early is refused: the
// protocol front does not check that. meta are the headers of its object.
func (s *blobStore) read(r io.Reader, size int64, meta map[string]string) (*body, error) {
	sum := md5.New()
	head := new(bytes.Buffer)
	n, err := io.Copy(io.MultiWriter(head, sum), io.LimitReader(r, inlineMax+1))
	if err != nil {
		return nil, fmt.Errorf("read object body: %w", err)
	}
	if n <= inlineMax {
		if size >= 0 && n != size {
			return nil, gofakes3.ErrIncompleteBody
		}
		if meta[shredHeader] == "" {
			return &body{size: n, md5: sum.Sum(nil), inline: head.Bytes()}, nil
		}
		name, _, err := s.write(head)
		return &body{size: n, md5: sum.Sum(nil), blob: name}, err
	}
	name, total, err := s.write(io.MultiReader(head, io.TeeReader(r, sum)))
	if err != nil {
		return nil, err
	}
	if size >= 0 && total != size {
		return nil, errors.Join(gofakes3.ErrIncompleteBody, s.remove(name))
	}
	return &body{size: total, md5: sum.Sum(nil), blob: name}, nil
}

// write stores all of r in a new durable file and returns its name and length.
func (s *blobStore) write(r io.Reader) (name string, size int64, err error) {
	name = randomName()
	size, err = writeDurable(s.path(name), r)
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return "", 0, errors.Join(fmt.Errorf("store large object: %w", err), s.remove(name))
	}
	return name, size, nil
}

// writeDurable creates path with the bytes of r and syncs it; the name itself is durable after [syncDir].
func writeDurable(path string, r io.Reader) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return n, errors.Join(err, f.Close())
}

// open returns the file of a blob. A reader that has it open keeps it, even if the object is replaced meanwhile.
func (s *blobStore) open(name string) (*os.File, error) { return os.Open(s.path(name)) }

// whole returns a blob that may be shredded. If it is while it is read, the error is fs.ErrNotExist, as if it had been
// removed already.
func (s *blobStore) whole(record *s3Record) ([]byte, error) {
	b, err := os.ReadFile(s.path(record.Blob))
	if err != nil {
		return nil, err
	}
	if sum := md5.Sum(b); !bytes.Equal(sum[:], record.MD5) {
		return nil, fmt.Errorf("large object %s: %w", record.Blob, fs.ErrNotExist)
	}
	return b, nil
}

// shred overwrites a file that is not too large.
func (s *blobStore) shred(name string) error {
	f, err := os.OpenFile(s.path(name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() > shredMax {
		return err
	}
	if _, err := f.WriteAt(make([]byte, st.Size()), 0); err != nil {
		return err
	}
	return f.Sync()
}

// remove deletes the blob; one that is not there is no error. "" names none.
func (s *blobStore) remove(name string) error {
	if name == "" {
		return nil
	}
	if err := s.shred(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("overwrite object before its removal: %w", err)
	}
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove large object: %w", err)
	}
	return nil
}

// sweep removes the files that are not in use: bodies whose index transaction never happened, or whose object was
// replaced right before a crash. It returns how many there were.
func (s *blobStore) sweep(used map[string]bool) (removed int, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("list large objects: %w", err)
	}
	for _, entry := range entries {
		if used[entry.Name()] {
			continue
		}
		if err := s.remove(entry.Name()); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// randomName returns 128 random bits in hexadecimal.
func randomName() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}
