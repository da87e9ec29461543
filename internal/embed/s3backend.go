package embed

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rclone/gofakes3"
	"go.etcd.io/bbolt"
)

// s3Backend keeps objects on disk for the protocol front: an index in bbolt, large bodies beside it. A write is answered
// after it is durable, and its conditions (If-Match, If-None-Match) are checked inside the transaction that makes it.
type s3Backend struct {
	db    *bbolt.DB
	blobs *blobStore
	parts string // folder of unfinished multipart uploads, emptied at start

	mu      sync.Mutex // guards uploads
	uploads map[gofakes3.UploadID]*upload
}

var (
	_ gofakes3.Backend          = (*s3Backend)(nil)
	_ gofakes3.MultipartBackend = (*s3Backend)(nil)
)

// ListBuckets returns all buckets.
func (b *s3Backend) ListBuckets(context.Context) ([]gofakes3.BucketInfo, error) {
	var found []gofakes3.BucketInfo
	err := b.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(s3Created).ForEach(func(name, value []byte) error {
			created, err := time.Parse(time.RFC3339Nano, string(value))
			if err != nil {
				return fmt.Errorf("creation time of bucket %s: %w", name, err)
			}
			found = append(found, gofakes3.BucketInfo{Name: string(name), CreationDate: gofakes3.NewContentTime(created)})
			return nil
		})
	})
	return found, err
}

// CreateBucket makes a bucket; an existing one is ErrBucketAlreadyExists.
func (b *s3Backend) CreateBucket(_ context.Context, name string) error {
	return wire(b.db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.Bucket(s3Objects).CreateBucket([]byte(name))
		if err != nil && tx.Bucket(s3Objects).Bucket([]byte(name)) != nil {
			return gofakes3.ResourceError(gofakes3.ErrBucketAlreadyExists, name)
		}
		if err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
		return tx.Bucket(s3Created).Put([]byte(name), []byte(time.Now().UTC().Format(time.RFC3339Nano)))
	}))
}

// BucketExists says whether there is such a bucket.
func (b *s3Backend) BucketExists(_ context.Context, name string) (exists bool, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		exists = tx.Bucket(s3Objects).Bucket([]byte(name)) != nil
		return nil
	})
	return exists, err
}

// DeleteBucket removes an empty bucket.
func (b *s3Backend) DeleteBucket(_ context.Context, name string) error {
	return b.db.Update(func(tx *bbolt.Tx) error {
		objects, err := objectsOf(tx, name)
		if err != nil {
			return err
		}
		if key, _ := objects.Cursor().First(); key != nil {
			return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)
		}
		if err := tx.Bucket(s3Created).Delete([]byte(name)); err != nil {
			return fmt.Errorf("delete bucket %s: %w", name, err)
		}
		return tx.Bucket(s3Objects).DeleteBucket([]byte(name))
	})
}

// objectsOf returns the objects of an S3 bucket, or ErrNoSuchBucket.
func objectsOf(tx *bbolt.Tx, bucket string) (*bbolt.Bucket, error) {
	objects := tx.Bucket(s3Objects).Bucket([]byte(bucket))
	if objects == nil {
		return nil, gofakes3.BucketNotFound(bucket)
	}
	return objects, nil
}

// recordOf returns the record of key, nil if there is none. It is valid as long as the transaction.
func recordOf(objects *bbolt.Bucket, key string) (*s3Record, error) {
	value := objects.Get([]byte(key))
	if value == nil {
		return nil, nil
	}
	record, err := decodeS3Record(value)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", key, err)
	}
	return record, nil
}

// lookup returns the record of an object and, if its body is a blob, the open file.
func (b *s3Backend) lookup(bucket, key string) (record *s3Record, blob *os.File, err error) {
	err = b.db.View(func(tx *bbolt.Tx) error {
		objects, err := objectsOf(tx, bucket)
		if err != nil {
			return err
		}
		found, err := recordOf(objects, key)
		if err != nil {
			return err
		}
		if found == nil {
			return gofakes3.KeyNotFound(key)
		}
		record = cloneS3Record(found)
		return nil
	})
	if err != nil || record.Blob == "" {
		return record, nil, err
	}
	if record.Size <= shredMax {
		record.inline, err = b.blobs.whole(record)
		return record, nil, err
	}
	file, err := b.blobs.open(record.Blob)
	return record, file, err
}

// lookupTries bounds how often a reader chases an object that is being replaced: between reading the index and opening
// the file, the file it named may have been removed.
const lookupTries = 10

// GetObject returns an object or a range of it.
func (b *s3Backend) GetObject(_ context.Context, bucket, key string, wanted *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	var (
		record *s3Record
		blob   *os.File
		err    error
	)
	for range lookupTries {
		record, blob, err = b.lookup(bucket, key)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	object := record.object(key)
	object.Range, err = wanted.Range(record.Size)
	if err != nil {
		return nil, wire(errors.Join(err, closeFile(blob)))
	}
	object.Contents = section(record, blob, object.Range)
	return object, nil
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// section returns the wanted bytes of a body; nil means all.
func section(record *s3Record, blob *os.File, wanted *gofakes3.ObjectRange) io.ReadCloser {
	start, length := int64(0), record.Size
	if wanted != nil {
		start, length = wanted.Start, wanted.Length
	}
	var source io.ReaderAt = bytes.NewReader(record.inline)
	var closer io.Closer = io.NopCloser(nil)
	if blob != nil {
		source, closer = blob, blob
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(source, start, length), closer}
}

// object returns the record as the front wants it, without contents.
func (r *s3Record) object(key string) *gofakes3.Object {
	return &gofakes3.Object{Name: key, Metadata: r.Meta, Size: r.Size, Hash: r.MD5}
}

// HeadObject returns an object without its body.
func (b *s3Backend) HeadObject(_ context.Context, bucket, key string) (*gofakes3.Object, error) {
	var object *gofakes3.Object
	err := b.db.View(func(tx *bbolt.Tx) error {
		objects, err := objectsOf(tx, bucket)
		if err != nil {
			return err
		}
		record, err := recordOf(objects, key)
		if err != nil {
			return err
		}
		if record == nil {
			return gofakes3.KeyNotFound(key)
		}
		object = record.object(key)
		object.Contents = io.NopCloser(bytes.NewReader(nil))
		return nil
	})
	return object, err
}

// PutObject stores an object under the conditions of the request in ctx. size is -1 if unknown.
func (b *s3Backend) PutObject(ctx context.Context, bucket, key string, meta map[string]string, r io.Reader, size int64) (gofakes3.PutObjectResult, error) {
	stored, err := b.blobs.read(r, size, meta)
	if err != nil {
		return gofakes3.PutObjectResult{}, wire(err)
	}
	return gofakes3.PutObjectResult{}, wire(b.commit(ctx, bucket, key, meta, stored))
}

// commit names a stored body in the index, in one durable transaction that also checks the conditions of the request:
// the front checks them too, but only this makes one winner of many writers. The blob that lost is removed.
func (b *s3Backend) commit(ctx context.Context, bucket, key string, meta map[string]string, stored *body) error {
	record := &s3Record{Meta: meta, Size: stored.size, MD5: stored.md5, Time: time.Now().UTC(), Blob: stored.blob, inline: stored.inline}
	value, err := record.encode()
	if err != nil {
		return errors.Join(err, b.blobs.remove(stored.blob))
	}
	var replaced string
	err = b.db.Batch(func(tx *bbolt.Tx) error {
		replaced = "" // the function may run again when another write of its batch failed
		objects, err := objectsOf(tx, bucket)
		if err != nil {
			return err
		}
		old, err := recordOf(objects, key)
		if err != nil {
			return err
		}
		etag := ""
		if old != nil {
			replaced, etag = old.Blob, hex.EncodeToString(old.MD5)
		}
		if err := gofakes3.CheckWriteConditions(ctx, old != nil, etag); err != nil {
			return err
		}
		return objects.Put([]byte(key), value)
	})
	if err != nil {
		return errors.Join(err, b.blobs.remove(stored.blob))
	}
	return b.blobs.remove(replaced)
}

// DeleteObject removes an object; one that is not there is no error.
func (b *s3Backend) DeleteObject(_ context.Context, bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	return gofakes3.ObjectDeleteResult{}, wire(b.remove(bucket, []string{key}))
}

// remove deletes objects in one transaction, then their blobs.
func (b *s3Backend) remove(bucket string, keys []string) error {
	var blobs []string
	err := b.db.Batch(func(tx *bbolt.Tx) error {
		blobs = blobs[:0]
		objects, err := objectsOf(tx, bucket)
		if err != nil {
			return err
		}
		for _, key := range keys {
			record, err := recordOf(objects, key)
			if err != nil {
				return err
			}
			if record == nil {
				continue
			}
			blobs = append(blobs, record.Blob)
			if err := objects.Delete([]byte(key)); err != nil {
				return fmt.Errorf("delete object %s: %w", key, err)
			}
		}
		return nil
	})
	for _, blob := range blobs {
		if err == nil {
			err = b.blobs.remove(blob)
		}
	}
	return err
}

// DeleteMulti removes many objects at once: all or none.
func (b *s3Backend) DeleteMulti(_ context.Context, bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	var result gofakes3.MultiDeleteResult
	if err := b.remove(bucket, keys); err != nil {
		return result, wire(err)
	}
	for _, key := range keys {
		result.Deleted = append(result.Deleted, gofakes3.ObjectID{Key: key})
	}
	return result, nil
}

// CopyObject copies an object.
func (b *s3Backend) CopyObject(ctx context.Context, fromBucket, fromKey, bucket, key string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	var result gofakes3.CopyObjectResult
	source, err := b.GetObject(ctx, fromBucket, fromKey, nil)
	if err != nil {
		return result, err
	}
	defer source.Contents.Close()
	if _, err := b.PutObject(ctx, bucket, key, meta, source.Contents, source.Size); err != nil {
		return result, err
	}
	result.ETag = quoted(source.Hash)
	result.LastModified = gofakes3.NewContentTime(time.Now().UTC())
	return result, nil
}

// quoted returns the ETag of a body with this MD5.
func quoted(md5 []byte) string { return `"` + hex.EncodeToString(md5) + `"` }

// errStorageFull is the answer when the disk is full; MinIO gives the same code.
var errStorageFull = gofakes3.ErrorMessage("XMinioStorageFull", "the disk of the object store is full: free some space")

// wire returns the error that the front can turn into an S3 answer: it looks at the outermost error only, so a code
// that was wrapped on its way would read "internal error".
func wire(err error) error {
	var coded gofakes3.Error
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return errStorageFull
	case errors.As(err, &coded):
		return coded
	}
	return err
}
