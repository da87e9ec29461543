package embed

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// secret stores an object that must be shredded.
func secret(t *testing.T, b *s3Backend, key, text string) {
	t.Helper()
	meta := map[string]string{shredHeader: "1"}
	if _, err := b.PutObject(t.Context(), "b", key, meta, strings.NewReader(text), int64(len(text))); err != nil {
		t.Error(err)
	}
}

// TestDeletedSecretsAreNotOnDisk deletes and replaces small objects among many others, and holds their files open: what an unlinked
// file held can be found on a disk for long.
func TestDeletedSecretsAreNotOnDisk(t *testing.T) {
	b := backend(t)
	files := map[string]*os.File{}
	for i := range 40 {
		for j := range 5 {
			if _, err := b.PutObject(t.Context(), "b", fmt.Sprintf("m%d/%d", i, j), nil, strings.NewReader("body"), 4); err != nil {
				t.Fatal(err)
			}
		}
		secret(t, b, fmt.Sprintf("m%d/key", i), fmt.Sprintf("wrapped key %03d", i))
	}
	entries, err := os.ReadDir(b.blobs.dir)
	if err != nil || len(entries) != 40 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(b.blobs.dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files[e.Name()] = f
	}
	for i := range 20 {
		if _, err := b.DeleteObject(t.Context(), "b", fmt.Sprintf("m%d/key", i)); err != nil {
			t.Fatal(err)
		}
	}
	secret(t, b, "m20/key", "another key")
	left := 0
	for _, f := range files {
		content, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("wrapped")) {
			left++
		}
	}
	if left != 19 {
		t.Errorf("%d files still hold their key, want those 19 that were neither deleted nor replaced", left)
	}
	index, err := os.ReadFile(b.db.Path())
	if err != nil || bytes.Contains(index, []byte("wrapped key")) {
		t.Errorf("the index holds a key, %v", err)
	}
}

// TestReadersOfASecretNeverSeeItShredded reads while the object is replaced and deleted.
func TestReadersOfASecretNeverSeeItShredded(t *testing.T) {
	b := backend(t)
	secret(t, b, "key", "a key 000")
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				object, err := b.GetObject(t.Context(), "b", "key", nil)
				if err != nil {
					t.Error(err)
					return
				}
				content, err := io.ReadAll(object.Contents)
				object.Contents.Close()
				if err != nil || !strings.HasPrefix(string(content), "a key ") {
					t.Errorf("read %q, %v", content, err)
					return
				}
			}
		})
	}
	for i := range 200 {
		secret(t, b, "key", fmt.Sprintf("a key %03d", i))
	}
	close(done)
	readers.Wait()
}
