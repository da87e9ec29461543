package web

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestWhoeverComesSecondIsToldSo(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	room, _ := admin.makeRoom("Weekly")
	at := "/rooms/" + room
	for _, c := range []struct {
		read, method, path string
		body               fields
	}{
		{at, http.MethodPatch, at, fields{"name": "Renamed"}},
		{at, http.MethodPut, at + "/ai", fields{"level": "captions"}},
		{at, http.MethodPut, at + "/audio", fields{"keep": false}},
		{at, http.MethodPut, at + "/e2ee", fields{"on": false}},
		{at, http.MethodPut, at + "/ceiling", fields{"ceiling": "minutes"}},
		{at, http.MethodPut, at + "/engines", fields{"partials": "", "finals": ""}},
		{at, http.MethodPut, at + "/retention", noRetention},
		{at, http.MethodPut, at + "/access", fields{"access": "public", "members": []string{}}},
		{"/instance", http.MethodPatch, "/instance", fields{"ceiling": "captions"}},
		{"/instance", http.MethodPatch, "/instance", fields{"keep_audio": true, "room_creation": "signed-in", "retention": noRetention}},
	} {
		read := func() string { return admin.must(http.MethodGet, c.read, nil, http.StatusOK).header.Get("ETag") }
		before := read()
		if before == "" || before != read() {
			t.Fatalf("%s has the ETags %q and %q without a change", c.read, before, read())
		}
		first := admin.do(c.method, c.path, c.body, "If-Match", before)
		if first.status != http.StatusOK || read() == before || first.header.Get("ETag") != "" && first.header.Get("ETag") != read() {
			t.Errorf("%s %s: who was first got %d %s and the ETag %s", c.method, c.path, first.status, first.body, first.header.Get("ETag"))
		}
		now := read()
		for _, outdated := range []string{before, `"guessed"`, "W/" + now, strings.Trim(now, `"`)} {
			a := admin.do(c.method, c.path, c.body, "If-Match", outdated)
			if a.status != http.StatusPreconditionFailed || a.problem() != "changed-meanwhile" {
				t.Errorf("%s %s with %s answered %d %s", c.method, c.path, outdated, a.status, a.body)
			}
		}
		if now != read() {
			t.Errorf("%s %s changed something all the same", c.method, c.path)
		}
		for _, fine := range []string{before + ", " + now, "*"} {
			if a := admin.do(c.method, c.path, c.body, "If-Match", fine); a.status != http.StatusOK {
				t.Errorf("%s %s with %s answered %d %s", c.method, c.path, fine, a.status, a.body)
			}
		}
		admin.must(c.method, c.path, c.body, http.StatusOK) // whatever is there
	}
}

func TestOfTwoOrganizersAtOnceOneIsTold(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	version := owner.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK).header.Get("ETag")
	var group sync.WaitGroup
	answers := make([]answer, 6)
	for i := range answers {
		group.Go(func() {
			answers[i] = owner.do(http.MethodPut, "/rooms/"+room+"/ai", fields{"level": "captions"}, "If-Match", version)
		})
	}
	group.Wait()
	made := 0
	for _, a := range answers {
		switch a.status {
		case http.StatusOK:
			made++
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("answered %d %s", a.status, a.body)
		}
	}
	if made != 1 {
		t.Errorf("%d changes of the same version were made", made)
	}
}

func TestRefusedPeopleLearnNothingOfVersions(t *testing.T) {
	s := newSite(t)
	room, _ := s.browser().makeRoom("Weekly")
	if a := s.browser().do(http.MethodPatch, "/rooms/"+room, fields{"name": "Mine"}, "If-Match", `"guessed"`); a.status != http.StatusForbidden {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}
