package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souffleur/storage"
)

// limits sets who may join a room.
func (b *browser) limits(room, access string, members ...string) answer {
	b.site.t.Helper()
	return b.do(http.MethodPut, "/rooms/"+room+"/access", fields{"access": access, "members": append([]string{}, members...)})
}

// tries joins a room and returns the word of the problem, "" if there is a place.
func (b *browser) tries(room string) string {
	b.site.t.Helper()
	a := b.do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Somebody"})
	if a.status != http.StatusOK {
		return a.problem()
	}
	return ""
}

func (b *browser) entry(room string) string {
	b.site.t.Helper()
	return b.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK).fields.text("entry")
}

func TestAccessOfARoom(t *testing.T) {
	d := newDoor(t, false)
	owner, guest, ada, bob, eve, admin := d.browser(), d.browser(), d.patient(), d.patient(), d.patient(), d.admin()
	d.signIn(ada, "ada", "/")
	d.signIn(bob, "bob", "/")
	d.signIn(eve, "eve", "/") // whose address, Ada's, nobody has checked
	room, _ := owner.makeRoom("Hall")
	for _, c := range []struct {
		access string
		want   map[*browser][2]string // entry, and what joining answers
	}{
		{"public", map[*browser][2]string{owner: {"open"}, guest: {"open"}, ada: {"open"}, bob: {"open"}, eve: {"open"}, admin: {"open"}}},
		{"signed-in", map[*browser][2]string{
			owner: {"open"}, guest: {"sign-in", "sign-in-needed"}, ada: {"open"}, bob: {"open"}, eve: {"open"}, admin: {"open"},
		}},
		{"restricted", map[*browser][2]string{
			owner: {"open"}, guest: {"sign-in", "sign-in-needed"}, ada: {"open"}, bob: {"not-member", "not-member"}, eve: {"not-member", "not-member"}, admin: {"open"},
		}},
	} {
		if a := owner.limits(room, c.access, " ADA@example.org", "ada@example.org"); a.status != http.StatusOK || len(a.fields.at("members").([]any)) != 1 {
			t.Fatalf("setting %s answers %d %s", c.access, a.status, a.body)
		}
		for who, want := range c.want {
			if got := who.entry(room); got != want[0] {
				t.Errorf("%s room: %v is told %q, want %q", c.access, who.me(), got, want[0])
			}
			if got := who.tries(room); got != want[1] {
				t.Errorf("%s room: joining is answered %q to %v, want %q", c.access, got, who.me(), want[1])
			}
		}
		if got := guest.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK).fields.text("access"); got != c.access {
			t.Errorf("access is told as %s", got)
		}
	}
	if e := d.audited("room.access-restricted"); e.Object != "rooms/"+room {
		t.Errorf("the audit has %+v", e)
	}
	for _, o := range []string{guest.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK).fields.text("members"), d.log.String()} {
		if strings.Contains(o, "@example.org") {
			t.Error("members are told to everybody, or to the log")
		}
	}
}

func TestMembersAreTheOrganizersBusiness(t *testing.T) {
	d := newDoor(t, false)
	owner, ada := d.browser(), d.patient()
	d.signIn(ada, "ada", "/")
	room, _ := owner.makeRoom("Hall")
	owner.limits(room, "restricted", "ada@example.org")
	ada.must(http.MethodGet, "/rooms/"+room+"/access", nil, http.StatusForbidden)
	if a := ada.limits(room, "public"); a.status != http.StatusForbidden {
		t.Errorf("a member opens the room: %d", a.status)
	}
	if a := owner.must(http.MethodGet, "/rooms/"+room+"/access", nil, http.StatusOK); !strings.Contains(string(a.body), "ada@example.org") {
		t.Errorf("the organizer is told %s", a.body)
	}
	d.program().must(http.MethodGet, "/rooms/"+room+"/access", nil, http.StatusOK)

	many := make([]string, storage.MaxMembers+1)
	for i := range many {
		many[i] = fmt.Sprintf("%s%d@example.org", strings.Repeat("a", 64), i)
	}
	if a := owner.limits(room, "restricted", many...); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%d members are answered %d", len(many), a.status)
	}
	if a := owner.limits(room, "restricted", many[1:]...); a.status != http.StatusOK {
		t.Errorf("%d members are answered %d %.200s", len(many)-1, a.status, a.body)
	}
	for _, bad := range []string{"ada", "@example.org", "ada@", "a b@example.org", "Ada <ada@example.org>", "ada@example.org\u202e", "ada@.example.org"} {
		if a := owner.limits(room, "restricted", bad); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%q is answered %d", bad, a.status)
		}
	}
	if a := owner.limits(room, "closed"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown access is answered %d", a.status)
	}
}

func TestAccessNeedsASignIn(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Hall")
	if a := owner.limits(room, "restricted"); a.status != http.StatusConflict || a.problem() != "no-sign-in" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := owner.limits(room, "public"); a.status != http.StatusOK {
		t.Errorf("opening is answered %d", a.status)
	}
}

// TestOutsidersWaitInTheLobby: whoever is no member gets as far as the lobby, and what goes on there decides.
func TestOutsidersWaitInTheLobby(t *testing.T) {
	d := newDoor(t, false)
	owner, guest, ada := d.browser(), d.browser(), d.patient()
	d.signIn(ada, "ada", "/")
	room, _ := owner.makeRoom("Hall")
	owner.limits(room, "restricted", "ada@example.org")
	owner.must(http.MethodPatch, "/rooms/"+room, fields{"rules": fields{"lobby": true, "max_people": 0, "share": "everybody", "share_replaces": false}}, http.StatusOK)
	if got := guest.entry(room); got != "knock" {
		t.Errorf("with the lobby on a guest is told %s", got)
	}
	for who, outsider := range map[*browser]bool{guest: true, ada: false, owner: false} {
		if problem := who.tries(room); problem != "" {
			t.Fatal(problem)
		}
		if p := d.live.admitted[len(d.live.admitted)-1]; p.Outsider != outsider {
			t.Errorf("%v comes as an outsider: %v", who.me(), p.Outsider)
		}
	}
	// A meeting goes on, and its lobby is off.
	d.live.setLobby(room, false)
	if got := guest.entry(room); got != "sign-in" {
		t.Errorf("with the lobby off a guest is told %s", got)
	}
	if got := guest.tries(room); got != "sign-in-needed" {
		t.Errorf("a guest is answered %q", got)
	}
	bob := d.patient()
	d.signIn(bob, "bob", "/")
	if got := bob.tries(room); got != "not-member" {
		t.Errorf("Bob is answered %q", got)
	}
	// A signed-in room has no such way.
	owner.limits(room, "signed-in")
	if got := guest.tries(room); got != "sign-in-needed" {
		t.Errorf("a guest is answered %q", got)
	}
}

func FuzzCleanAddress(f *testing.F) {
	for _, seed := range []string{"ada@example.org", "A@B", "\"a b\"@c", "a@[::1]", "é@é.fr", "a@b@c", "a\x00@b", " a@b ", "a@b."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, ok := cleanAddress(text)
		if !ok {
			return
		}
		again, still := cleanAddress(address)
		if !still || again != address || strings.Count(address, "@") != 1 || strings.ContainsAny(address, " \r\n<>,;\"\\") || len(address) > maxAddress {
			t.Errorf("%q became %q, then %q", text, address, again)
		}
	})
}
