package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("no such object")                            // the key names nothing
	ErrExists   = errors.New("object exists")                             // Create: somebody was first
	ErrConflict = errors.New("object changed meanwhile")                  // Update: read again, decide, retry
	ErrTooLarge = fmt.Errorf("object is larger than %d bytes", maxObject) // never written by Souffleur
)

// maxObject bounds what Get takes into memory. The transcript of a ten-hour meeting with words has about 10 MB.
const maxObject = 64 << 20

const (
	// maxTries is how often the client repeats a request by itself. Callers that must not lose anything have their own
	// loop; a person waiting for a page should not wait longer.
	maxTries = 4
	// callTimeout bounds one call with all its tries; a store that takes requests and never answers would hold it forever.
	callTimeout = 30 * time.Second
	// writeIDHeader is the user metadata that says which call wrote an object.
	writeIDHeader = "Write-Id"
	// shredHeader is the user metadata that asks the embedded store to overwrite an object when it is deleted or replaced.
	shredHeader = "Shred"
)

// Store reads and writes the objects of one bucket. It is safe for concurrent use.
//
// Keys are ASCII paths; no key is another key plus "/…": some stores cannot hold both.
type Store struct {
	core      minio.Core
	bucket    string
	transport *http.Transport
	log       *slog.Logger
}

// Object is one line of a listing.
type Object struct {
	Key      string
	Size     int64 // bytes
	ETag     string
	Modified time.Time
}

// Open connects to the store and makes the bucket if it is missing. The error is a sentence that names the setting to
// look at. Close the store when done.
func Open(ctx context.Context, config Config, log *slog.Logger) (*Store, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	transport, err := minio.DefaultTransport(config.TLS)
	if err != nil {
		return nil, fmt.Errorf("prepare connections to the object store: %w", err)
	}
	client, err := minio.New(config.Endpoint, &minio.Options{
		Creds:        credentials.NewStaticV4(config.AccessKey, config.SecretKey, ""),
		Secure:       config.TLS,
		Transport:    transport,
		Region:       config.Region, // set, so that the client does not ask for it
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   maxTries,
	})
	if err != nil {
		return nil, fmt.Errorf("S3_ENDPOINT %q: %w", config.Endpoint, err)
	}
	s := &Store{core: minio.Core{Client: client}, bucket: config.Bucket, transport: transport, log: log}
	if err := s.makeBucket(ctx, config.Region); err != nil {
		s.Close()
		return nil, openError(config, err)
	}
	return s, nil
}

// openError says which setting is probably wrong.
func openError(config Config, err error) error {
	setting := "S3_ENDPOINT"
	switch minio.ToErrorResponse(err).Code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied":
		setting = "S3_ACCESS_KEY or S3_SECRET_KEY"
	case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		setting = "S3_REGION"
	}
	return fmt.Errorf("cannot use bucket %q of the object store at %s, check %s: %w", config.Bucket, config.Endpoint, setting, err)
}

// makeBucket creates the bucket unless it is there; another process may be doing the same.
func (s *Store) makeBucket(ctx context.Context, region string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	exists, err := s.core.BucketExists(ctx, s.bucket)
	if err != nil || exists {
		return err
	}
	err = s.core.MakeBucket(ctx, s.bucket, minio.MakeBucketOptions{Region: region})
	switch minio.ToErrorResponse(err).Code {
	case "BucketAlreadyExists", "BucketAlreadyOwnedByYou":
		return nil
	}
	return err
}

// Close drops the idle connections.
func (s *Store) Close() { s.transport.CloseIdleConnections() }

// Create writes a new object. If there is one already, the error is ErrExists.
func (s *Store) Create(ctx context.Context, key string, body []byte) error {
	var options minio.PutObjectOptions
	options.SetMatchETagExcept("*")
	return s.write(ctx, key, body, options, ErrExists)
}

// Update replaces an object that still has the given ETag; otherwise, or if it is gone, the error is ErrConflict.
func (s *Store) Update(ctx context.Context, key string, body []byte, etag string) error {
	var options minio.PutObjectOptions
	options.SetMatchETag(etag)
	return s.write(ctx, key, body, options, ErrConflict)
}

// Put writes an object whatever is there: for objects that only one call writes.
func (s *Store) Put(ctx context.Context, key string, body []byte) error {
	return s.write(ctx, key, body, minio.PutObjectOptions{}, ErrConflict)
}

// write puts an object in one request. refused is the error for an unmet condition.
func (s *Store) write(ctx context.Context, key string, body []byte, options minio.PutObjectOptions, refused error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	id := rand.Text()
	options.UserMetadata = map[string]string{writeIDHeader: id}
	if mustShred(key) {
		options.UserMetadata[shredHeader] = "1"
	}
	options.ContentType = "application/octet-stream"
	options.SendContentMd5 = true
	// Above 16 MiB the client would switch to multipart, where some stores ignore the condition.
	options.DisableMultipart = true
	_, err := s.core.Client.PutObject(ctx, s.bucket, key, bytes.NewReader(body), int64(len(body)), options)
	if err == nil {
		return nil
	}
	if !isRefusal(err) {
		return fmt.Errorf("write object %s: %w", key, err)
	}
	return s.settle(ctx, key, id, refused)
}

// settle finds out whether a refused write is our own earlier try whose answer was lost: the client repeats requests
// by itself. A hash of the content would not do: two callers may well write the same bytes, and only one of them wins.
func (s *Store) settle(ctx context.Context, key, id string, refused error) error {
	info, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("read back object %s after a refused write: %w", key, err)
	}
	if err == nil && info.UserMetadata[writeIDHeader] == id {
		return nil
	}
	return fmt.Errorf("write object %s: %w", key, refused)
}

// isRefusal says whether the store refused a conditional write: 412; 404 for If-Match on a missing object; 409 for a
// concurrent write (AWS).
func isRefusal(err error) bool {
	response := minio.ToErrorResponse(err)
	switch response.StatusCode {
	case http.StatusPreconditionFailed, http.StatusConflict:
		return true
	case http.StatusNotFound:
		return response.Code != "NoSuchBucket"
	}
	return response.Code == "PreconditionFailed"
}

func isNotFound(err error) bool {
	response := minio.ToErrorResponse(err)
	return response.Code == "NoSuchKey" || response.StatusCode == http.StatusNotFound && response.Code != "NoSuchBucket"
}

// Get returns an object and its ETag. A missing one is ErrNotFound, one above 64 MiB ErrTooLarge.
func (s *Store) Get(ctx context.Context, key string) (body []byte, etag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reader, info, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		if isNotFound(err) {
			err = ErrNotFound
		}
		return nil, "", fmt.Errorf("read object %s: %w", key, err)
	}
	defer reader.Close()
	if info.Size > maxObject {
		return nil, "", fmt.Errorf("read object %s: %w", key, ErrTooLarge)
	}
	body, err = io.ReadAll(io.LimitReader(reader, maxObject+1))
	if err == nil && int64(len(body)) != info.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, "", fmt.Errorf("read object %s: %w", key, err)
	}
	return body, info.ETag, nil
}

// GetRange returns length bytes of an object from offset on, fewer if it ends before. A missing one is ErrNotFound; offset
// must lie inside of it, and length be at most 64 MiB.
func (s *Store) GetRange(ctx context.Context, key string, offset, length int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if length <= 0 || length > maxObject {
		return nil, fmt.Errorf("read part of object %s: %w", key, ErrTooLarge)
	}
	var options minio.GetObjectOptions
	if err := options.SetRange(offset, offset+length-1); err != nil {
		return nil, fmt.Errorf("read part of object %s: %w", key, err)
	}
	reader, _, _, err := s.core.GetObject(ctx, s.bucket, key, options)
	if err != nil {
		if isNotFound(err) {
			err = ErrNotFound
		}
		return nil, fmt.Errorf("read part of object %s: %w", key, err)
	}
	defer reader.Close()
	part, err := io.ReadAll(io.LimitReader(reader, length))
	if err != nil {
		return nil, fmt.Errorf("read part of object %s: %w", key, err)
	}
	return part, nil
}

// List returns all objects whose key begins with prefix, by rising key.
func (s *Store) List(ctx context.Context, prefix string) ([]Object, error) {
	var found []Object
	err := s.list(ctx, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}, func(info minio.ObjectInfo) {
		found = append(found, Object{Key: info.Key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified})
	})
	return found, err
}

// Files returns the objects directly below prefix, by rising key; those in folders below it are left out. prefix is "" or
// ends with "/".
func (s *Store) Files(ctx context.Context, prefix string) ([]Object, error) {
	var found []Object
	err := s.list(ctx, minio.ListObjectsOptions{Prefix: prefix}, func(info minio.ObjectInfo) {
		if !strings.HasSuffix(info.Key, "/") {
			found = append(found, Object{Key: info.Key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified})
		}
	})
	return found, err
}

// Folders returns the names directly below prefix that are folders, by rising name: for prefix "meetings/" the meetings
// that have objects. prefix is "" or ends with "/".
func (s *Store) Folders(ctx context.Context, prefix string) ([]string, error) {
	var found []string
	err := s.list(ctx, minio.ListObjectsOptions{Prefix: prefix}, func(info minio.ObjectInfo) {
		if name, isFolder := strings.CutSuffix(strings.TrimPrefix(info.Key, prefix), "/"); isFolder {
			found = append(found, name)
		}
	})
	return found, err
}

// list calls each for every line of a listing, fetching page after page.
func (s *Store) list(ctx context.Context, options minio.ListObjectsOptions, each func(minio.ObjectInfo)) error {
	// Leaving the loop early must end the client's goroutine.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for info := range s.core.Client.ListObjectsIter(ctx, s.bucket, options) {
		if info.Err != nil {
			return fmt.Errorf("list objects below %s: %w", options.Prefix, info.Err)
		}
		each(info)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("list objects below %s: %w", options.Prefix, err)
	}
	return nil
}

// Delete removes an object; one that is not there is no error.
func (s *Store) Delete(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	return nil
}

// sha256Hex returns the SHA-256 of text in hexadecimal: how secrets become object names.
func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
