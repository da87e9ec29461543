package embed_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"souffleur/internal/dirlock"
	"souffleur/internal/embed"
)

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	_, err := embed.StartS3(t.Context(), embed.S3Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, dirlock.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("second start: %v", err)
	}
	must(t, first.Close())
	start(t, dir)
}

func TestARestartKeepsPortKeysAndObjects(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	core := connect(t, serverOf(first))
	small, large := random(100), random(1<<20)
	put(t, core, "small", small)
	put(t, core, "large", large)
	put(t, core, "large", large) // the file that this one replaces must go
	before := serverOf(first)
	must(t, first.Close())
	must(t, os.WriteFile(filepath.Join(dir, "blobs", "orphan"), []byte("x"), 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "parts", "unfinished"), 0o700))

	if after := serverOf(start(t, dir)); after != before {
		t.Errorf("after a restart the store is %+v, was %+v", after, before)
	}
	for key, want := range map[string][]byte{"small": small, "large": large} {
		if back, err := get(t.Context(), core, key, minio.GetObjectOptions{}); err != nil || !bytes.Equal(back, want) {
			t.Errorf("%s after a restart: %d bytes, %v", key, len(back), err)
		}
	}
	for folder, want := range map[string]int{"blobs": 1, "parts": 0} {
		files, err := os.ReadDir(filepath.Join(dir, folder))
		must(t, err)
		if len(files) != want {
			t.Errorf("%s holds %d files, want %d", folder, len(files), want)
		}
	}
}

func TestOnlyTheOwnerReadsKeysAndObjects(t *testing.T) {
	dir := t.TempDir()
	core := connect(t, serverOf(start(t, dir)))
	put(t, core, "large", random(100<<10))
	must(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		must(t, err)
		info, err := entry.Info()
		must(t, err)
		if path != dir && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	}))
	other := start(t, t.TempDir())
	if first, err := os.ReadFile(filepath.Join(dir, "keys.json")); err != nil || bytes.Contains(first, []byte(other.SecretKey())) {
		t.Errorf("two stores share a secret: %v", err)
	}
}

func TestOnlyLoopback(t *testing.T) {
	_, err := embed.StartS3(t.Context(), embed.S3Config{Dir: t.TempDir(), Addr: "0.0.0.0:0"}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("an address for everybody: %v", err)
	}
}

// A data directory holds no path: it may be moved, to another machine as well.
func TestAMovedDataDirectoryIsTheSame(t *testing.T) {
	home := t.TempDir()
	was, is := filepath.Join(home, "was"), filepath.Join(home, "somewhere", "else")
	store := start(t, filepath.Join(was, "s3"))
	core := connect(t, serverOf(store))
	small, large := random(100), random(1<<20)
	put(t, core, "small", small)
	put(t, core, "large", large)
	must(t, store.Close())
	p, addr := brokerChild(t, embed.BrokerConfig{Dir: filepath.Join(was, "kafka")})
	l := &ledger{acked: map[string]int32{}, committed: map[int32]int64{}}
	client := kafka(t, addr)
	createTopic(t, client, crashTopic, 1, nil)
	ctx, stop := context.WithCancel(t.Context())
	l.write(ctx, client, 0, 0, func(acked int) {
		if acked == 20 {
			stop()
		}
	})
	p.quit()

	must(t, os.MkdirAll(filepath.Dir(is), 0o700))
	must(t, os.Rename(was, is))
	core = connect(t, serverOf(start(t, filepath.Join(is, "s3"))))
	for key, want := range map[string][]byte{"small": small, "large": large} {
		if back, err := get(t.Context(), core, key, minio.GetObjectOptions{}); err != nil || !bytes.Equal(back, want) {
			t.Errorf("%s after the move: %d bytes, %v", key, len(back), err)
		}
	}
	_, addr = brokerChild(t, embed.BrokerConfig{Dir: filepath.Join(is, "kafka")})
	l.check(t, addr, 1)
	if _, err := os.Stat(was); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old place is used again: %v", err)
	}
}
