package embed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"go.etcd.io/bbolt"
)

// backend opens a backend below the front, for what a well-behaved client cannot cause.
func backend(t *testing.T) *s3Backend {
	t.Helper()
	dir := t.TempDir()
	s := &S3{}
	b, err := s.openBackend(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	if err := b.CreateBucket(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestShortBodiesAreRefused(t *testing.T) {
	b := backend(t)
	for _, size := range []int64{10, 100 << 10} {
		_, err := b.PutObject(t.Context(), "b", "short", nil, strings.NewReader(strings.Repeat("x", int(size-1))), size)
		if !errors.Is(err, gofakes3.ErrIncompleteBody) {
			t.Errorf("body of %d bytes that ends early: %v", size, err)
		}
	}
	id, err := b.CreateMultipartUpload(t.Context(), "b", "short", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.UploadPart(t.Context(), "b", "short", id, 1, 10, strings.NewReader("nine bytes"[:9])); !errors.Is(err, gofakes3.ErrIncompleteBody) {
		t.Errorf("part that ends early: %v", err)
	}
	if _, err := b.HeadObject(t.Context(), "b", "short"); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
		t.Errorf("half an object is there: %v", err)
	}
	for _, dir := range []string{b.blobs.dir, filepath.Join(b.parts, string(id))} {
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("%d files were left in %s, %v", len(files), dir, err)
		}
	}
}

func TestAnUploadIsCompletedOnceAndMayBeAskedAgain(t *testing.T) {
	b := backend(t)
	id, err := b.CreateMultipartUpload(t.Context(), "b", "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	etag, err := b.UploadPart(t.Context(), "b", "k", id, 1, 4, strings.NewReader("part"))
	if err != nil {
		t.Fatal(err)
	}
	wanted := &gofakes3.CompleteMultipartUploadRequest{Parts: []gofakes3.CompletedPart{{PartNumber: 1, ETag: etag}}}
	if _, err := b.upload(id, "b", "other"); !errors.Is(err, gofakes3.ErrNoSuchUpload) {
		t.Errorf("an upload was found under another key: %v", err)
	}
	if _, _, err := b.CompleteMultipartUpload(t.Context(), "b", "k", id, wanted); err != nil {
		t.Fatal(err)
	}
	if err := b.AbortMultipartUpload(t.Context(), "b", "k", id); err != nil {
		t.Errorf("aborting what is over: %v", err)
	}
	if _, err := os.Stat(filepath.Join(b.parts, string(id))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("parts were left behind: %v", err)
	}
}

func TestAbandonedUploadsAreReaped(t *testing.T) {
	b := backend(t)
	id, err := b.CreateMultipartUpload(t.Context(), "b", "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	var forgotten []gofakes3.UploadID
	forget := func(_, _ string, id gofakes3.UploadID) { forgotten = append(forgotten, id) }
	if err := b.reap(time.Now().Add(-time.Hour), forget); err != nil || len(forgotten) != 0 {
		t.Errorf("a fresh upload was reaped: %v, %v", forgotten, err)
	}
	if err := b.reap(time.Now().Add(time.Hour), forget); err != nil || len(forgotten) != 1 || forgotten[0] != id {
		t.Errorf("reaped %v, %v", forgotten, err)
	}
	if files, err := os.ReadDir(b.parts); err != nil || len(files) != 0 {
		t.Errorf("%d parts folders left, %v", len(files), err)
	}
}

func TestAMostlyEmptyIndexIsRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	db, err := openS3Index(path)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(do func(*bbolt.Bucket, []byte) error) {
		err := db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.Bucket(s3Objects).CreateBucketIfNotExists([]byte("b"))
			for i := 0; i < 400 && err == nil; i++ {
				err = do(bucket, fmt.Appendf(nil, "%04d", i))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	body := &s3Record{Size: 60 << 10, inline: make([]byte, 60<<10)}
	value, err := body.encode()
	if err != nil {
		t.Fatal(err)
	}
	fill(func(b *bbolt.Bucket, key []byte) error { return b.Put(key, value) })
	fill(func(b *bbolt.Bucket, key []byte) error {
		if bytes.Equal(key, []byte("0007")) {
			return nil
		}
		return b.Delete(key)
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if db, err = openS3Index(path); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() > before.Size()/10 {
		t.Errorf("index of %d bytes with one object still has %d", before.Size(), after.Size())
	}
	err = db.View(func(tx *bbolt.Tx) error {
		record, err := decodeS3Record(tx.Bucket(s3Objects).Bucket([]byte("b")).Get([]byte("0007")))
		if err == nil && !bytes.Equal(record.inline, body.inline) {
			err = errors.New("the object has other bytes")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func FuzzS3Record(f *testing.F) {
	good, err := (&s3Record{Size: 3, MD5: []byte{1}, inline: []byte("abc")}).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		record, err := decodeS3Record(b)
		if err != nil {
			return
		}
		again, err := record.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeS3Record(again); err != nil {
			t.Errorf("a record that was read does not survive writing: %v", err)
		}
	})
}
