package embed

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// s3Record is what the index keeps of one object: a JSON header, then the body itself if it is small. Listing reads
// headers only, so a folder of large inline objects costs no more than one of small ones.
type s3Record struct {
	Meta map[string]string `json:"meta,omitempty"` // headers to give back, by canonical name
	Size int64             `json:"size"`
	MD5  []byte            `json:"md5"` // of the body; as hexadecimal it is the ETag, also for multipart objects
	Time time.Time         `json:"time"`
	Blob string            `json:"blob,omitempty"` // file below blobs/; empty: the body is inline

	inline []byte // aliases the page of the transaction it was read in
}

// encode returns the record as stored: length of the header (uvarint), header, inline body.
func (r *s3Record) encode() ([]byte, error) {
	header, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode object record: %w", err)
	}
	out := binary.AppendUvarint(make([]byte, 0, len(header)+len(r.inline)+binary.MaxVarintLen64), uint64(len(header)))
	out = append(out, header...)
	return append(out, r.inline...), nil
}

var errS3Record = errors.New("damaged object record")

func decodeS3Record(b []byte) (*s3Record, error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, errS3Record
	}
	r := new(s3Record)
	if err := json.Unmarshal(b[n:n+int(length)], r); err != nil {
		return nil, fmt.Errorf("%w: %w", errS3Record, err)
	}
	r.inline = b[n+int(length):]
	if r.Blob == "" && r.Size != int64(len(r.inline)) {
		return nil, errS3Record
	}
	return r, nil
}

// Names inside the index file: one bbolt bucket of objects per S3 bucket, and one with the creation times.
var (
	s3Objects = []byte("objects")
	s3Created = []byte("created")
)

const (
	// maxBatchDelay is how long a write waits for others to share its fsync. bbolt's default of 10 ms costs 12 ms per
	// write of a client that writes one after the other.
	maxBatchDelay = 500 * time.Microsecond
	// indexOpenTimeout bounds the wait for bbolt's file lock; our own lock was taken before, so it is never held long.
	indexOpenTimeout = 2 * time.Second
	// compactAbove is the size below which a mostly empty index is not worth rewriting.
	compactAbove = 16 << 20
	// compactStep bounds the memory of one transaction while rewriting the index.
	compactStep = 4 << 20
)

// openS3Index opens the index file at path, rewriting it first if most of it is free: bbolt's file never shrinks.
func openS3Index(path string) (*bbolt.DB, error) {
	db, err := openBolt(path)
	if err != nil {
		return nil, err
	}
	wasteful, err := mostlyFree(db)
	if err == nil && wasteful {
		db, err = compactS3Index(db, path)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.MaxBatchDelay = maxBatchDelay
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err1 := tx.CreateBucketIfNotExists(s3Objects)
		_, err2 := tx.CreateBucketIfNotExists(s3Created)
		return errors.Join(err1, err2)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare object index: %w", err), db.Close())
	}
	return db, nil
}

func openBolt(path string) (*bbolt.DB, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: indexOpenTimeout, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("open object index %s: %w", path, err)
	}
	return db, nil
}

// mostlyFree says whether more than half of a large index file is unused.
func mostlyFree(db *bbolt.DB) (bool, error) {
	var size int64
	err := db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("measure object index: %w", err)
	}
	free := int64(db.Stats().FreePageN) * int64(db.Info().PageSize)
	return size > compactAbove && free > size/2, nil
}

// compactS3Index rewrites the index at path and returns the new one, or the old one with an error.
func compactS3Index(old *bbolt.DB, path string) (*bbolt.DB, error) {
	fresh := path + ".compact"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return old, fmt.Errorf("remove left-over of an earlier rewrite: %w", err)
	}
	dst, err := openBolt(fresh)
	if err != nil {
		return old, err
	}
	if err := errors.Join(bbolt.Compact(dst, old, compactStep), dst.Sync(), dst.Close()); err != nil {
		return old, fmt.Errorf("rewrite object index: %w", err)
	}
	if err := old.Close(); err != nil {
		return old, fmt.Errorf("close old object index: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return old, fmt.Errorf("replace object index: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return old, err
	}
	db, err := openBolt(path)
	if err != nil {
		return old, err
	}
	return db, nil
}

// syncDir makes created, renamed and removed names in dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder to sync it: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// blobsInUse returns the names of all blob files that the index refers to.
func blobsInUse(db *bbolt.DB) (map[string]bool, error) {
	used := map[string]bool{}
	err := db.View(func(tx *bbolt.Tx) error {
		objects := tx.Bucket(s3Objects)
		return objects.ForEachBucket(func(name []byte) error {
			return objects.Bucket(name).ForEach(func(key, value []byte) error {
				record, err := decodeS3Record(value)
				if err != nil {
					return fmt.Errorf("object %s/%s: %w", name, key, err)
				}
				if record.Blob != "" {
					used[record.Blob] = true
				}
				return nil
			})
		})
	})
	return used, err
}

// cloneS3Record returns a copy whose inline body outlives the transaction.
func cloneS3Record(r *s3Record) *s3Record {
	c := *r
	c.inline = bytes.Clone(r.inline)
	return &c
}
