package storage

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

func testPeople(t *testing.T, server s3test.Server) {
	store := bucket(t, server)
	m := master(t)
	people := NewPeople(store, NewKeyring(store, m))
	id := func(p *People, issuer, subject string) meeting.PersonID {
		t.Helper()
		found, err := p.ID(t.Context(), issuer, subject)
		must(t, err)
		return found
	}
	ada := id(people, "https://id.example.org", "ada")
	if again := id(NewPeople(store, NewKeyring(store, m)), "https://id.example.org", "ada"); again != ada {
		t.Error("the same person has another ID after a restart")
	}
	for _, other := range [][2]string{{"https://id.example.org", "adb"}, {"https://id.example.com", "ada"}, {"https://id.example.or", "gada"}} {
		if id(people, other[0], other[1]) == ada {
			t.Errorf("%v has the same ID", other)
		}
	}
	if strings.Contains(string(ada), "ada") || !opaque(string(ada)) {
		t.Errorf("the ID %s is not opaque", ada)
	}

	if _, err := people.Get(t.Context(), ada); !errors.Is(err, ErrNotFound) {
		t.Errorf("an account that nobody made: %v", err)
	}
	for _, room := range []meeting.RoomID{"bbb-bbbb-bbbb", "ccc-cccc-cccc", "bbb-bbbb-bbbb"} {
		_, err := people.Update(t.Context(), ada, func(a *Account) {
			a.Email, a.Name = "ada@example.org", "Ada"
			a.AddRooms(room)
			a.AddGuest("uguest")
			a.AddGuest("")
		})
		must(t, err)
	}
	a, err := people.Get(t.Context(), ada)
	must(t, err)
	if a.Person != ada || a.Email != "ada@example.org" || !slices.Equal(a.Rooms, []meeting.RoomID{"bbb-bbbb-bbbb", "ccc-cccc-cccc"}) || !slices.Equal(a.Was, []meeting.PersonID{"uguest"}) {
		t.Errorf("stored as %+v", a)
	}
	for _, foreign := range []meeting.PersonID{"", "../rooms/x", "a/b", "A", meeting.PersonID(strings.Repeat("a", 65))} {
		if _, err := people.Update(t.Context(), foreign, func(*Account) {}); !errors.Is(err, ErrNotFound) {
			t.Errorf("an account of %q: %v", foreign, err)
		}
	}
	body, _, err := store.Get(t.Context(), "users/"+string(ada)+"/account.json")
	must(t, err)
	if bytes.Contains(body, []byte("example")) || bytes.Contains(body, []byte("Ada")) {
		t.Errorf("names stand in clear: %s", body)
	}
	for range maxAccountRooms + 5 {
		a.AddRooms(meeting.NewRoomID())
		a.AddGuest(meeting.NewPersonID())
	}
	if len(a.Rooms) != maxAccountRooms || len(a.Was) != maxWas {
		t.Errorf("grew to %d rooms and %d guests", len(a.Rooms), len(a.Was))
	}
}

func testShares(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	shares := NewShares(e.store, NewKeyring(e.store, e.keys.master))
	with := func(address string) []meeting.ID {
		t.Helper()
		ids, err := shares.With(t.Context(), address)
		must(t, err)
		return ids
	}
	all, err := shares.Add(t.Context(), e.ID, "uboss", []string{"ada@example.org", "bob@example.org"}, 7)
	must(t, err)
	all, err = shares.Add(t.Context(), e.ID, "uother", []string{"ada@example.org"}, 8)
	must(t, err)
	if len(all) != 2 || all[0].Address != "ada@example.org" || all[0].By != "uboss" || all[0].AtUnixMS != 7 || all[0].ID == all[1].ID {
		t.Errorf("shared as %+v", all)
	}
	if got := with("ada@example.org"); !slices.Equal(got, []meeting.ID{e.ID}) {
		t.Errorf("Ada has %v", got)
	}
	if got := with("eve@example.org"); len(got) != 0 {
		t.Errorf("Eve has %v", got)
	}
	objects, err := e.store.List(t.Context(), "")
	must(t, err)
	for _, o := range objects {
		body, _, err := e.store.Get(t.Context(), o.Key)
		must(t, err)
		if strings.Contains(o.Key+string(body), "example.org") {
			t.Errorf("%s shows an address", o.Key)
		}
	}
	left, err := shares.Withdraw(t.Context(), e.ID, all[0].ID)
	must(t, err)
	if len(left) != 1 || len(with("ada@example.org")) != 0 || len(with("bob@example.org")) != 1 {
		t.Errorf("left is %+v", left)
	}
	if _, err := shares.Withdraw(t.Context(), e.ID, all[0].ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("withdrawn twice: %v", err)
	}
	// A line of the index alone lets nobody read.
	must(t, e.store.Put(t.Context(), sharedObject(all[0].ID, e.ID), sharedMark))
	if got := with("ada@example.org"); len(got) != 0 {
		t.Errorf("an index alone shares %v", got)
	}
	if _, err := shares.Add(t.Context(), meeting.NewID(), "uboss", []string{"ada@example.org"}, 9); !errors.Is(err, ErrNoKey) {
		t.Errorf("a meeting that is not there is shared: %v", err)
	}
}

// testSharesForgotten: a deleted meeting is shared with nobody, and nothing says that it was.
func testSharesForgotten(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	shares := NewShares(e.store, e.keys)
	_, err := shares.Add(t.Context(), e.ID, "uboss", []string{"ada@example.org"}, 7)
	must(t, err)
	must(t, e.forgetter.Meeting(t.Context(), e.ID, Requester{Actor: "uboss"}))
	ids, err := shares.With(t.Context(), "ada@example.org")
	must(t, err)
	left, err := e.store.List(t.Context(), userPrefix)
	must(t, err)
	if len(ids) != 0 || len(left) != 0 {
		t.Errorf("shared: %v, left: %v", ids, left)
	}
}

func TestTickets(t *testing.T) {
	store := bucket(t, s3test.Embedded(t))
	tickets := NewTickets(NewKeyring(store, master(t)))
	text, err := tickets.Seal(t.Context(), "one", map[string]string{"a": "secret"})
	must(t, err)
	if strings.Contains(text, "secret") {
		t.Error("a ticket can be read")
	}
	var back map[string]string
	must(t, tickets.Open(t.Context(), "one", text, &back))
	if back["a"] != "secret" {
		t.Errorf("opened as %v", back)
	}
	for _, foreign := range []string{"", "x", text[:len(text)-2], text + "AA", strings.Repeat("A", maxTicket+1), strings.ToUpper(text)} {
		if err := tickets.Open(t.Context(), "one", foreign, &back); !errors.Is(err, ErrNotFound) {
			t.Errorf("%.20q opens: %v", foreign, err)
		}
	}
	if err := tickets.Open(t.Context(), "another", text, &back); !errors.Is(err, ErrNotFound) {
		t.Errorf("opens as another kind: %v", err)
	}
}
