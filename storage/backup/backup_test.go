package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

var buckets atomic.Int64

// bucket opens a store on a fresh bucket.
func bucket(t *testing.T, server s3test.Server) *storage.Store {
	t.Helper()
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	config.Bucket = fmt.Sprintf("backup-%d", buckets.Add(1))
	store, err := storage.Open(t.Context(), config, quiet())
	must(t, err)
	t.Cleanup(store.Close)
	return store
}

func newMaster(t *testing.T) *seal.Master {
	t.Helper()
	_, raw := seal.NewKey()
	m, err := seal.NewMaster(raw)
	must(t, err)
	return m
}

// installation is a store with what a server keeps in it.
type installation struct {
	t           *testing.T
	store       *storage.Store
	master      *seal.Master
	keys        *storage.Keyring
	meetings    *storage.Meetings
	transcripts *storage.Transcripts
	bus         *bus.Bus
}

func install(t *testing.T, server s3test.Server) *installation {
	in := &installation{t: t, store: bucket(t, server), master: newMaster(t)}
	in.keys = storage.NewKeyring(in.store, in.master)
	in.meetings = storage.NewMeetings(in.store, in.keys)
	in.transcripts = storage.NewTranscripts(in.store, in.keys, in.meetings)
	return in
}

// furnish makes what stands beside meetings.
func (in *installation) furnish() meeting.RoomID {
	in.t.Helper()
	room := meeting.NewRoomID()
	ctx := in.t.Context()
	must(in.t, storage.NewRooms(in.store, in.keys).Create(ctx, storage.Room{ID: room, Name: "Zauberberg"}))
	must(in.t, storage.NewAudit(in.store, in.keys).Append(ctx, storage.AuditEntry{Actor: "uanna", Action: "room.create", Object: string(room)}))
	_, err := storage.NewInstance(in.store).Update(ctx, func(s *storage.Settings) error {
		s.Ceiling = meeting.Transcript
		return nil
	})
	must(in.t, err)
	_, err = storage.NewLinks(in.store, in.keys).Create(ctx, storage.LinkAdmin, "", time.Hour)
	must(in.t, err)
	return room
}

// broker gives the installation a Kafka.
func (in *installation) broker() {
	in.t.Helper()
	broker, err := embed.StartBroker(in.t.Context(), embed.BrokerConfig{Dir: in.t.TempDir()}, quiet())
	must(in.t, err)
	in.t.Cleanup(func() { must(in.t, broker.Close()) })
	config := bus.DefaultConfig()
	config.Brokers = []string{broker.Addr()}
	in.bus, err = bus.Open(in.t.Context(), config, quiet())
	must(in.t, err)
	in.t.Cleanup(func() { must(in.t, in.bus.Close()) })
}

// archive runs an archiver until the end of the test.
func (in *installation) archive() (stop func()) {
	in.t.Helper()
	config := storage.DefaultArchiverConfig()
	config.BatchAge, config.Poll = 50*time.Millisecond, 20*time.Millisecond
	archiver, err := storage.NewArchiver(in.bus, in.store, storage.NewKeyring(in.store, in.master), config, quiet())
	must(in.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- archiver.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-done; err != nil {
				in.t.Error(err)
			}
		}
	}
	in.t.Cleanup(stop)
	return stop
}

// hold begins a meeting in which lines are said, and awaits that they are stored.
func (in *installation) hold(room meeting.RoomID, lines ...string) meeting.ID {
	in.t.Helper()
	ctx, id := in.t.Context(), meeting.NewID()
	must(in.t, in.keys.Create(ctx, id))
	must(in.t, in.meetings.Create(ctx, storage.Meeting{
		ID: id, Room: room, RoomName: "Zauberberg", BeganUnixMS: time.Now().UnixMilli(),
		People: []meeting.Person{{Participant: "panna", Name: "Anna", Order: 1}},
	}))
	key, err := in.keys.Live(ctx, id)
	must(in.t, err)
	for n, line := range lines {
		s := meeting.Segment{Track: "tanna", Epoch: 1, FirstSeq: uint64(n), EndSeq: uint64(n + 1), Level: meeting.Transcript, Quality: meeting.QualityFull}
		s.Seg = meeting.NewSegmentID(id, s.Track, s.Epoch, s.FirstSeq)
		s.V, s.Rev, s.Spk, s.Text, s.Final = 1, meeting.FinalRev, "panna", line, true
		s.T0, s.T1 = int64(n)*1000, int64(n)*1000+900
		value, err := bus.SealJSON(key, bus.Segments, string(s.Seg), s)
		must(in.t, err)
		must(in.t, in.bus.Publish(ctx, bus.Message{Topic: bus.Segments, Partition: in.bus.PartitionOf(bus.Segments, id), Key: string(s.Seg), Meeting: id, Value: value}))
	}
	in.await("everything said is stored", func() bool {
		v, err := in.transcripts.Read(ctx, id)
		return err == nil && len(v.Segments) == len(lines)
	})
	return id
}

// close ends a meeting and awaits its transcript.
func (in *installation) close(id meeting.ID) {
	in.t.Helper()
	ctx := in.t.Context()
	key, err := in.keys.Live(ctx, id)
	must(in.t, err)
	value, err := bus.SealJSON(key, bus.Meetings, string(id), meeting.Event{V: meeting.EventVersion, Meeting: id, Type: meeting.EventEnded, At: 60_000})
	must(in.t, err)
	must(in.t, in.bus.Publish(ctx, bus.Message{Topic: bus.Meetings, Partition: in.bus.PartitionOf(bus.Meetings, id), Key: string(id), Meeting: id, Value: value}))
	in.awaitClosed(id)
}

func (in *installation) awaitClosed(id meeting.ID) {
	in.t.Helper()
	in.await("the meeting is archived", func() bool {
		m, err := in.meetings.Get(in.t.Context(), id)
		return err == nil && m.LiveKeyGone && m.TranscriptFinal
	})
}

func (in *installation) await(what string, condition func() bool) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 30*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			in.t.Fatalf("waited in vain for: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (in *installation) read(id meeting.ID) *storage.Transcript {
	in.t.Helper()
	v, err := in.transcripts.Read(in.t.Context(), id)
	must(in.t, err)
	return v
}

// raw returns all objects.
func raw(t *testing.T, store *storage.Store) map[string]string {
	t.Helper()
	objects, err := store.List(t.Context(), "")
	must(t, err)
	all := map[string]string{}
	for _, o := range objects {
		body, _, err := store.Get(t.Context(), o.Key)
		must(t, err)
		all[o.Key] = string(body)
	}
	return all
}

// TestWhatWasSavedComesBack is the promise: every meeting opens again, with the same words.
func TestWhatWasSavedComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("joining groups takes seconds")
	}
	s3test.Each(t, func(t *testing.T, server s3test.Server) {
		in := install(t, server)
		in.broker()
		stop := in.archive()
		room := in.furnish()
		over := in.hold(room, "Guten Morgen", "meine Damen und Herren")
		in.close(over)
		running := in.hold(room, "Wir fangen gerade erst an")
		dir := filepath.Join(t.TempDir(), "backup")
		saved, err := Save(t.Context(), in.store, dir, quiet())
		must(t, err)
		stop()
		wantOver := in.read(over)

		empty := install(t, server)
		empty.bus = in.bus
		if _, err := Restore(t.Context(), empty.store, empty.master, dir, quiet()); !errors.Is(err, seal.ErrMaster) || !strings.Contains(err.Error(), "does not open the backup") {
			t.Errorf("with another master key: %v", err)
		}
		if there := raw(t, empty.store); len(there) > 0 {
			t.Errorf("with another master key %d objects were written", len(there))
		}

		back := &installation{t: t, store: empty.store, master: in.master, bus: in.bus}
		back.keys = storage.NewKeyring(back.store, back.master)
		back.meetings = storage.NewMeetings(back.store, back.keys)
		back.transcripts = storage.NewTranscripts(back.store, back.keys, back.meetings)
		done, err := Restore(t.Context(), back.store, back.master, dir, quiet())
		must(t, err)
		if done.Written != saved.Objects || done.Meetings != 2 || done.Ended != 1 {
			t.Errorf("saved %+v, restored %+v", saved, done)
		}
		if got := back.read(over); !reflect.DeepEqual(got, wantOver) {
			t.Errorf("the transcript is %+v, was %+v", got, wantOver)
		}
		rooms, err := storage.NewRooms(back.store, back.keys).List(t.Context())
		if err != nil || len(rooms) != 1 || rooms[0].Name != "Zauberberg" {
			t.Errorf("rooms are %+v, %v", rooms, err)
		}
		// The running meeting is closed by the archiver of the restored server, without its live key.
		back.archive()
		back.awaitClosed(running)
		if got := back.read(running); len(got.Segments) != 1 || got.Segments[0].Text != "Wir fangen gerade erst an" || !got.Final {
			t.Errorf("the transcript of the meeting that ran is %+v", got)
		}
	})
}

func TestNothingThatOpensStandsInABackup(t *testing.T) {
	s3test.Each(t, func(t *testing.T, server s3test.Server) {
		in := install(t, server)
		in.furnish()
		id := meeting.NewID()
		must(t, in.keys.Create(t.Context(), id))
		must(t, in.meetings.Create(t.Context(), storage.Meeting{ID: id, RoomName: "Zauberberg"}))
		dir := t.TempDir()
		_, err := Save(t.Context(), in.store, dir, quiet())
		must(t, err)
		f, err := openFolder(dir, false)
		must(t, err)
		defer f.close()
		_, entries, err := f.list()
		must(t, err)
		names := map[string]bool{}
		for _, e := range entries {
			names[e.Key] = true
			if !kept(e.Key) {
				t.Errorf("%s is in the backup", e.Key)
			}
		}
		for key := range raw(t, in.store) {
			if out := strings.HasPrefix(key, "links/") || strings.HasSuffix(key, "/live.json"); names[key] == out {
				t.Errorf("%s is in the backup: %v", key, names[key])
			}
		}
		must(t, filepath.WalkDir(dir, func(path string, file fs.DirEntry, err error) error {
			must(t, err)
			info, err := file.Info()
			must(t, err)
			if path != dir && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte("Zauberberg")) {
				t.Errorf("%s says the name of the room", path)
			}
			return nil
		}))
	})
}

// small fills a store with plain objects.
func small(t *testing.T, server s3test.Server, objects map[string]string) *storage.Store {
	t.Helper()
	store := bucket(t, server)
	for key, body := range objects {
		must(t, store.Put(t.Context(), key, []byte(body)))
	}
	return store
}

func TestASecondBackupCopiesWhatHasChangedAndForgetsWhatIsGone(t *testing.T) {
	server := s3test.Embedded(t)
	store := small(t, server, map[string]string{"a/1": "one", "a/2": "two", "a/3": "three", "b/same": "one"})
	dir := t.TempDir()
	first, err := Save(t.Context(), store, dir, quiet())
	must(t, err)
	if first.Objects != 4 || first.Copied != 4 || first.Bytes != 14 {
		t.Errorf("first backup: %+v", first)
	}
	must(t, store.Put(t.Context(), "a/2", []byte("two, better")))
	must(t, store.Delete(t.Context(), "a/3"))
	second, err := Save(t.Context(), store, dir, quiet())
	must(t, err)
	if second.Objects != 3 || second.Copied != 1 || second.Removed != 2 {
		t.Errorf("second backup: %+v", second)
	}
	fresh := bucket(t, server)
	_, err = Restore(t.Context(), fresh, newMaster(t), dir, quiet())
	must(t, err)
	if got, want := raw(t, fresh), raw(t, store); !reflect.DeepEqual(got, want) {
		t.Errorf("restored %v, want %v", got, want)
	}
}

func TestABackupThatWasCutOffIsTakenUpAgain(t *testing.T) {
	server := s3test.Embedded(t)
	objects := map[string]string{}
	for i := range 30 {
		objects[fmt.Sprintf("a/%02d", i)] = strings.Repeat("x", i+1)
	}
	store := small(t, server, objects)
	dir := t.TempDir()
	f, err := openFolder(dir, true)
	must(t, err)
	s := &saver{store: store, folder: f, have: f.known(), log: quiet()}
	listed, err := s.list(t.Context())
	must(t, err)
	_, err = s.copyAll(t.Context(), listed[:20])
	must(t, err)
	part, err := os.OpenFile(filepath.Join(dir, partName), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	part.WriteString(`{"key":"a/25","si`) // as a crash leaves it
	must(t, part.Close())
	must(t, f.close())
	if _, err := Restore(t.Context(), bucket(t, server), newMaster(t), dir, quiet()); !errors.Is(err, ErrList) {
		t.Errorf("half a backup is restored: %v", err)
	}
	saved, err := Save(t.Context(), store, dir, quiet())
	must(t, err)
	if saved.Objects != 30 || saved.Copied != 10 {
		t.Errorf("the second run: %+v", saved)
	}
}

func TestARestoreMayBeRepeatedButMixesNothing(t *testing.T) {
	server := s3test.Embedded(t)
	store := small(t, server, map[string]string{"a/1": "one", "a/2": "two"})
	dir := t.TempDir()
	_, err := Save(t.Context(), store, dir, quiet())
	must(t, err)
	half := small(t, server, map[string]string{"a/1": "one"})
	done, err := Restore(t.Context(), half, newMaster(t), dir, quiet())
	if err != nil || done.Written != 1 || done.Same != 1 {
		t.Errorf("the rest is restored: %+v, %v", done, err)
	}
	other := small(t, server, map[string]string{"a/1": "another"})
	if _, err := Restore(t.Context(), other, newMaster(t), dir, quiet()); !errors.Is(err, ErrOther) {
		t.Errorf("into a store that holds something else: %v", err)
	}
	if got := raw(t, other)["a/1"]; got != "another" {
		t.Errorf("what was there is now %q", got)
	}
}

// A server that has run on the store has made an instance key of its own: nothing else of the backup may get in.
func TestNothingIsWrittenIntoAnotherInstallation(t *testing.T) {
	server := s3test.Embedded(t)
	in, other := install(t, server), install(t, server)
	in.furnish()
	other.master = in.master
	other.keys = storage.NewKeyring(other.store, other.master)
	other.furnish()
	dir := t.TempDir()
	_, err := Save(t.Context(), in.store, dir, quiet())
	must(t, err)
	before := raw(t, other.store)
	if _, err := Restore(t.Context(), other.store, in.master, dir, quiet()); !errors.Is(err, ErrOther) {
		t.Errorf("restored with %v", err)
	}
	if got := raw(t, other.store); !reflect.DeepEqual(got, before) {
		t.Error("the other installation was changed")
	}
}

func TestDamageIsNoticed(t *testing.T) {
	server := s3test.Embedded(t)
	for name, harm := range map[string]func(path string) error{
		"a changed byte": func(path string) error { return os.WriteFile(path, []byte("onE"), 0o600) },
		"a missing byte": func(path string) error { return os.WriteFile(path, []byte("on"), 0o600) },
		"a missing file": os.Remove,
	} {
		store := small(t, server, map[string]string{"a/1": "one"})
		dir := t.TempDir()
		_, err := Save(t.Context(), store, dir, quiet())
		must(t, err)
		var path string
		must(t, filepath.WalkDir(filepath.Join(dir, bodiesName), func(p string, file fs.DirEntry, err error) error {
			if !file.IsDir() {
				path = p
			}
			return err
		}))
		must(t, harm(path))
		fresh := bucket(t, server)
		if _, err := Restore(t.Context(), fresh, newMaster(t), dir, quiet()); err == nil || !strings.Contains(err.Error(), "a/1") {
			t.Errorf("%s: %v", name, err)
		}
		if there := raw(t, fresh); len(there) > 0 {
			t.Errorf("%s: restored %v", name, there)
		}
	}
}

func TestAFolderWithOtherThingsIsRefused(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, bodiesName), 0o700))
	letter := filepath.Join(dir, bodiesName, "letter.txt")
	must(t, os.WriteFile(letter, []byte("mine"), 0o600))
	if _, err := Save(t.Context(), small(t, s3test.Embedded(t), nil), dir, quiet()); err == nil || !strings.Contains(err.Error(), "empty folder") {
		t.Errorf("backed up among other things: %v", err)
	}
	if _, err := os.Stat(letter); err != nil {
		t.Error(err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "photo.jpg"), nil, 0o600))
	if _, err := Save(t.Context(), small(t, s3test.Embedded(t), nil), dir, quiet()); err == nil || !strings.Contains(err.Error(), "empty folder") {
		t.Errorf("backed up among other things: %v", err)
	}
	taken := t.TempDir()
	f, err := openFolder(taken, true)
	must(t, err)
	defer f.close()
	if _, err := Save(t.Context(), small(t, s3test.Embedded(t), nil), taken, quiet()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("two backups into one folder: %v", err)
	}
}
