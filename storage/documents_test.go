package storage

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
)

// keyring returns the keys of a fresh bucket.
func keyring(t testing.TB, server s3test.Server) (*Store, *Keyring) {
	store := bucket(t, server)
	return store, NewKeyring(store, master(t))
}

func testRooms(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	rooms := NewRooms(store, keys)
	ceiling := meeting.Captions
	room := Room{
		ID: meeting.NewRoomID(), Name: "Salle des fêtes", Owner: "uowner", Organizers: []meeting.PersonID{"ua", "ub"}, LinkHash: "abc",
		Level: meeting.Transcript, Ceiling: &ceiling, Langs: []string{"fr", "en"}, CreatedUnixMS: 5,
	}
	must(t, rooms.Create(t.Context(), room))
	if err := rooms.Create(t.Context(), room); !errors.Is(err, ErrExists) {
		t.Errorf("a second room of that ID: %v", err)
	}
	if got, err := rooms.Get(t.Context(), room.ID); err != nil || !reflect.DeepEqual(got, room) {
		t.Errorf("room came back as %+v, %v", got, err)
	}
	var work sync.WaitGroup
	for i := range 10 {
		work.Go(func() {
			_, err := rooms.Update(t.Context(), room.ID, func(r *Room) error {
				r.Organizers = append(r.Organizers, meeting.PersonID(fmt.Sprint("u", i)))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	all, err := rooms.List(t.Context())
	if err != nil || len(all) != 1 || len(all[0].Organizers) != 12 {
		t.Errorf("rooms after ten concurrent changes: %+v, %v", all, err)
	}
	refused := errors.New("no")
	if _, err := rooms.Update(t.Context(), room.ID, func(*Room) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("a refused change: %v", err)
	}
	must(t, rooms.Delete(t.Context(), room.ID))
	for _, id := range []meeting.RoomID{room.ID, "../instance", ""} {
		if _, err := rooms.Get(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("room %q: %v", id, err)
		}
	}
}

// hold makes keys and document of a meeting with two people.
func hold(t testing.TB, keys *Keyring, meetings *Meetings, level meeting.Level) Meeting {
	t.Helper()
	m := Meeting{
		ID: meeting.NewID(), Room: meeting.NewRoomID(), RoomName: "Zimmer mit Aussicht", BeganUnixMS: time.Now().UnixMilli(),
		People: []meeting.Person{
			{Participant: "panna", Person: "uanna", Name: "Anna Zauberberg", Order: 0},
			{Participant: "pbruno", Person: "ubruno", Name: "Bruno Eichhorn", JoinedMS: 700, Order: 1},
		},
		Policies: []meeting.Policy{{Level: level, Ceiling: meeting.Minutes, By: "panna", ByName: "Anna Zauberberg"}},
	}
	must(t, keys.Create(t.Context(), m.ID))
	must(t, meetings.Create(t.Context(), m))
	return m
}

func testMeetings(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	meetings := NewMeetings(store, keys)
	first := hold(t, keys, meetings, meeting.Transcript)
	eventually(t, "the next millisecond, so that ULIDs rise", func() bool { return time.Now().UnixMilli() > first.BeganUnixMS+1 })
	second := hold(t, keys, meetings, meeting.Captions)
	if got, err := meetings.Get(t.Context(), first.ID); err != nil || !reflect.DeepEqual(got, first) {
		t.Errorf("meeting came back as %+v, %v", got, err)
	}
	changed, err := meetings.Update(t.Context(), first.ID, func(m *Meeting) error {
		m.EndedUnixMS, m.TranscriptRev = 99, 3
		return nil
	})
	if err != nil || changed.EndedUnixMS != 99 {
		t.Errorf("changed meeting is %+v, %v", changed, err)
	}
	all, err := meetings.List(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != second.ID || all[1].TranscriptRev != 3 {
		t.Errorf("list is %+v, %v", all, err)
	}
	open, err := meetings.Open(t.Context())
	if err != nil || len(open) != 1 || open[0].ID != second.ID {
		t.Errorf("open meetings are %+v, %v", open, err)
	}
	must(t, meetings.Delete(t.Context(), second.ID))
	must(t, meetings.Delete(t.Context(), second.ID))
	if _, err := meetings.Get(t.Context(), second.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted meeting: %v", err)
	}
	if left, err := store.List(t.Context(), meetingPrefix+string(second.ID)); err != nil || len(left) != 0 {
		t.Errorf("%d objects left, %v", len(left), err)
	}
}

// testMarks follows a meeting from its first words to its deletion.
func testMarks(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	meetings := NewMeetings(store, keys)
	transcripts := NewTranscripts(store, keys, meetings)
	m := hold(t, keys, meetings, meeting.Transcript)
	other := hold(t, keys, meetings, meeting.Transcript)
	seen := map[string]string{}
	step := func(what string) {
		t.Helper()
		mark, err := transcripts.Mark(t.Context(), m.ID)
		must(t, err)
		if again, err := transcripts.Mark(t.Context(), m.ID); err != nil || again != mark {
			t.Errorf("%s: the mark is %s, then %s, %v", what, mark, again, err)
		}
		if before, ok := seen[mark]; ok {
			t.Errorf("%s and %s have the same mark", before, what)
		}
		seen[mark] = what
	}
	step("nothing said")
	storeWords(t, store, keys, m.ID, "one")
	step("a batch")
	storeWords(t, store, keys, m.ID, "two")
	step("another batch")
	must(t, transcripts.write(t.Context(), &Transcript{V: documentVersion, Meeting: m.ID, Rev: 1}, ""))
	step("a transcript")
	_, etag, err := transcripts.stored(t.Context(), m.ID)
	must(t, err)
	must(t, transcripts.write(t.Context(), &Transcript{V: documentVersion, Meeting: m.ID, Rev: 2}, etag))
	step("a corrected transcript")
	_, err = meetings.Update(t.Context(), m.ID, func(m *Meeting) error { m.RoomName = "Other"; return nil })
	must(t, err)
	step("another name")
	ids, err := meetings.IDs(t.Context())
	if err != nil || !slices.Contains(ids, m.ID) || !slices.Contains(ids, other.ID) || len(ids) != 2 {
		t.Errorf("meetings are %v, %v", ids, err)
	}
	must(t, keys.DeleteArchive(t.Context(), m.ID))
	if _, err := transcripts.Mark(t.Context(), m.ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	must(t, meetings.Delete(t.Context(), m.ID))
	for _, id := range []meeting.ID{m.ID, meeting.NewID(), "nonsense"} {
		if _, err := transcripts.Mark(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("meeting %s is gone: %v", id, err)
		}
	}
}

func testKeyring(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	id := meeting.NewID()
	if _, err := keys.Live(t.Context(), id); !errors.Is(err, ErrNoKey) {
		t.Errorf("key that was never made: %v", err)
	}
	must(t, keys.Create(t.Context(), id))
	must(t, keys.Create(t.Context(), id)) // after a restart
	live, err := keys.Live(t.Context(), id)
	must(t, err)
	archive, err := keys.Archive(t.Context(), id)
	must(t, err)
	sealed := live.Seal([]byte("word"), "here")
	if _, err := archive.Open(sealed, "here"); err == nil {
		t.Error("the archive key opens what the live key sealed")
	}

	elsewhere := NewKeyring(store, keys.master) // another process
	if other, err := elsewhere.Live(t.Context(), id); err != nil {
		t.Error(err)
	} else if text, err := other.Open(sealed, "here"); err != nil || string(text) != "word" {
		t.Errorf("another process reads %q, %v", text, err)
	}
	if _, err := NewKeyring(store, master(t)).Live(t.Context(), id); !errors.Is(err, seal.ErrMaster) {
		t.Errorf("with another master key: %v", err)
	}

	must(t, keys.DeleteLive(t.Context(), id))
	if _, err := keys.Live(t.Context(), id); !errors.Is(err, ErrNoKey) {
		t.Errorf("deleted key: %v", err)
	}
	if err := keys.Create(t.Context(), id); !errors.Is(err, ErrNoKey) {
		t.Errorf("a second live key after the end: %v", err)
	}
	if _, ok := elsewhere.cached(liveObject(id), time.Now().Add(keyLife+time.Second)); ok {
		t.Error("a deleted key stays in the memory of another process beyond its life")
	}
}

func testInstanceKey(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	const processes = 8
	sealed := make([][]byte, processes)
	var work sync.WaitGroup
	for i := range processes {
		work.Go(func() {
			key, err := NewKeyring(store, keys.master).Instance(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			sealed[i] = key.Seal([]byte("x"), "p")
		})
	}
	work.Wait()
	key, err := keys.Instance(t.Context())
	must(t, err)
	for i, b := range sealed {
		if _, err := key.Open(b, "p"); err != nil {
			t.Errorf("process %d made a key of its own: %v", i, err)
		}
	}
}

func testSessions(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	sessions := NewSessions(store, keys)
	good, old := sha256Hex("secret"), sha256Hex("old")
	session := Session{Person: "uanna", Name: "Anna", Rooms: []meeting.RoomID{"r"}, ExpiresUnixMS: time.Now().Add(time.Hour).UnixMilli()}
	must(t, sessions.Put(t.Context(), good, session))
	must(t, sessions.Put(t.Context(), old, Session{Person: "uold", ExpiresUnixMS: time.Now().Add(-time.Second).UnixMilli()}))
	if got, err := sessions.Get(t.Context(), good); err != nil || !reflect.DeepEqual(got, session) {
		t.Errorf("session came back as %+v, %v", got, err)
	}
	for _, hash := range []string{old, sha256Hex("never"), "../rooms/x", strings.ToUpper(good)} {
		if _, err := sessions.Get(t.Context(), hash); !errors.Is(err, ErrNotFound) {
			t.Errorf("session %q: %v", hash, err)
		}
		if _, err := sessions.Update(t.Context(), hash, func(*Session) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("change of session %q: %v", hash, err)
		}
	}
	changed, err := sessions.Update(t.Context(), good, func(s *Session) error {
		s.Admin = true
		return nil
	})
	if err != nil || !changed.Admin {
		t.Errorf("changed session is %+v, %v", changed, err)
	}
	if n, err := sessions.Sweep(t.Context()); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
	must(t, sessions.Delete(t.Context(), good))
	if left, err := store.List(t.Context(), sessionPrefix); err != nil || len(left) != 0 {
		t.Errorf("%d sessions left, %v", len(left), err)
	}
}

func testLinks(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	links := NewLinks(store, keys)
	secret, err := links.Create(t.Context(), LinkOrganizer, "kfm-rtqa-xzdb", time.Hour)
	must(t, err)
	var won, used atomic.Int64
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			link, err := links.Redeem(t.Context(), secret)
			switch {
			case err == nil && link == (Link{LinkOrganizer, "kfm-rtqa-xzdb"}):
				won.Add(1)
			case errors.Is(err, ErrUsed):
				used.Add(1)
			default:
				t.Errorf("link %+v, %v", link, err)
			}
		})
	}
	work.Wait()
	if won.Load() != 1 || used.Load() != 15 {
		t.Errorf("%d redeemed it, %d were told that it was used", won.Load(), used.Load())
	}
	late, err := links.Create(t.Context(), LinkAdmin, "", -time.Second)
	must(t, err)
	if _, err := links.Redeem(t.Context(), late); !errors.Is(err, ErrExpired) {
		t.Errorf("expired link: %v", err)
	}
	if _, err := links.Redeem(t.Context(), "guess"); !errors.Is(err, ErrNotFound) {
		t.Errorf("guessed link: %v", err)
	}
	if n, err := links.Sweep(t.Context()); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
}

func testInstance(t *testing.T, server s3test.Server) {
	instance := NewInstance(bucket(t, server))
	if got, err := instance.Get(t.Context()); err != nil || got != DefaultSettings() {
		t.Errorf("settings at first are %+v, %v", got, err)
	}
	var work sync.WaitGroup // two admins change different settings, the first time ever
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Ceiling = meeting.Captions }, func(s *Settings) { s.RoomCreation = AdminCreates },
	} {
		work.Go(func() {
			_, err := instance.Update(t.Context(), func(s *Settings) error {
				change(s)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if got, err := instance.Get(t.Context()); err != nil || got != (Settings{Ceiling: meeting.Captions, RoomCreation: AdminCreates}) {
		t.Errorf("settings are %+v, %v", got, err)
	}
	_, err := instance.Update(t.Context(), func(s *Settings) error {
		s.RoomCreation = "nobody"
		return nil
	})
	if err == nil {
		t.Error("an unknown rule was stored")
	}
}

func testAudit(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	audit := NewAudit(store, keys)
	day := time.Date(2025, 2, 3, 23, 59, 0, 0, time.UTC)
	want := []AuditEntry{
		{AtUnixMS: day.UnixMilli(), Actor: "uadmin", Role: meeting.Admin, Action: "transcript.export", Object: "01K", Reason: "Anfrage der Revision"},
		{AtUnixMS: day.UnixMilli() + 1, Actor: "uanna", Role: meeting.Organizer, Action: "ai-level:off", Object: "r"},
	}
	for _, entry := range want {
		must(t, audit.Append(t.Context(), entry))
	}
	must(t, audit.Append(t.Context(), AuditEntry{Actor: "now", Action: "x"}))
	got, err := audit.Day(t.Context(), day)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("audit of the day is %+v, %v", got, err)
	}
}

// testSealing swaps objects between places and looks for words in the raw bucket.
func testSealing(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	meetings, rooms := NewMeetings(store, keys), NewRooms(store, keys)
	one, two := hold(t, keys, meetings, meeting.Transcript), hold(t, keys, meetings, meeting.Transcript)
	a, b := Room{ID: meeting.NewRoomID(), Name: "Aula Eichhorn"}, Room{ID: meeting.NewRoomID(), Name: "Besprechung"}
	must(t, errors.Join(rooms.Create(t.Context(), a), rooms.Create(t.Context(), b)))
	must(t, NewSessions(store, keys).Put(t.Context(), sha256Hex("s"), Session{Name: "Bruno Eichhorn", ExpiresUnixMS: time.Now().Add(time.Hour).UnixMilli()}))
	must(t, NewAudit(store, keys).Append(t.Context(), AuditEntry{Actor: "u", Action: "a", Reason: "wegen Zauberberg"}))
	storeWords(t, store, keys, one.ID, "Das Eichhörnchen schläft.", "Zauberberg")
	storeWords(t, store, keys, two.ID, "Ganz andere Worte.")

	scanRaw(t, store, "Eichh", "Zauberberg", "Aussicht", "schläft", "Besprechung", "Worte")

	swap := func(from, to string) {
		body, _, err := store.Get(t.Context(), from)
		must(t, err)
		must(t, store.Put(t.Context(), to, body))
	}
	swap(roomPrefix+string(a.ID)+".json", roomPrefix+string(b.ID)+".json")
	if _, err := rooms.Get(t.Context(), b.ID); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("a room moved over another opens: %v", err)
	}
	transcripts := NewTranscripts(store, keys, meetings)
	ones, err := store.List(t.Context(), meetingPrefix+string(one.ID)+"/"+batchFolder)
	must(t, err)
	swap(ones[0].Key, meetingPrefix+string(two.ID)+"/"+batchFolder+"moved"+batchSuffix)
	if v, err := transcripts.Read(t.Context(), two.ID); err != nil || v.Damaged != 1 || texts(v) != "Ganz andere Worte." {
		t.Errorf("segments of another meeting: %+v, %v", v, err)
	}
	swap(ones[0].Key, meetingPrefix+string(one.ID)+"/"+batchFolder+"copied"+batchSuffix)
	if v, err := transcripts.Read(t.Context(), one.ID); err != nil || v.Damaged != 1 || len(v.Segments) != 2 {
		t.Errorf("a batch under another name: %+v, %v", v, err)
	}
	must(t, store.Delete(t.Context(), meetingPrefix+string(one.ID)+"/"+batchFolder+"copied"+batchSuffix))
	body, _, err := store.Get(t.Context(), ones[0].Key)
	must(t, err)
	lines := strings.SplitAfter(string(body), "\n")
	must(t, store.Put(t.Context(), ones[0].Key, []byte(lines[1]+lines[0])))
	if v, err := transcripts.Read(t.Context(), one.ID); err != nil || v.Damaged != 1 || len(v.Segments) != 0 {
		t.Errorf("lines in another order: %+v, %v", v, err)
	}
	swap(meetingPrefix+string(one.ID)+"/live.json", meetingPrefix+string(two.ID)+"/live.json")
	if _, err := NewKeyring(store, keys.master).Live(t.Context(), two.ID); err == nil {
		t.Error("the key of another meeting opens")
	}
	swap(meetingPrefix+string(one.ID)+"/"+meetingFile, meetingPrefix+string(two.ID)+"/"+meetingFile)
	if _, err := meetings.Get(t.Context(), two.ID); err == nil {
		t.Error("the document of another meeting opens")
	}
}

func TestTheBatchCacheForgets(t *testing.T) {
	var cache batchCache
	start := time.Now()
	o := Object{Key: "k", ETag: "e"}
	for i := range maxCachedMeetings + 1 {
		cache.put(meeting.ID(fmt.Sprint(i)), o, nil, start.Add(time.Duration(i)))
	}
	if _, ok := cache.get("0", o, start); ok || len(cache.meetings) != maxCachedMeetings {
		t.Errorf("%d meetings are kept", len(cache.meetings))
	}
	if _, ok := cache.get("5", o, start); !ok {
		t.Error("a fresh batch was forgotten")
	}
	if _, ok := cache.get("5", Object{Key: "k", ETag: "other"}, start); ok {
		t.Error("a batch that was replaced is served")
	}
	if _, ok := cache.get("5", o, start.Add(keyLife+time.Second)); ok {
		t.Error("a batch outlives the key that opened it")
	}
}

// storeWords stores one batch of segments with these texts.
func storeWords(t testing.TB, store *Store, keys *Keyring, id meeting.ID, texts ...string) {
	t.Helper()
	key, err := keys.Archive(t.Context(), id)
	must(t, err)
	object := meetingPrefix + string(id) + "/" + batchFolder + "0000000000-" + string(meeting.NewID()) + batchSuffix
	var segments []meeting.Segment
	for i, text := range texts {
		segments = append(segments, segment(id, i, meeting.FinalRev, meeting.Transcript, text))
	}
	body, err := sealBatch(key, object, segments)
	must(t, err)
	must(t, store.Create(t.Context(), object, body))
}

// segment returns the n-th segment of a meeting.
func segment(id meeting.ID, n, rev int, level meeting.Level, text string) meeting.Segment {
	return meeting.Segment{
		Caption: meeting.Caption{
			V: 1, Seg: meeting.NewSegmentID(id, "tanna", 0, uint64(n)), Rev: rev, Spk: "panna",
			T0: int64(n) * 1000, T1: int64(n)*1000 + 900, Lang: "de", Text: text, Final: true,
		},
		Track: "tanna", FirstSeq: uint64(n), EndSeq: uint64(n) + 45, Level: level, Quality: meeting.QualityFull,
	}
}

// scanRaw reads every object of the bucket and looks for words, in names and bodies.
func scanRaw(t testing.TB, store *Store, words ...string) {
	t.Helper()
	objects, err := store.List(context.Background(), "")
	must(t, err)
	if len(objects) == 0 {
		t.Fatal("nothing was stored")
	}
	for _, o := range objects {
		body, _, err := store.Get(context.Background(), o.Key)
		must(t, err)
		for _, word := range words {
			if strings.Contains(o.Key+"\n"+string(body), word) {
				t.Errorf("%s holds %q in clear", o.Key, word)
			}
		}
	}
}
