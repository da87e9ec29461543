package embed

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rclone/gofakes3"
)

// upload is an unfinished multipart upload: a folder of parts. It lives as long as the process, as the front's own
// list of uploads does; what a crash leaves behind is removed at the next start.
type upload struct {
	bucket, key string            // set once
	meta        map[string]string // set once
	dir         string            // set once

	mu    sync.Mutex   // guards what follows; held while parts are put together, so that this happens once
	parts map[int]part // by part number
	used  time.Time    // last sign of life
	etag  string       // set when completed: a repeated Complete answers the same
}

// part is one stored part.
type part struct {
	path string
	size int64
	md5  []byte
}

// abandonedAfter is how long an upload may be silent before it is reaped. Nothing of Souffleur takes longer than minutes.
const abandonedAfter = 24 * time.Hour

// CreateMultipartUpload begins an upload under a random ID.
func (b *s3Backend) CreateMultipartUpload(_ context.Context, bucket, key string, meta map[string]string) (gofakes3.UploadID, error) {
	id := gofakes3.UploadID(randomName())
	u := &upload{bucket: bucket, key: key, meta: meta, dir: filepath.Join(b.parts, string(id)), parts: map[int]part{}, used: time.Now()}
	if err := os.Mkdir(u.dir, 0o700); err != nil {
		return "", wire(fmt.Errorf("begin multipart upload: %w", err))
	}
	b.mu.Lock()
	b.uploads[id] = u
	b.mu.Unlock()
	return id, nil
}

// upload returns the upload of that ID and place, or ErrNoSuchUpload.
func (b *s3Backend) upload(id gofakes3.UploadID, bucket, key string) (*upload, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.uploads[id]
	if u == nil || u.bucket != bucket || u.key != key {
		return nil, gofakes3.ErrNoSuchUpload
	}
	return u, nil
}

// UploadPart streams a part to a file. Fewer bytes than announced are refused: the front does not look.
func (b *s3Backend) UploadPart(_ context.Context, bucket, key string, id gofakes3.UploadID, number int, size int64, r io.Reader) (string, error) {
	u, err := b.upload(id, bucket, key)
	if err != nil {
		return "", err
	}
	p := part{path: filepath.Join(u.dir, strconv.Itoa(number)+"-"+randomName())}
	sum := md5.New()
	p.size, err = writeDurable(p.path, io.TeeReader(r, sum))
	if err == nil && p.size != size {
		err = gofakes3.ErrIncompleteBody
	}
	if err != nil {
		return "", wire(errors.Join(err, removeFile(p.path)))
	}
	p.md5 = sum.Sum(nil)
	u.mu.Lock()
	defer u.mu.Unlock()
	old := u.parts[number].path
	u.parts[number], u.used = p, time.Now()
	return quoted(p.md5), removeFile(old)
}

// removeFile deletes path; "" and a missing file are no error.
func removeFile(path string) error {
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove part: %w", err)
	}
	return nil
}

// CompleteMultipartUpload puts the parts together under the conditions of the request in ctx. It may be repeated.
func (b *s3Backend) CompleteMultipartUpload(ctx context.Context, bucket, key string, id gofakes3.UploadID, wanted *gofakes3.CompleteMultipartUploadRequest) (gofakes3.VersionID, string, error) {
	u, err := b.upload(id, bucket, key)
	if err != nil {
		return "", "", err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.etag != "" {
		return "", u.etag, nil
	}
	chosen, err := u.chooseLocked(wanted.Parts)
	if err != nil {
		return "", "", err
	}
	stored, err := b.join(chosen)
	if err != nil {
		return "", "", wire(err)
	}
	if err := b.commit(ctx, bucket, key, u.meta, stored); err != nil {
		return "", "", wire(err)
	}
	u.etag, u.used = quoted(stored.md5), time.Now()
	return "", u.etag, b.drop(id, u)
}

// chooseLocked returns the stored parts that the request names, checking numbers, order and ETags.
func (u *upload) chooseLocked(wanted []gofakes3.CompletedPart) ([]part, error) {
	chosen := make([]part, 0, len(wanted))
	last := 0
	for _, w := range wanted {
		p, ok := u.parts[w.PartNumber]
		if !ok || hex.EncodeToString(p.md5) != strings.Trim(w.ETag, `"`) {
			return nil, gofakes3.ErrInvalidPart
		}
		if w.PartNumber <= last {
			return nil, gofakes3.ErrInvalidPartOrder
		}
		last = w.PartNumber
		chosen = append(chosen, p)
	}
	if len(chosen) == 0 {
		return nil, gofakes3.ErrMalformedXML
	}
	return chosen, nil
}

// join reads the parts one after the other into one stored body.
func (b *s3Backend) join(parts []part) (*body, error) {
	var total int64
	readers := make([]io.Reader, 0, len(parts))
	for _, p := range parts {
		f, err := os.Open(p.path)
		if err != nil {
			return nil, fmt.Errorf("open part: %w", err)
		}
		defer f.Close()
		readers = append(readers, f)
		total += p.size
	}
	return b.blobs.read(io.MultiReader(readers...), total, nil)
}

// AbortMultipartUpload discards an upload. It may be repeated.
func (b *s3Backend) AbortMultipartUpload(_ context.Context, bucket, key string, id gofakes3.UploadID) error {
	u, err := b.upload(id, bucket, key)
	if err != nil {
		return nil //nolint:nilerr // an upload that is gone is aborted
	}
	return b.drop(id, u)
}

// drop forgets an upload and its parts.
func (b *s3Backend) drop(id gofakes3.UploadID, u *upload) error {
	b.mu.Lock()
	delete(b.uploads, id)
	b.mu.Unlock()
	if err := os.RemoveAll(u.dir); err != nil {
		return fmt.Errorf("remove parts of an upload: %w", err)
	}
	return nil
}

// reap drops the uploads without a sign of life since before, and calls forget for each.
func (b *s3Backend) reap(before time.Time, forget func(bucket, key string, id gofakes3.UploadID)) error {
	b.mu.Lock()
	all := make(map[gofakes3.UploadID]*upload, len(b.uploads))
	for id, u := range b.uploads {
		all[id] = u
	}
	b.mu.Unlock()
	var failed error
	for id, u := range all {
		u.mu.Lock()
		stale := u.used.Before(before)
		u.mu.Unlock()
		if !stale {
			continue
		}
		failed = errors.Join(failed, b.drop(id, u))
		forget(u.bucket, u.key, id)
	}
	return failed
}
