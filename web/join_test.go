package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souffleur/internal/meeting"
)

func TestJoin(t *testing.T) {
	s := newSite(t)
	owner, guest := s.browser(), s.browser()
	room, _ := owner.makeRoom("Hall")
	before := guest.must(http.MethodGet, "/me", nil, http.StatusOK)
	if before.fields.text("person") != "" {
		t.Error("a visitor who only looks must have no session")
	}
	a := guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": " Gus "}, http.StatusOK)
	if a.fields.text("token") != "place" || a.fields.text("role") != "participant" || a.fields.text("ws") != "/api/v1/signal" ||
		a.fields.text("participant") == "" || a.fields.text("meeting") == "" {
		t.Errorf("got %s", a.body)
	}
	owner.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Olga"}, http.StatusOK)
	first := guest.must(http.MethodGet, "/me", nil, http.StatusOK)
	guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gustav"}, http.StatusOK)
	again := guest.must(http.MethodGet, "/me", nil, http.StatusOK)
	if first.fields.text("name") != "Gus" || again.fields.text("name") != "Gustav" || first.fields.text("person") != again.fields.text("person") {
		t.Errorf("the guest was %s, then %s", first.body, again.body)
	}
	p := s.live.admitted
	if len(p) != 3 || p[0].Name != "Gus" || p[0].Role != meeting.Guest || p[1].Role != meeting.Organizer || p[0].Person != p[2].Person || p[0].Person == p[1].Person {
		t.Errorf("admitted %+v", p)
	}
	live := guest.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK)
	if live.fields.at("live", "people") != 3.0 || live.fields.text("live", "meeting") != a.fields.text("meeting") {
		t.Errorf("the room shows %s", live.body)
	}
}

func TestJoinHandsOnNoticeAndOptOut(t *testing.T) {
	s := newSite(t)
	room, _ := s.browser().makeRoom("Hall")
	guest := s.browser()
	guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus", "notice": "3.transcript+sound", "opt_out": true}, http.StatusOK)
	if n := s.live.notices[0]; n.Version != "3" || n.Level != meeting.Transcript || !n.Sound || !s.live.admitted[0].OptOut {
		t.Errorf("admitted %+v with %+v", s.live.admitted, n)
	}
	guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"}, http.StatusOK)
	if n := s.live.notices[1]; n != (meeting.Notice{}) || s.live.admitted[1].OptOut {
		t.Errorf("without a notice %+v", n)
	}
	for _, notice := range []string{"3", "transcript", "3.everything", strings.Repeat("9", 30) + ".captions", strings.Repeat("x", 41)} {
		if a := guest.do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus", "notice": notice}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("the notice %q answered %d %s", notice, a.status, a.body)
		}
	}
}

func TestJoinOfSeveralAtOneMicrophone(t *testing.T) {
	s := newSite(t)
	room, _ := s.browser().makeRoom("Hall")
	join := func(body fields) answer {
		body["name"] = "Salle 3"
		return s.browser().do(http.MethodPost, "/rooms/"+room+"/join", body)
	}
	for _, c := range []struct {
		body    fields
		roomMic bool
		n       int
	}{
		{fields{"room_mic": true, "headcount": 12}, true, 12},
		{fields{"room_mic": true}, true, 0},
		{fields{}, false, 0},
	} {
		if a := join(c.body); a.status != http.StatusOK {
			t.Fatalf("%v answered %d %s", c.body, a.status, a.body)
		}
		if p := s.live.admitted[len(s.live.admitted)-1]; p.RoomMic != c.roomMic || p.Headcount != c.n {
			t.Errorf("%v came in as %+v", c.body, p)
		}
	}
	for _, body := range []fields{
		{"room_mic": true, "headcount": 1}, {"room_mic": true, "headcount": 41}, {"room_mic": true, "headcount": -2},
		{"headcount": 5}, {"room_mic": "yes"}, {"room_mic": true, "headcount": "many"},
	} {
		if a := join(body); a.status != http.StatusUnprocessableEntity || a.fields.text("detail") == "" {
			t.Errorf("%v answered %d %s", body, a.status, a.body)
		}
	}
}

func TestJoinRefused(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Hall")
	if a := s.browser().do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "\u200b"}); a.status != 422 || a.problem() != "bad-name" {
		t.Errorf("an invisible name answered %d %s", a.status, a.body)
	}
	for refusal, code := range map[error]string{ErrRefused: "refused", ErrOverloaded: "overloaded"} {
		s.live.refuse = fmt.Errorf("join: %w", refusal)
		a := s.browser().do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"})
		if a.status != 503 || a.problem() != code || a.header.Get("Retry-After") != "60" || a.fields.text("detail") == "" {
			t.Errorf("a full server answered %d %s %v", a.status, a.body, a.header)
		}
	}
	for err, want := range map[error]struct {
		status int
		code   string
	}{
		ErrRoomFull: {409, "room-full"}, ErrLocked: {409, "locked"}, ErrLobbyFull: {409, "lobby-full"},
		ErrRemoved: {403, "removed"}, ErrNotAdmitted: {403, "not-admitted"}, ErrNoticeNeeded: {409, "notice-needed"},
	} {
		s.live.refuse = fmt.Errorf("join: %w", err)
		if a := s.browser().do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"}); a.status != want.status || a.problem() != want.code {
			t.Errorf("%v answered %d %s", err, a.status, a.body)
		}
	}
	s.live.refuse = errors.New("no answer from the store at 10.0.0.1")
	a := s.browser().do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"})
	if a.status != 503 || a.problem() != "unavailable" {
		t.Errorf("a failure answered %d %s", a.status, a.body)
	}
}

func TestEndMeeting(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Hall")
	if a := owner.do(http.MethodPost, "/rooms/"+room+"/end", nil); a.status != 409 || a.problem() != "not-live" {
		t.Errorf("without a meeting: %d %s", a.status, a.body)
	}
	owner.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Olga"}, http.StatusOK)
	owner.must(http.MethodPost, "/rooms/"+room+"/end", fields{}, http.StatusNoContent)
	if a := owner.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); a.fields.at("live") != nil {
		t.Errorf("the meeting goes on: %s", a.body)
	}
}

func TestRoomsAndJoinsAreLimited(t *testing.T) {
	s := newSite(t, func(c *Config) { c.RoomsPerHour, c.JoinsPerMinute, c.SignInsPerMinute = 2, 3, 2 })
	b := s.browser()
	room, _ := b.makeRoom("One")
	b.makeRoom("Two")
	if a := s.browser().do(http.MethodPost, "/rooms", fields{"name": "Three"}); a.status != http.StatusTooManyRequests || a.problem() != "too-many" {
		t.Errorf("the third room answered %d %s", a.status, a.body)
	}
	for range 3 {
		b.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "A"}, http.StatusOK)
	}
	if a := b.do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "A"}); a.status != http.StatusTooManyRequests {
		t.Errorf("the fourth join answered %d", a.status)
	}
	for range 2 {
		b.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": "guess"}, http.StatusGone)
	}
	if a := b.do(http.MethodPost, "/session/link", fields{"token": "guess"}); a.status != http.StatusTooManyRequests {
		t.Errorf("the third guess answered %d", a.status)
	}
}
