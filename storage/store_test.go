package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"souffleur/internal/s3test"
)

func testCreateOnce(t *testing.T, server s3test.Server) {
	store := bucket(t, server)
	const writers = 32
	errs := make([]error, writers)
	var work sync.WaitGroup
	for i := range writers {
		work.Go(func() { errs[i] = store.Create(t.Context(), "rooms/one.json", fmt.Appendf(nil, "writer %d", i)) })
	}
	work.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("writers %d and %d both created the object", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, ErrExists):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	body, _, err := store.Get(t.Context(), "rooms/one.json")
	must(t, err)
	if want := fmt.Sprintf("writer %d", winner); string(body) != want {
		t.Errorf("the object holds %q, want that of the winner %q", body, want)
	}
}

func testConflictRetry(t *testing.T, server s3test.Server) {
	store := bucket(t, server)
	must(t, store.Create(t.Context(), "counter", []byte("0")))
	const writers, rounds = 8, 5
	var work sync.WaitGroup
	for range writers {
		work.Go(func() {
			for range rounds {
				addOne(t, store)
			}
		})
	}
	work.Wait()
	body, _, err := store.Get(t.Context(), "counter")
	must(t, err)
	if string(body) != strconv.Itoa(writers*rounds) {
		t.Errorf("counter is %s after %d increments", body, writers*rounds)
	}
}

// addOne is the read-change-write of a document, down to its parts.
func addOne(t *testing.T, store *Store) {
	for {
		body, etag, err := store.Get(t.Context(), "counter")
		if err != nil {
			t.Error(err)
			return
		}
		n, err := strconv.Atoi(string(body))
		if err != nil {
			t.Error(err)
			return
		}
		err = store.Update(t.Context(), "counter", []byte(strconv.Itoa(n+1)), etag)
		if err == nil {
			return
		}
		if !errors.Is(err, ErrConflict) {
			t.Error(err)
			return
		}
	}
}

// testLostAnswer puts a proxy before the server that lets the first write through and breaks the connection before the
// answer: the client writes again and is refused because of itself.
func testLostAnswer(t *testing.T, server s3test.Server) {
	direct := bucket(t, server)
	lossy := s3test.Server{Endpoint: losingProxy(t, server.Endpoint), AccessKey: server.AccessKey, SecretKey: server.SecretKey}
	config := DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey, config.Bucket = lossy.Endpoint, lossy.AccessKey, lossy.SecretKey, direct.bucket
	store, err := Open(t.Context(), config, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(store.Close)

	if err := store.Create(t.Context(), "once", []byte("mine")); err != nil {
		t.Errorf("create whose first answer was lost: %v", err)
	}
	_, etag, err := store.Get(t.Context(), "once")
	must(t, err)
	if err := store.Update(t.Context(), "once", []byte("mine, again"), etag); err != nil {
		t.Errorf("update whose first answer was lost: %v", err)
	}
	// The same bytes from somebody else are still somebody else's.
	must(t, direct.Create(t.Context(), "theirs", []byte("equal")))
	if err := store.Create(t.Context(), "theirs", []byte("equal")); !errors.Is(err, ErrExists) {
		t.Errorf("create of an existing object with equal content: got %v, want ErrExists", err)
	}
}

// losingProxy forwards to endpoint under the original host name, which is signed. For every key, the answer to the
// first PUT is thrown away with its connection.
func losingProxy(t *testing.T, endpoint string) string {
	var seen sync.Map
	var lost atomic.Int64
	proxy := signedProxy(t, endpoint)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		again := true
		if r.Method == http.MethodPut {
			_, again = seen.LoadOrStore(r.URL.Path+r.Header.Get("If-Match"), true)
		}
		if again {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		lost.Add(1)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(func() {
		front.Close()
		if lost.Load() < 2 {
			t.Errorf("only %d answers were lost: the test did not test anything", lost.Load())
		}
	})
	return strings.TrimPrefix(front.URL, "http://")
}

func testListing(t *testing.T, server s3test.Server) {
	store := bucket(t, server)
	const objects = 1203 // more than one page of 1,000
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for i := w; i < objects; i += 8 {
				if err := store.Create(t.Context(), fmt.Sprintf("meetings/m%04d/a.json", i), []byte("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	must(t, store.Create(t.Context(), "meetings/m0007/b/c.json", []byte("xyz")))
	must(t, store.Create(t.Context(), "meetingsx", []byte("x")))

	all, err := store.List(t.Context(), "meetings/")
	must(t, err)
	if len(all) != objects+1 {
		t.Fatalf("listed %d objects, want %d", len(all), objects+1)
	}
	for i := 1; i < len(all); i++ {
		if all[i-1].Key >= all[i].Key {
			t.Fatalf("%s stands before %s", all[i-1].Key, all[i].Key)
		}
	}
	one, err := store.List(t.Context(), "meetings/m0007/b")
	must(t, err)
	if len(one) != 1 || one[0].Size != 3 || one[0].ETag == "" || one[0].Modified.IsZero() {
		t.Errorf("one object listed as %+v", one)
	}
	folders, err := store.Folders(t.Context(), "meetings/")
	must(t, err)
	if len(folders) != objects || folders[7] != "m0007" {
		t.Errorf("listed %d folders, want %d", len(folders), objects)
	}
	none, err := store.List(t.Context(), "nothing/")
	if err != nil || len(none) != 0 {
		t.Errorf("listing of nothing: %v, %v", none, err)
	}
}

func testMissing(t *testing.T, server s3test.Server) {
	store := bucket(t, server)
	if _, _, err := store.Get(t.Context(), "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("get: got %v, want ErrNotFound", err)
	}
	if err := store.Update(t.Context(), "none", []byte("x"), "d41d8cd98f00b204e9800998ecf8427e"); !errors.Is(err, ErrConflict) {
		t.Errorf("update: got %v, want ErrConflict", err)
	}
	if err := store.Delete(t.Context(), "none"); err != nil {
		t.Errorf("delete: %v", err)
	}
	must(t, store.Create(t.Context(), "gone", []byte("x")))
	must(t, store.Delete(t.Context(), "gone"))
	if _, _, err := store.Get(t.Context(), "gone"); !errors.Is(err, ErrNotFound) {
		t.Errorf("get after delete: got %v, want ErrNotFound", err)
	}
	must(t, store.Create(t.Context(), "gone", nil))
	if body, _, err := store.Get(t.Context(), "gone"); err != nil || len(body) != 0 {
		t.Errorf("empty object: %q, %v", body, err)
	}
}

func TestOpenNamesTheWrongSetting(t *testing.T) {
	server := s3test.Embedded(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	good := DefaultConfig()
	good.Endpoint, good.AccessKey, good.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	for _, c := range []struct {
		change func(*Config)
		names  string
	}{
		{func(c *Config) { c.Endpoint = "" }, "S3_ENDPOINT"},
		{func(c *Config) { c.Endpoint = "http://somewhere:9000" }, "S3_ENDPOINT"},
		{func(c *Config) { c.Endpoint = closed.Addr().String() }, "S3_ENDPOINT"},
		{func(c *Config) { c.Region = "" }, "S3_REGION"},
		{func(c *Config) { c.SecretKey = "" }, "S3_SECRET_KEY"},
		{func(c *Config) { c.SecretKey = "wrong" }, "S3_SECRET_KEY"},
		{func(c *Config) { c.AccessKey = "wrong" }, "S3_ACCESS_KEY"},
		{func(c *Config) { c.Bucket = "Große Runde" }, "S3_BUCKET"},
		{func(c *Config) { c.Bucket = "127.0.0.1" }, "S3_BUCKET"},
	} {
		config := good
		c.change(&config)
		store, err := Open(t.Context(), config, slog.New(slog.DiscardHandler))
		if err == nil {
			store.Close()
			t.Errorf("%+v opened", config)
			continue
		}
		if !strings.Contains(err.Error(), c.names) {
			t.Errorf("error does not name %s: %v", c.names, err)
		}
	}
}
