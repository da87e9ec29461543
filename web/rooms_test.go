package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func TestMakeRoom(t *testing.T) {
	s := newSite(t)
	anna := s.browser()
	a := anna.must(http.MethodPost, "/rooms", fields{"name": "  Équipe \u202e bleue ", "level": "captions", "langs": []string{"fr", "en"}}, http.StatusCreated)
	room := a.fields.text("room", "id")
	if !meeting.RoomID(room).Valid() {
		t.Errorf("room has the ID %q", room)
	}
	if got := a.fields.text("room", "name"); got != "Équipe bleue" {
		t.Errorf("name became %q", got)
	}
	if got := a.fields.text("join_url"); got != s.http.URL+"/r/"+room {
		t.Errorf("join_url is %q", got)
	}
	for name, want := range map[string]string{
		"level": "captions", "ceiling": "inherit", "effective_ceiling": "minutes", "effective_level": "captions", "role": "organizer",
	} {
		if got := a.fields.text("room", name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if live, ok := a.fields.at("room").(map[string]any)["live"]; !ok || live != nil {
		t.Errorf("live is %v, want null", live)
	}
	stored, err := s.deps.Rooms.Get(t.Context(), meeting.RoomID(room))
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(a.fields.text("organizer_url"), "#organizer=")
	if secret == "" || stored.LinkHash != hashOf(secret) || strings.Contains(stored.LinkHash, secret) {
		t.Error("the organizer link's secret must be stored as its hash")
	}
	list := anna.must(http.MethodGet, "/rooms", nil, http.StatusOK)
	if rooms := list.fields.at("rooms").([]any); len(rooms) != 1 {
		t.Errorf("the owner sees %d rooms", len(rooms))
	}
	if rooms := s.browser().must(http.MethodGet, "/rooms", nil, http.StatusOK).fields.at("rooms").([]any); len(rooms) != 0 {
		t.Errorf("a stranger sees %d rooms", len(rooms))
	}
}

func TestMakeRoomRefused(t *testing.T) {
	s := newSite(t)
	s.admin().must(http.MethodPatch, "/instance", fields{"ceiling": "captions"}, http.StatusOK)
	for _, c := range []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"no name", fields{}, 422, "bad-request"},
		{"empty name", fields{"name": ""}, 422, "bad-request"},
		{"invisible name", fields{"name": "\u200b\u202e"}, 422, "bad-name"},
		{"long name", fields{"name": strings.Repeat("é", 81)}, 422, "bad-request"},
		{"unknown level", fields{"name": "A", "level": "full"}, 422, "bad-request"},
		{"level above the ceiling", fields{"name": "A", "level": "minutes"}, 409, "above-ceiling"},
		{"bad language", fields{"name": "A", "langs": []string{"French"}}, 422, "bad-request"},
		{"too many languages", fields{"name": "A", "langs": slices.Repeat([]string{"fr"}, 9)}, 422, "bad-request"},
		{"unknown field", fields{"name": "A", "owner": "u1"}, 422, "bad-request"},
		{"no object", []string{"A"}, 422, "bad-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.browser().do(http.MethodPost, "/rooms", c.body)
			if a.status != c.status || a.problem() != c.code {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, c.status, c.code)
			}
			if detail := a.fields.text("detail"); detail == "" {
				t.Error("the problem says nothing")
			}
		})
	}
}

func TestWhoMayMakeRooms(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	organizer := s.browser()
	organizer.makeRoom("Mine")
	for _, c := range []struct {
		policy string
		may    map[string]bool
	}{
		{"anyone", map[string]bool{"stranger": true, "organizer": true, "admin": true}},
		{"signed-in", map[string]bool{"stranger": false, "organizer": true, "admin": true}},
		{"admin", map[string]bool{"stranger": false, "organizer": false, "admin": true}},
	} {
		admin.must(http.MethodPatch, "/instance", fields{"room_creation": c.policy}, http.StatusOK)
		for who, b := range map[string]*browser{"stranger": s.browser(), "organizer": organizer, "admin": admin} {
			me := b.must(http.MethodGet, "/me", nil, http.StatusOK)
			if me.fields.at("can_create_rooms") != c.may[who] {
				t.Errorf("%s: %s is told %v", c.policy, who, me.fields.at("can_create_rooms"))
			}
			want := http.StatusForbidden
			if c.may[who] {
				want = http.StatusCreated
			}
			if a := b.do(http.MethodPost, "/rooms", fields{"name": "R"}); a.status != want {
				t.Errorf("%s: %s got %d, want %d", c.policy, who, a.status, want)
			}
		}
	}
}

func TestChangedLanguagesReachTheMeeting(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Babel")
	owner.must(http.MethodPatch, "/rooms/"+room, fields{"langs": []string{"fr", "en"}}, http.StatusOK)
	if c := s.live.changed; len(c) != 1 || string(c[0].ID) != room || !slices.Equal(c[0].Langs, []string{"fr", "en"}) {
		t.Errorf("the live meeting was told %+v", c)
	}
}

// TestRoles is the table of who may do what: role by operation.
func TestRoles(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, secret := owner.makeRoom("Table")
	guest, organizer, other := s.browser(), s.browser(), s.browser()
	guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"}, http.StatusOK)
	organizer.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	other.makeRoom("Another")
	m := s.storeMeeting(meeting.RoomID(room))
	visitors := []struct {
		name string
		b    *browser
	}{
		{"stranger", s.browser()}, {"guest", guest}, {"organizer of another room", other},
		{"organizer", organizer}, {"owner", owner}, {"admin", s.admin()}, {"program", s.program()},
	}
	const all, runs, admins = "all", "runs", "admins"
	for _, op := range []struct {
		method, path string
		body         any
		ok           int
		may          string
	}{
		{"GET", "/me", nil, 200, all},
		{"GET", "/health", nil, 200, all},
		{"GET", "/openapi.json", nil, 200, all},
		{"GET", "/rooms", nil, 200, all},
		{"GET", "/meetings", nil, 200, all},
		{"GET", "/rooms/" + room, nil, 200, all},
		{"POST", "/rooms/" + room + "/join", fields{"name": "Someone"}, 200, all},
		{"PATCH", "/rooms/" + room, fields{"langs": []string{"fr"}}, 200, runs},
		{"PUT", "/rooms/" + room + "/ai", fields{"level": "captions"}, 200, runs},
		{"POST", "/rooms/" + room + "/organizer-link", nil, 200, "owner and admins"}, // others last: renewing takes the organizers' rights
		{"PUT", "/rooms/" + room + "/ceiling", fields{"ceiling": "minutes"}, 200, admins},
		{"GET", "/meetings/" + string(m.ID), nil, 200, runs},
		{"GET", "/meetings/" + string(m.ID) + "/transcript?reason=test", nil, 200, runs},
		{"GET", "/meetings/" + string(m.ID) + "/export?format=txt&reason=test", nil, 200, runs},
		{"GET", "/instance", nil, 200, admins},
		{"PATCH", "/instance", fields{"ceiling": "minutes"}, 200, admins},
		{"GET", "/status", nil, 200, admins},
		{"POST", "/rooms/" + room + "/end", nil, 0, runs}, // 204 or, when the meeting has ended already, 409
	} {
		if op.may == "owner and admins" {
			continue // see TestRenewedLinkTakesRightsAway
		}
		for _, v := range visitors {
			allowed := op.may == all || v.name == "admin" || v.name == "program" ||
				op.may == runs && (v.name == "organizer" || v.name == "owner")
			got := v.b.do(op.method, op.path, op.body)
			switch {
			case !allowed && (got.status != http.StatusForbidden || got.problem() == ""):
				t.Errorf("%s %s as %s: got %d, want 403 with a problem", op.method, op.path, v.name, got.status)
			case allowed && op.ok != 0 && got.status != op.ok:
				t.Errorf("%s %s as %s: got %d %s, want %d", op.method, op.path, v.name, got.status, got.body, op.ok)
			case allowed && got.status == http.StatusForbidden:
				t.Errorf("%s %s as %s: refused: %s", op.method, op.path, v.name, got.body)
			}
		}
	}
}

func TestDeleteRoom(t *testing.T) {
	s := newSite(t)
	owner, guest := s.browser(), s.browser()
	room, _ := owner.makeRoom("Short")
	guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"}, http.StatusOK)
	guest.must(http.MethodDelete, "/rooms/"+room, nil, http.StatusForbidden)
	owner.must(http.MethodDelete, "/rooms/"+room, nil, http.StatusNoContent)
	if _, live := s.live.Room(meeting.RoomID(room)); live {
		t.Error("the meeting of a deleted room goes on")
	}
	owner.must(http.MethodGet, "/rooms/"+room, nil, http.StatusNotFound)
	owner.must(http.MethodDelete, "/rooms/"+room, nil, http.StatusNotFound)
	if rooms := owner.must(http.MethodGet, "/rooms", nil, http.StatusOK).fields.at("rooms").([]any); len(rooms) != 0 {
		t.Errorf("a deleted room is still listed: %v", rooms)
	}
}

func TestUnknownRoom(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	for _, room := range []string{"bbb-bbbb-bbbb", "nonsense", "..%2finstance", strings.Repeat("b", 60)} {
		for _, op := range []struct {
			method, path string
			body         any
		}{
			{"GET", "", nil}, {"PATCH", "", fields{"name": "A"}}, {"DELETE", "", nil}, {"PUT", "/ai", fields{"level": "off"}},
			{"PUT", "/ceiling", fields{"ceiling": "off"}}, {"POST", "/organizer-link", nil}, {"POST", "/end", nil},
			{"POST", "/join", fields{"name": "A"}}, {"POST", "/organize", fields{"secret": "x"}},
		} {
			if a := admin.do(op.method, "/rooms/"+room+op.path, op.body); a.status != http.StatusNotFound {
				t.Errorf("%s /rooms/%s%s answered %d %s", op.method, room, op.path, a.status, a.body)
			}
		}
	}
}

func TestChangeRoom(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Old")
	a := owner.must(http.MethodPatch, "/rooms/"+room, fields{"name": "New"}, http.StatusOK)
	if a.fields.text("name") != "New" {
		t.Errorf("got %s", a.body)
	}
	owner.must(http.MethodPatch, "/rooms/"+room, fields{"langs": []string{"fr"}}, http.StatusOK)
	a = owner.must(http.MethodPatch, "/rooms/"+room, fields{"langs": []string{}}, http.StatusOK)
	if a.fields.text("name") != "New" || len(a.fields.at("langs").([]any)) != 0 {
		t.Errorf("got %s", a.body)
	}
	if a := owner.do(http.MethodPatch, "/rooms/"+room, fields{"name": " \t "}); a.status != 422 {
		t.Errorf("an empty name answered %d", a.status)
	}
}

func TestAILevel(t *testing.T) {
	s := newSite(t)
	owner, admin := s.browser(), s.admin()
	room, _ := owner.makeRoom("AI")
	path := "/rooms/" + room

	a := owner.must(http.MethodPut, path+"/ai", fields{"level": "minutes"}, http.StatusOK)
	if a.fields.text("effective_level") != "minutes" {
		t.Errorf("got %s", a.body)
	}
	a = admin.must(http.MethodPut, path+"/ceiling", fields{"ceiling": "captions"}, http.StatusOK)
	if a.fields.text("level") != "minutes" || a.fields.text("effective_level") != "captions" || a.fields.text("ceiling") != "captions" {
		t.Errorf("under a ceiling got %s", a.body)
	}
	above := owner.do(http.MethodPut, path+"/ai", fields{"level": "transcript"})
	if above.status != http.StatusConflict || above.problem() != "above-ceiling" {
		t.Errorf("above the ceiling answered %d %s", above.status, above.body)
	}
	a = admin.must(http.MethodPut, path+"/ceiling", fields{"ceiling": "inherit"}, http.StatusOK)
	if a.fields.text("ceiling") != "inherit" || a.fields.text("effective_ceiling") != "minutes" {
		t.Errorf("inheriting got %s", a.body)
	}
	admin.must(http.MethodPatch, "/instance", fields{"ceiling": "off"}, http.StatusOK)
	a = owner.must(http.MethodGet, path, nil, http.StatusOK)
	if a.fields.text("effective_level") != "off" || a.fields.text("level") != "minutes" {
		t.Errorf("under the instance's ceiling got %s", a.body)
	}
	if a := owner.do(http.MethodPut, path+"/ai", fields{"level": "loud"}); a.status != 422 {
		t.Errorf("an unknown level answered %d", a.status)
	}
}

func TestPolicyChangesNameTheActor(t *testing.T) {
	s := newSite(t)
	owner, admin := s.browser(), s.admin()
	room, _ := owner.makeRoom("AI")
	owner.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Olga"}, http.StatusOK)
	owner.must(http.MethodPut, "/rooms/"+room+"/ai", fields{"level": "captions"}, http.StatusOK)
	admin.must(http.MethodPut, "/rooms/"+room+"/ceiling", fields{"ceiling": "off"}, http.StatusOK)
	s.program().must(http.MethodPut, "/rooms/"+room+"/ceiling", fields{"ceiling": "inherit"}, http.StatusOK)
	if program := s.live.actors[2]; program.Person != TokenHolder || program.Name == "" {
		t.Errorf("the program is %+v", program)
	}
	if len(s.live.actors) != 3 || s.live.actors[0].Name != "Olga" || s.live.actors[0].Role != meeting.Organizer ||
		s.live.actors[0].Person == "" || s.live.actors[1].Name != "Admin" || s.live.actors[1].Role != meeting.Admin {
		t.Errorf("actors are %+v", s.live.actors)
	}
	for _, want := range []string{"room.create", "sign-in.admin"} {
		s.audited(want)
	}
}

// audited returns the audit's entry of an action, which must be there once.
func (s *site) audited(action string) storage.AuditEntry {
	s.t.Helper()
	entries, err := s.deps.Audit.Day(s.t.Context(), s.web.now())
	if err != nil {
		s.t.Fatal(err)
	}
	var found []storage.AuditEntry
	for _, e := range entries {
		if e.Action == action {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("the audit has %d entries of %s: %+v", len(found), action, entries)
	}
	return found[0]
}

func TestInstanceSettings(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	a := admin.must(http.MethodGet, "/instance", nil, http.StatusOK)
	if a.fields.text("ceiling") != "minutes" || a.fields.text("room_creation") != "anyone" {
		t.Errorf("a fresh instance has %s", a.body)
	}
	a = admin.must(http.MethodPatch, "/instance", fields{"room_creation": "admin"}, http.StatusOK)
	if a.fields.text("ceiling") != "minutes" || a.fields.text("room_creation") != "admin" {
		t.Errorf("changed to %s", a.body)
	}
	if a := admin.do(http.MethodPatch, "/instance", fields{"room_creation": "nobody"}); a.status != 422 {
		t.Errorf("an unknown policy answered %d", a.status)
	}
	s.browser().must(http.MethodPatch, "/instance", fields{"ceiling": "off", "room_creation": "anyone"}, http.StatusForbidden)
	a = admin.must(http.MethodGet, "/instance", nil, http.StatusOK)
	if a.fields.text("ceiling") != "minutes" || a.fields.text("room_creation") != "admin" {
		t.Errorf("a stranger was refused and still changed it to %s", a.body)
	}
	status := admin.must(http.MethodGet, "/status", nil, http.StatusOK)
	if status.fields.text("asr", "state") != "live" || status.fields.at("people") != 2.0 {
		t.Errorf("status is %s", status.body)
	}
}

func TestGlossaryIsForOrganizersAndRecognisers(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Council")
	a := owner.must(http.MethodPatch, "/rooms/"+room, fields{"glossary": []string{" USOC ", "Jean-Luc\u202e Ferré", "USOC"}}, http.StatusOK)
	want := []any{"USOC", "Jean-Luc Ferré"}
	if got := a.fields.at("glossary").([]any); !slices.Equal(got, want) {
		t.Errorf("the organizer reads %v, want %v", got, want)
	}
	if c := s.live.changed; len(c) != 1 || len(c[0].Glossary) != 2 {
		t.Errorf("the meeting was told %+v", c)
	}
	owner.must(http.MethodPatch, "/rooms/"+room, fields{"name": "Council 2"}, http.StatusOK) // leaves it alone
	if got := owner.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK).fields.at("glossary").([]any); len(got) != 2 {
		t.Errorf("after another change: %v", got)
	}
	if guest := s.browser().must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); strings.Contains(string(guest.body), "USOC") {
		t.Errorf("a guest reads %s", guest.body)
	}
	for _, bad := range [][]string{{""}, {" \t "}, {strings.Repeat("x", 41)}, slices.Repeat([]string{"x"}, 31)} {
		if a := owner.do(http.MethodPatch, "/rooms/"+room, fields{"glossary": bad}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d terms of %d characters answered %d", len(bad), len(bad[0]), a.status)
		}
	}
	if a := owner.must(http.MethodPatch, "/rooms/"+room, fields{"glossary": []string{}}, http.StatusOK); len(a.fields.at("glossary").([]any)) != 0 {
		t.Errorf("emptied: %s", a.body)
	}
}

func TestAnAdminChoosesTheEnginesOfARoom(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Engines = []string{"whisper-base", "parakeet"} })
	owner, admin := s.browser(), s.admin()
	room, _ := owner.makeRoom("Council")
	if got := admin.must(http.MethodGet, "/instance", nil, http.StatusOK).fields.at("engines").([]any); !slices.Equal(got, []any{"whisper-base", "parakeet"}) {
		t.Errorf("offered %v", got)
	}
	choice := fields{"partials": "", "finals": "parakeet"}
	if a := owner.do(http.MethodPut, "/rooms/"+room+"/engines", choice); a.status != http.StatusForbidden {
		t.Errorf("an organizer chose engines: %d", a.status)
	}
	a := admin.must(http.MethodPut, "/rooms/"+room+"/engines", choice, http.StatusOK)
	if got := a.fields.at("engines").(map[string]any)["finals"]; got != "parakeet" {
		t.Errorf("the admin reads %v", got)
	}
	if c := s.live.changed; len(c) != 1 || c[0].Engines != (meeting.Engines{Finals: "parakeet"}) {
		t.Errorf("the meeting was told %+v", c)
	}
	if a := admin.do(http.MethodPut, "/rooms/"+room+"/engines", fields{"partials": "oracle", "finals": ""}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an engine that is not there: %d", a.status)
	}
	if a := owner.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); strings.Contains(string(a.body), "parakeet") {
		t.Errorf("an organizer reads %s", a.body)
	}
	if a := admin.do(http.MethodPut, "/rooms/nowhere/engines", choice); a.status != http.StatusNotFound {
		t.Errorf("an unknown room: %d", a.status)
	}
}

func TestRulesOfARoom(t *testing.T) {
	s := newSite(t)
	owner, guest := s.browser(), s.browser()
	room, _ := owner.makeRoom("Hall")
	first := guest.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK)
	if first.fields.at("rules", "lobby") != false || first.fields.text("rules", "share") != "everybody" || first.fields.at("rules", "max_people") != 0.0 {
		t.Errorf("a new room has %v", first.fields.at("rules"))
	}
	rules := fields{"lobby": true, "max_people": 12, "share": "organizers", "share_replaces": true}
	guest.must(http.MethodPatch, "/rooms/"+room, fields{"rules": rules}, http.StatusForbidden)
	owner.must(http.MethodPatch, "/rooms/"+room, fields{"rules": rules}, http.StatusOK)
	want := meeting.Rules{Lobby: true, MaxPeople: 12, Share: meeting.OrganizersShare, ShareReplaces: true}
	if got := s.live.changed[len(s.live.changed)-1].Rules; got != want {
		t.Errorf("the meeting was told %+v", got)
	}
	owner.must(http.MethodPatch, "/rooms/"+room, fields{"name": "Hall B"}, http.StatusOK)
	after := guest.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK)
	if after.fields.at("rules", "lobby") != true || after.fields.text("rules", "share") != "organizers" || after.fields.at("rules", "max_people") != 12.0 {
		t.Errorf("another change left %v", after.fields.at("rules"))
	}
	for _, bad := range []fields{
		{"lobby": true, "max_people": -1, "share": "everybody", "share_replaces": false},
		{"lobby": true, "max_people": 0, "share": "nobody", "share_replaces": false},
		{"lobby": true},
	} {
		owner.must(http.MethodPatch, "/rooms/"+room, fields{"rules": bad}, http.StatusUnprocessableEntity)
	}
}
