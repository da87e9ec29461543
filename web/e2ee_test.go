package web

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestAnEncryptedRoomHasNoAI(t *testing.T) {
	s := newSite(t)
	owner, admin := s.browser(), s.admin()
	admin.must(http.MethodPatch, "/instance", fields{"keep_audio": true}, http.StatusOK)
	a := owner.must(http.MethodPost, "/rooms", fields{"name": "Council", "e2ee": true}, http.StatusCreated)
	path := "/rooms/" + a.fields.text("room", "id")
	if a.fields.at("room", "e2ee") != true || bytes.Contains(a.body, []byte("key=")) {
		t.Errorf("made %s", a.body)
	}
	for what, refused := range map[string]answer{
		"the AI":          owner.do(http.MethodPut, path+"/ai", fields{"level": "captions"}),
		"an admin's AI":   admin.do(http.MethodPut, path+"/ai", fields{"level": "minutes"}),
		"sound":           owner.do(http.MethodPut, path+"/audio", fields{"keep": true}),
		"a room with AI":  owner.do(http.MethodPost, "/rooms", fields{"name": "A", "e2ee": true, "level": "captions"}),
		"the room's file": admin.do(http.MethodPut, path+"/audio", fields{"keep": true}),
	} {
		if refused.status != http.StatusConflict || refused.problem() != "encrypted" || !strings.Contains(refused.fields.text("detail"), "cannot hear") {
			t.Errorf("%s answered %d %s", what, refused.status, refused.body)
		}
	}
	a = admin.must(http.MethodPut, path+"/ceiling", fields{"ceiling": "minutes"}, http.StatusOK)
	for _, field := range []string{"level", "effective_level", "effective_ceiling"} {
		if a.fields.text(field) != "off" {
			t.Errorf("under the highest ceiling %s is %s", field, a.fields.text(field))
		}
	}
	owner.must(http.MethodPut, path+"/ai", fields{"level": "off"}, http.StatusOK)
}

func TestEncryptionIsFixedWhileAMeetingIsLive(t *testing.T) {
	s := newSite(t)
	owner, guest := s.browser(), s.browser()
	room, _ := owner.makeRoom("Council")
	path := "/rooms/" + room
	guest.must(http.MethodPut, path+"/e2ee", fields{"on": true}, http.StatusForbidden)
	owner.must(http.MethodPut, path+"/ai", fields{"level": "transcript"}, http.StatusOK)

	a := owner.must(http.MethodPut, path+"/e2ee", fields{"on": true}, http.StatusOK)
	if a.fields.at("e2ee") != true || a.fields.text("level") != "off" {
		t.Errorf("switched on: %s", a.body)
	}
	guest.must(http.MethodPost, path+"/join", fields{"name": "Gus", "e2ee": true}, http.StatusOK)
	if a := owner.do(http.MethodPut, path+"/e2ee", fields{"on": false}); a.status != http.StatusConflict || a.problem() != "meeting-live" {
		t.Errorf("in a meeting answered %d %s", a.status, a.body)
	}
	owner.must(http.MethodPost, path+"/end", nil, http.StatusNoContent)
	a = owner.must(http.MethodPut, path+"/e2ee", fields{"on": false}, http.StatusOK)
	if a.fields.at("e2ee") != false || a.fields.text("level") != "off" {
		t.Errorf("switched off again, the AI must not come back by itself: %s", a.body)
	}
}

func TestWhoDoesNotEncryptIsNotLetIntoAnEncryptedRoom(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	inClear, _ := owner.makeRoom("Open")
	secret, _ := owner.makeRoom("Council")
	owner.must(http.MethodPut, "/rooms/"+secret+"/e2ee", fields{"on": true}, http.StatusOK)
	for _, c := range []struct {
		room string
		join fields
		code string
	}{
		{secret, fields{"name": "Old page"}, "encryption-needed"},
		{secret, fields{"name": "Script", "e2ee": false}, "encryption-needed"},
		{inClear, fields{"name": "Old link", "e2ee": true}, "not-encrypted"},
	} {
		a := s.browser().do(http.MethodPost, "/rooms/"+c.room+"/join", c.join)
		if a.status != http.StatusConflict || a.problem() != c.code {
			t.Errorf("%v answered %d %s, want %s", c.join, a.status, a.body, c.code)
		}
	}
	if n := len(s.live.admitted); n != 0 {
		t.Errorf("%d of them were admitted", n)
	}
}
