package embed_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"souffleur/internal/embed"
	"souffleur/internal/s3test"
)

// s3ChildEnv makes the test binary run a store on that directory, so that a test can kill it.
const s3ChildEnv = "SOUFFLEUR_TEST_RUN_S3"

// TestS3Child is not a test but the process that TestKilledStoreKeepsWhatItAcknowledged kills.
func TestS3Child(t *testing.T) {
	dir := os.Getenv(s3ChildEnv)
	if dir == "" {
		t.Skip("runs in a child process only")
	}
	store, err := embed.StartS3(context.Background(), embed.S3Config{Dir: dir}, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, json.NewEncoder(os.Stdout).Encode(serverOf(store)))
	io.Copy(io.Discard, os.Stdin) // until the parent is gone
}

// child starts a store in a process of its own.
func child(t *testing.T, dir string) (*exec.Cmd, s3test.Server) {
	t.Helper()
	p := spawn(t, "TestS3Child", s3ChildEnv+"="+dir)
	var server s3test.Server
	must(t, json.Unmarshal(p.line, &server))
	return p.command, server
}

// bodyOf returns the body that belongs to a key; every eighth is too large for the index.
func bodyOf(key string, n int) []byte {
	sum := sha256.Sum256([]byte(key))
	size := 1 + int(sum[0])*8
	if n%8 == 0 {
		size = 70 << 10
	}
	return bytes.Repeat(sum[:], size/len(sum)+1)[:size]
}

func TestKilledStoreKeepsWhatItAcknowledged(t *testing.T) {
	const writers = 4
	rounds, perRound := 5, 60
	if testing.Short() {
		rounds, perRound = 2, 15
	}
	dir := t.TempDir()
	acked := map[string][]byte{}
	for round := range rounds {
		command, server := child(t, dir)
		core := connect(t, server)
		checkAcked(t, core, acked)
		fresh := writeUntilKilled(t, core, command, writers, round, perRound)
		if len(fresh) < perRound {
			t.Fatalf("only %d writes were acknowledged", len(fresh))
		}
		for key, body := range fresh {
			acked[key] = body
		}
	}
	core := connect(t, serverOf(start(t, dir)))
	checkAcked(t, core, acked)
	checkUnacked(t, core)
	t.Logf("%d kills, %d acknowledged objects, none lost", rounds, len(acked))
}

// writeUntilKilled lets the writers write, kills the process after enough answers, and returns what was acknowledged.
func writeUntilKilled(t *testing.T, core minio.Core, command *exec.Cmd, writers, round, enough int) map[string][]byte {
	var mu sync.Mutex
	acked := map[string][]byte{}
	var killed sync.Once
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("round-%d/writer-%d/%06d", round, w, n)
				body := bodyOf(key, n)
				_, err := core.Client.PutObject(t.Context(), bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{DisableMultipart: true})
				if err != nil {
					return // the process is gone
				}
				mu.Lock()
				acked[key] = body
				done := len(acked) >= enough
				mu.Unlock()
				if done {
					killed.Do(func() {
						if err := command.Process.Kill(); err != nil {
							t.Error(err)
						}
					})
				}
			}
		})
	}
	work.Wait()
	_ = command.Wait() // it was killed
	return acked
}

func checkAcked(t *testing.T, core minio.Core, acked map[string][]byte) {
	t.Helper()
	for key, want := range acked {
		back, err := get(t.Context(), core, key, minio.GetObjectOptions{})
		if err != nil || !bytes.Equal(back, want) {
			t.Fatalf("%s was acknowledged and is now %d bytes, %v", key, len(back), err)
		}
	}
}

// checkUnacked reads everything that is there: what was not acknowledged may be there, but never in part.
func checkUnacked(t *testing.T, core minio.Core) {
	t.Helper()
	for info := range core.Client.ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, info.Err)
		var n int
		_, err := fmt.Sscanf(info.Key[len(info.Key)-6:], "%d", &n)
		must(t, err)
		back, err := get(t.Context(), core, info.Key, minio.GetObjectOptions{})
		if err != nil || !bytes.Equal(back, bodyOf(info.Key, n)) {
			t.Errorf("%s is torn: %d bytes, %v", info.Key, len(back), err)
		}
	}
}
