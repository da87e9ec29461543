package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// shares shares a meeting with addresses.
func (b *browser) shares(path string, addresses ...string) answer {
	b.site.t.Helper()
	return b.do(http.MethodPost, path+"/shares", fields{"addresses": addresses})
}

func (b *browser) listed() (ids []string, shared int) {
	b.site.t.Helper()
	for _, m := range b.must(http.MethodGet, "/meetings", nil, http.StatusOK).fields.at("meetings").([]any) {
		view := fields(m.(map[string]any))
		ids = append(ids, view.text("id"))
		if view.at("shared") == true {
			shared++
		}
	}
	return ids, shared
}

func TestSharedMeeting(t *testing.T) {
	d := newDoor(t, false)
	owner, ada, bob, eve, guest := d.browser(), d.patient(), d.patient(), d.patient(), d.browser()
	d.signIn(ada, "ada", "/")
	d.signIn(bob, "bob", "/")
	d.signIn(eve, "eve", "/")
	room, _ := owner.makeRoom("Comité")
	m, other := d.hold(room, "Le budget est voté."), d.hold(room, "Le budget est rejeté.")
	path := "/meetings/" + string(m.ID)
	ada.must(http.MethodGet, path+"/transcript", nil, http.StatusForbidden)

	a := owner.shares(path, "ADA@example.org", "ada@example.org")
	if a.status != http.StatusOK || len(a.fields.at("shares").([]any)) != 1 {
		t.Fatalf("sharing answers %d %s", a.status, a.body)
	}
	share := fields(a.fields.at("shares").([]any)[0].(map[string]any))
	if share.text("address") != "ada@example.org" || strings.Contains(share.text("id"), "@") {
		t.Errorf("shared with %v", share)
	}

	// Reading, downloading, searching.
	if r := ada.must(http.MethodGet, path+"/transcript", nil, http.StatusOK); !strings.Contains(string(r.body), "budget est voté") {
		t.Errorf("reads %s", r.body)
	}
	if r := ada.must(http.MethodGet, path, nil, http.StatusOK); r.fields.at("shared") != true {
		t.Errorf("is told %s", r.body)
	}
	if r := ada.do(http.MethodGet, path+"/export?format=txt", nil); r.status != http.StatusOK || !strings.Contains(string(r.body), "budget est voté") {
		t.Errorf("downloads %d %s", r.status, r.body)
	}
	if ids, shared := ada.listed(); len(ids) != 1 || ids[0] != string(m.ID) || shared != 1 {
		t.Errorf("lists %v", ids)
	}
	if found := ada.search("budget").found(); len(found) != 1 || found[0].text("meeting") != string(m.ID) {
		t.Errorf("finds %v", found)
	}
	if ids, shared := owner.listed(); len(ids) != 2 || shared != 0 {
		t.Errorf("the organizer lists %v, %d of them shared", ids, shared)
	}

	// Nothing else, and nobody else.
	for _, c := range []struct{ method, path string }{
		{http.MethodDelete, path}, {http.MethodDelete, path + "/people/p1"}, {http.MethodGet, path + "/audio"}, {http.MethodGet, path + "/audio/t1"},
		{http.MethodGet, path + "/shares"}, {http.MethodDelete, path + "/shares/" + share.text("id")}, {http.MethodGet, "/meetings/" + string(other.ID)},
		{http.MethodGet, "/meetings/" + string(other.ID) + "/transcript"},
	} {
		if got := ada.do(c.method, c.path, nil); got.status != http.StatusForbidden {
			t.Errorf("%s %s answers Ada %d", c.method, c.path, got.status)
		}
	}
	for _, c := range []struct {
		method, path string
		body         fields
	}{
		{http.MethodPatch, path + "/transcript", fields{"names": []fields{{"spk": "p1", "name": "X"}}}},
		{http.MethodPut, path + "/kept", fields{"kept": true}},
		{http.MethodPost, path + "/shares", fields{"addresses": []string{"bob@example.org"}}},
	} {
		if got := ada.do(c.method, c.path, c.body); got.status != http.StatusForbidden {
			t.Errorf("%s %s answers Ada %d", c.method, c.path, got.status)
		}
	}
	for _, b := range []*browser{bob, eve, guest} {
		b.must(http.MethodGet, path+"/transcript", nil, http.StatusForbidden)
		b.must(http.MethodGet, path, nil, http.StatusForbidden)
		if ids, _ := b.listed(); len(ids) != 0 {
			t.Errorf("%v lists %v", b.me(), ids)
		}
	}

	// It ends when it is withdrawn, at once.
	owner.must(http.MethodDelete, path+"/shares/"+share.text("id"), nil, http.StatusOK)
	ada.must(http.MethodGet, path+"/transcript", nil, http.StatusForbidden)
	if ids, _ := ada.listed(); len(ids) != 0 || len(ada.search("budget").found()) != 0 {
		t.Errorf("still lists %v", ids)
	}
	if got := owner.do(http.MethodDelete, path+"/shares/"+share.text("id"), nil); got.status != http.StatusNotFound || got.problem() != "no-share" {
		t.Errorf("withdrawing again answers %d %s", got.status, got.body)
	}
	for _, action := range []string{"meeting.share", "meeting.unshare"} {
		if e := d.audited(action); e.Object != meetingObject(m.ID) {
			t.Errorf("the audit has %+v", e)
		}
	}
	if strings.Contains(d.log.String(), "@example.org") {
		t.Error("the log holds an address")
	}
}

func TestSharingEndsWithTheMeeting(t *testing.T) {
	d := newDoor(t, false)
	owner, ada := d.browser(), d.patient()
	d.signIn(ada, "ada", "/")
	room, _ := owner.makeRoom("Comité")
	m := d.hold(room, "Le budget.")
	path := "/meetings/" + string(m.ID)
	if a := owner.shares(path, "ada@example.org"); a.status != http.StatusOK {
		t.Fatal(string(a.body))
	}
	owner.must(http.MethodDelete, path, nil, http.StatusNoContent)
	ada.must(http.MethodGet, path+"/transcript", nil, http.StatusNotFound)
	if ids, _ := ada.listed(); len(ids) != 0 {
		t.Errorf("lists %v", ids)
	}
	left, err := d.store.List(t.Context(), "users/")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range left {
		if strings.Contains(o.Key, string(m.ID)) {
			t.Errorf("%s is left of a deleted meeting", o.Key)
		}
	}
}

func TestWhoMayShare(t *testing.T) {
	d := newDoor(t, false)
	owner, stranger, admin := d.browser(), d.browser(), d.admin()
	room, _ := owner.makeRoom("Comité")
	path := "/meetings/" + string(d.hold(room, "Le budget.").ID)
	for _, b := range []*browser{stranger, admin, d.program()} {
		if a := b.shares(path, "ada@example.org"); a.status != http.StatusForbidden {
			t.Errorf("sharing another's meeting answers %d", a.status)
		}
	}
	for _, bad := range [][]string{{}, {""}, {"ada"}, {strings.Repeat("a", 250) + "@example.org"}} {
		if a := owner.shares(path, bad...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%v answers %d", bad, a.status)
		}
	}
	if a := owner.shares("/meetings/"+string(meeting.NewID()), "ada@example.org"); a.status != http.StatusNotFound {
		t.Errorf("no meeting answers %d", a.status)
	}
	for batch := range storage.MaxShares / 50 {
		addresses := make([]string, 50)
		for i := range addresses {
			addresses[i] = fmt.Sprintf("p%d@example.org", 50*batch+i)
		}
		if a := owner.shares(path, addresses...); a.status != http.StatusOK {
			t.Fatal(string(a.body))
		}
	}
	if a := owner.shares(path, "one@example.org"); a.status != http.StatusConflict || a.problem() != "too-many-shares" {
		t.Errorf("one too many answers %d %s", a.status, a.body)
	}

	s := newSite(t)
	alone := s.browser()
	theirs := alone.spokenMeeting("Bonjour")
	if a := alone.shares(theirs, "ada@example.org"); a.status != http.StatusConflict || a.problem() != "no-sign-in" {
		t.Errorf("without a provider: %d %s", a.status, a.body)
	}
}
