// Package s3test runs a test against the object stores that Souffleur supports: always the embedded one, and a real
// MinIO server where the environment asks for it. It is for tests only.
//
// Start reading at [Each].
package s3test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"souffleur/internal/embed"
)

// Server is a running object store.
type Server struct {
	Endpoint  string // host:port, no TLS
	AccessKey string
	SecretKey string
}

// RealEnv names the environment variable that turns tests on real servers on; any value but "" does.
const RealEnv = "SOUFFLEUR_TEST_REAL"

// startTimeout is how long MinIO may take to answer; 0.6 to 1.2 s is usual.
const startTimeout = 30 * time.Second

// Each runs test as subtest "embedded" on a fresh embedded store, and as subtest "minio" on a fresh MinIO server if
// SOUFFLEUR_TEST_REAL is set. Make the MinIO binary with scripts/real-minio.sh first.
func Each(t *testing.T, test func(t *testing.T, server Server)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	if os.Getenv(RealEnv) != "" {
		t.Run("minio", func(t *testing.T) { test(t, MinIO(t)) })
	}
}

// Embedded starts the embedded store on a fresh directory and stops it at the end of the test.
func Embedded(t testing.TB) Server {
	t.Helper()
	store, err := embed.StartS3(t.Context(), embed.S3Config{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return Server{Endpoint: store.Endpoint(), AccessKey: store.AccessKey(), SecretKey: store.SecretKey()}
}

// MinIO starts a real server on a fresh directory and stops it at the end of the test.
func MinIO(t testing.TB) Server {
	t.Helper()
	server := Server{Endpoint: freeAddr(t), AccessKey: "testaccess", SecretKey: "testsecret123"}
	command := exec.Command(binary(t), "server", "--quiet", "--address", server.Endpoint, t.TempDir())
	command.Env = append(os.Environ(), "MINIO_ROOT_USER="+server.AccessKey, "MINIO_ROOT_PASSWORD="+server.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off")
	if err := command.Start(); err != nil {
		t.Fatalf("start minio: %v", err)
	}
	t.Cleanup(func() { stop(t, command) })
	await(t, server)
	return server
}

// binary finds what scripts/real-minio.sh built, from any package folder.
func binary(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "build", "real", "bin", "minio")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatalf("%s is set, but there is no MinIO: run scripts/real-minio.sh", RealEnv)
	return ""
}

func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// await polls until the server answers signed requests; before that it says that it is not initialised, although its
// health check is good.
func await(t testing.TB, server Server) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	client, err := minio.New(server.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: "us-east-1", MaxRetries: 1, Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		_, err := client.BucketExists(ctx, "ready")
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("minio did not start: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the process and waits until it is gone.
func stop(t testing.TB, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop minio: %v", err)
	}
	timer := time.AfterFunc(10*time.Second, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	_ = command.Wait() // MinIO's exit status after SIGTERM says nothing
}
