package embed

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/rclone/gofakes3"
	"go.etcd.io/bbolt"

	"souffleur/internal/dirlock"
)

// S3Config says where the embedded object store keeps its data and listens.
type S3Config struct {
	Dir  string // data directory; made if it is missing, used by one process at a time
	Addr string // "host:port", host on loopback; port 0 (or an empty Addr) takes the port of the last run, else a free one
}

// S3 is a running object store. It answers after data are durable (fsync), so what it acknowledged survives a crash
// of the process and of the machine.
//
// It does what Souffleur needs: put, get, range, stat, list, copy, delete, bulk delete, multipart uploads, presigned
// URLs and conditional writes, all signed (Signature V4). Versioning, life cycles, encryption by the server and bucket
// policies are missing on purpose.
type S3 struct {
	endpoint string // set once
	keys     s3Keys // set once

	db     *bbolt.DB
	lock   *dirlock.Lock
	server *http.Server
	log    *slog.Logger

	stop func()         // ends the goroutines below
	work sync.WaitGroup // listener and reaper

	closing sync.Once
	closed  error
}

// s3Keys is the content of the key file.
type s3Keys struct {
	Access string `json:"access_key"`
	Secret string `json:"secret_key"`
}

const (
	s3KeyFile   = "keys.json"
	s3IndexFile = "index.db"
	s3BlobDir   = "blobs"
	s3PartDir   = "parts"

	// s3HeaderTimeout and s3IdleTimeout keep connections that say nothing from piling up. There is no limit on a
	// whole request: a large upload may be slow.
	s3HeaderTimeout = 10 * time.Second
	s3IdleTimeout   = 2 * time.Minute
	// s3Grace is how long Close lets running requests finish.
	s3Grace = 3 * time.Second
	// reapEvery is how often abandoned uploads are looked for.
	reapEvery = time.Hour
)

// StartS3 opens the data directory and serves it. ctx bounds the start only; the store runs until Close. A directory
// that another process has open is [dirlock.ErrInUse].
func StartS3(ctx context.Context, config S3Config, log *slog.Logger) (*S3, error) {
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("data directory of the object store: %w", err)
	}
	lock, err := dirlock.Take(dir)
	if err != nil {
		return nil, fmt.Errorf("start object store: %w", err)
	}
	s := &S3{lock: lock, log: log}
	if err := s.start(ctx, dir, config.Addr); err != nil {
		return nil, errors.Join(fmt.Errorf("start object store: %w", err), s.release())
	}
	log.Info("object store started", "endpoint", s.endpoint, "dir", dir)
	return s, nil
}

// start opens everything below dir and serves.
func (s *S3) start(ctx context.Context, dir, addr string) error {
	var err error
	if s.keys, err = loadS3Keys(filepath.Join(dir, s3KeyFile)); err != nil {
		return err
	}
	backend, err := s.openBackend(dir)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, dir, addr)
	if err != nil {
		return err
	}
	s.serve(listener, backend)
	return nil
}

// openBackend opens index and blobs and removes what a crash left behind.
func (s *S3) openBackend(dir string) (*s3Backend, error) {
	blobs, err := openBlobStore(filepath.Join(dir, s3BlobDir))
	if err != nil {
		return nil, err
	}
	if s.db, err = openS3Index(filepath.Join(dir, s3IndexFile)); err != nil {
		return nil, err
	}
	used, err := blobsInUse(s.db)
	if err != nil {
		return nil, err
	}
	orphans, err := blobs.sweep(used)
	if err != nil {
		return nil, err
	}
	if orphans > 0 {
		s.log.Info("removed left-over files of the object store", "files", orphans)
	}
	parts := filepath.Join(dir, s3PartDir)
	if err := errors.Join(os.RemoveAll(parts), os.MkdirAll(parts, 0o700)); err != nil {
		return nil, fmt.Errorf("empty the folder of unfinished uploads: %w", err)
	}
	return &s3Backend{db: s.db, blobs: blobs, parts: parts, uploads: map[gofakes3.UploadID]*upload{}}, nil
}

// serve starts the goroutines.
func (s *S3) serve(listener net.Listener, backend *s3Backend) {
	front := gofakes3.New(backend,
		gofakes3.WithV4Auth(map[string]string{s.keys.Access: s.keys.Secret}),
		gofakes3.WithIntegrityCheck(true),
		gofakes3.WithoutVersioning(),
		gofakes3.WithLogger(s3Log{s.log}))
	s.endpoint = listener.Addr().String()
	s.server = &http.Server{
		Handler:           front.Server(),
		ReadHeaderTimeout: s3HeaderTimeout,
		IdleTimeout:       s3IdleTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.work.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("object store stopped", "err", err)
		}
	})
	s.work.Go(func() { s.reap(ctx, front, backend) })
}

// reap removes abandoned uploads until ctx ends.
func (s *S3) reap(ctx context.Context, front *gofakes3.GoFakeS3, backend *s3Backend) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			err := backend.reap(now.Add(-abandonedAfter), func(bucket, key string, id gofakes3.UploadID) {
				if err := front.ForgetMultipartUpload(ctx, bucket, key, id); err != nil {
					s.log.Debug("abandoned upload was already forgotten", "err", err)
				}
			})
			if err != nil {
				s.log.Warn("could not remove abandoned uploads", "err", err)
			}
		}
	}
}

// Endpoint returns "127.0.0.1:port".
func (s *S3) Endpoint() string { return s.endpoint }

// AccessKey returns the access key, random per data directory.
func (s *S3) AccessKey() string { return s.keys.Access }

// SecretKey returns the secret key, random per data directory.
func (s *S3) SecretKey() string { return s.keys.Secret }

// Close lets running requests finish for a few seconds, then stops the server and gives the directory back. It may be
// called again.
func (s *S3) Close() error {
	s.closing.Do(func() { s.closed = s.release() })
	return s.closed
}

// release closes what was opened, in reverse order.
func (s *S3) release() error {
	var failed error
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), s3Grace)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil {
			failed = s.server.Close()
		}
		s.stop()
		s.work.Wait()
	}
	if s.db != nil {
		failed = errors.Join(failed, s.db.Close())
	}
	if err := errors.Join(failed, s.lock.Close()); err != nil {
		return fmt.Errorf("stop object store: %w", err)
	}
	return nil
}

// RunningS3 returns how to reach the store that another process runs on dir; call it after StartS3 said [dirlock.ErrInUse].
func RunningS3(dir string) (endpoint, accessKey, secretKey string, err error) {
	keys, err := readS3Keys(filepath.Join(dir, s3KeyFile))
	if err != nil {
		return "", "", "", fmt.Errorf("find the running object store: %w", err)
	}
	port := rememberedPort(dir)
	if port == 0 {
		return "", "", "", fmt.Errorf("find the running object store: %s names no port", filepath.Join(dir, portName))
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), keys.Access, keys.Secret, nil
}

// loadS3Keys reads the key file, making it with random keys (mode 0600) at the first start.
func loadS3Keys(path string) (s3Keys, error) {
	keys, err := readS3Keys(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeS3Keys(path)
	}
	return keys, err
}

func readS3Keys(path string) (s3Keys, error) {
	var keys s3Keys
	text, err := os.ReadFile(path)
	if err != nil {
		return keys, fmt.Errorf("read keys: %w", err)
	}
	if err := json.Unmarshal(text, &keys); err != nil {
		return keys, fmt.Errorf("read keys from %s: %w", path, err)
	}
	if keys.Access == "" || keys.Secret == "" {
		return keys, fmt.Errorf("read keys from %s: a key is missing; remove the file to make new ones", path)
	}
	return keys, nil
}

func makeS3Keys(path string) (s3Keys, error) {
	keys := s3Keys{Access: randomText(12), Secret: randomText(25)}
	text, err := json.MarshalIndent(keys, "", "\t")
	if err != nil {
		return keys, fmt.Errorf("encode keys: %w", err)
	}
	fresh := path + ".new"
	if err := removeFile(fresh); err != nil {
		return keys, err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return keys, fmt.Errorf("write keys: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close(), os.Rename(fresh, path), syncDir(filepath.Dir(path))); err != nil {
		return keys, fmt.Errorf("write keys: %w", err)
	}
	return keys, nil
}

// randomText returns n random bytes as letters and digits.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails since Go 1.24
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// s3Log passes on what the protocol front reports as failures. Its other lines repeat every request, and the text of a
// refusal holds the URL with its signature.
type s3Log struct{ log *slog.Logger }

// Print implements gofakes3.Logger.
func (l s3Log) Print(level gofakes3.LogLevel, v ...any) {
	switch level {
	case gofakes3.LogErr:
		l.log.Error("object store request failed", "err", fmt.Sprint(v...))
	case gofakes3.LogWarn:
		l.log.Warn("object store refused a request: it is not signed with this store's keys, or no longer valid")
	}
}
