package storage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
)

// rotation is an installation in the middle of replacing its master key.
type rotation struct {
	store     *Store
	old, both *seal.Master
	alone     *seal.Master // the new one
	meetings  []Meeting
}

const rotatingRoom meeting.RoomID = "kfm-rtqw-xzdp"

func rotating(t *testing.T, server s3test.Server, meetings int) *rotation {
	t.Helper()
	first, second := strings.TrimSpace(seal.NewMasterText()), strings.TrimSpace(seal.NewMasterText())
	parse := func(text string) *seal.Master {
		m, err := seal.ParseMaster(text)
		must(t, err)
		return m
	}
	r := &rotation{store: bucket(t, server), old: parse(first), both: parse(second + "\n" + first), alone: parse(second)}
	keys := NewKeyring(r.store, r.old)
	must(t, NewRooms(r.store, keys).Create(t.Context(), Room{ID: rotatingRoom, Name: "Saal"}))
	for range meetings {
		m := hold(t, keys, NewMeetings(r.store, keys), meeting.Transcript)
		storeWords(t, r.store, keys, m.ID, "Worte")
		r.meetings = append(r.meetings, m)
	}
	return r
}

// readable checks that everything opens with a master key.
func (r *rotation) readable(t *testing.T, master *seal.Master) {
	t.Helper()
	keys := NewKeyring(r.store, master)
	if room, err := NewRooms(r.store, keys).Get(t.Context(), rotatingRoom); err != nil || room.Name != "Saal" {
		t.Errorf("room %+v, %v", room, err)
	}
	for _, m := range r.meetings {
		if _, err := keys.Live(t.Context(), m.ID); err != nil {
			t.Error(err)
		}
		if v, err := NewTranscripts(r.store, keys, NewMeetings(r.store, keys)).Read(t.Context(), m.ID); err != nil || texts(v) != "Worte" {
			t.Errorf("transcript %v, %v", v, err)
		}
	}
}

// meddled opens the same bucket through a proxy in which meddle sees each write first; false refuses it.
func (r *rotation) meddled(t *testing.T, server s3test.Server, meddle func(object string) bool) *Store {
	t.Helper()
	proxy := signedProxy(t, server.Endpoint)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPut && !meddle(strings.TrimPrefix(q.URL.Path, "/"+r.store.bucket+"/")) {
			w.WriteHeader(http.StatusForbidden) // not repeated by the client
			return
		}
		proxy.ServeHTTP(w, q)
	}))
	t.Cleanup(front.Close)
	config := DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = strings.TrimPrefix(front.URL, "http://"), server.AccessKey, server.SecretKey
	config.Bucket = r.store.bucket
	store, err := Open(t.Context(), config, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(store.Close)
	return store
}

// testRotationStops breaks off the replacement of the master key at every write and goes on.
func testRotationStops(t *testing.T, server s3test.Server) {
	r := rotating(t, server, 2)
	const all = 5 // the instance key, two archive keys, two live keys
	var allowed atomic.Int64
	store := r.meddled(t, server, func(string) bool { return allowed.Add(-1) >= 0 })
	for n := range all {
		allowed.Store(1)
		done, err := NewKeyring(store, r.both).Rewrap(t.Context())
		if n < all-1 && err == nil || done.Done != 1 || done.Already != n {
			t.Fatalf("stopped after %d: %+v, %v", n+1, done, err)
		}
		r.readable(t, r.both)
		use, err := NewKeyring(r.store, r.both).Use(t.Context())
		must(t, err)
		if use.ByMaster[r.old.ID()] != all-1-n || use.ByMaster[r.alone.ID()] != n+1 || len(use.Faults) != 0 {
			t.Errorf("after %d: %+v", n+1, use)
		}
	}
	r.readable(t, r.alone)
	if done, err := NewKeyring(r.store, r.both).Rewrap(t.Context()); err != nil || done.Already != all || done.Done != 0 {
		t.Errorf("once more: %+v, %v", done, err)
	}
	if _, err := NewKeyring(r.store, r.old).Archive(t.Context(), r.meetings[0].ID); !errors.Is(err, seal.ErrMaster) {
		t.Errorf("the old key still opens: %v", err)
	}
}

// testRotationOfDeletedKeys deletes a key at the moment at which it is to be rewrapped: it must stay deleted.
func testRotationOfDeletedKeys(t *testing.T, server s3test.Server) {
	r := rotating(t, server, 2)
	gone := archiveObject(r.meetings[0].ID)
	var once atomic.Bool
	store := r.meddled(t, server, func(object string) bool {
		if object == gone && once.CompareAndSwap(false, true) {
			must(t, r.store.Delete(context.Background(), gone))
		}
		return true
	})
	done, err := NewKeyring(store, r.both).Rewrap(t.Context())
	if err != nil || done.Gone != 1 || done.Done != 4 {
		t.Errorf("got %+v, %v", done, err)
	}
	if _, _, err := r.store.Get(t.Context(), gone); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted key came back: %v", err)
	}
}

// testRotationPassesOverBadKeys has a foreign, a cut and a newer key among the good ones.
func testRotationPassesOverBadKeys(t *testing.T, server s3test.Server) {
	r := rotating(t, server, 3)
	foreign := NewKeyring(r.store, master(t))
	must(t, foreign.Create(t.Context(), meeting.NewID()))
	body, _, err := r.store.Get(t.Context(), liveObject(r.meetings[1].ID))
	must(t, err)
	must(t, r.store.Put(t.Context(), liveObject(r.meetings[1].ID), body[:len(body)/2]))
	must(t, r.store.Put(t.Context(), liveObject(r.meetings[2].ID), []byte(strings.Replace(string(body), `"v":1`, `"v":9`, 1))))
	done, err := NewKeyring(r.store, r.both).Rewrap(t.Context())
	if err != nil || done.Done != 5 || len(done.Faults) != 4 {
		t.Fatalf("got %+v, %v", done, err)
	}
	kinds := map[error]int{}
	for _, f := range done.Faults {
		for _, kind := range []error{seal.ErrMaster, ErrDamaged, ErrVersion} {
			if errors.Is(f.Err, kind) {
				kinds[kind]++
			}
		}
	}
	if kinds[seal.ErrMaster] != 2 || kinds[ErrDamaged] != 1 || kinds[ErrVersion] != 1 {
		t.Errorf("faults are %v", done.Faults)
	}
	keys := NewKeyring(r.store, r.alone)
	if all, err := NewMeetings(r.store, keys).List(t.Context()); err != nil || len(all) != 3 {
		t.Errorf("bad keys hide good meetings: %d, %v", len(all), err)
	}
}

// testRunningServersLearnTheMasterKey replaces the master key beside a running server.
func testRunningServersLearnTheMasterKey(t *testing.T, server s3test.Server) {
	r := rotating(t, server, 2)
	running := NewKeyring(r.store, r.old)
	var asked atomic.Int64
	present := r.old
	running.Relearn(func(context.Context) (*seal.Master, error) {
		asked.Add(1)
		return present, nil
	})
	if _, err := running.Live(t.Context(), r.meetings[0].ID); err != nil {
		t.Fatal(err)
	}
	must(t, NewKeyring(r.store, r.old).Create(t.Context(), meeting.NewID())) // a meeting that begins meanwhile
	if _, err := NewKeyring(r.store, r.both).Rewrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	present = r.both
	if _, err := running.Live(t.Context(), r.meetings[1].ID); err != nil {
		t.Errorf("a running server does not learn: %v", err)
	}
	fresh := meeting.NewID()
	must(t, running.Create(t.Context(), fresh))
	if use, err := running.Use(t.Context()); err != nil || use.ByMaster[r.old.ID()] != 0 || use.ByMaster[r.alone.ID()] != 9 {
		t.Errorf("keys are wrapped by %v, %v", use.ByMaster, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the master key was read %d times", asked.Load())
	}
	must(t, NewKeyring(r.store, master(t)).Create(t.Context(), meeting.NewID()))
	foreign := meeting.NewID()
	must(t, NewKeyring(r.store, master(t)).Create(t.Context(), foreign))
	for range 5 {
		if _, err := running.Live(t.Context(), foreign); !errors.Is(err, seal.ErrMaster) {
			t.Errorf("a foreign key: %v", err)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("foreign keys made it be read %d times", asked.Load())
	}
}
