package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func TestListMeetings(t *testing.T) {
	s := newSite(t)
	owner, other := s.browser(), s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room))
	orphan := s.storeMeeting(meeting.NewRoomID(), func(m *storage.Meeting) { m.EndedUnixMS, m.TranscriptFinal = 0, false })

	for name, c := range map[string]struct {
		b    *browser
		want []meeting.ID
	}{
		"stranger": {other, nil}, "organizer": {owner, []meeting.ID{m.ID}}, "admin": {s.admin(), []meeting.ID{orphan.ID, m.ID}},
	} {
		a := c.b.must(http.MethodGet, "/meetings", nil, http.StatusOK)
		list := a.fields.at("meetings").([]any)
		if len(list) != len(c.want) {
			t.Errorf("%s sees %s", name, a.body)
			continue
		}
		for i, id := range c.want {
			if fields(list[i].(map[string]any)).text("id") != string(id) {
				t.Errorf("%s sees %s, want %v", name, a.body, c.want)
			}
		}
	}
	a := owner.must(http.MethodGet, "/meetings", nil, http.StatusOK)
	first := fields(a.fields.at("meetings").([]any)[0].(map[string]any))
	people, _ := json.Marshal(first.at("people"))
	if string(people) != `["Anna","Bob"]` || first.text("room_name") != "Weekly" || first.at("final") != true || first.at("participants") != nil {
		t.Errorf("the meeting is listed as %v", first)
	}
}

func TestGetMeeting(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room))
	a := owner.must(http.MethodGet, "/meetings/"+string(m.ID), nil, http.StatusOK)
	if len(a.fields.at("participants").([]any)) != 3 || len(a.fields.at("policies").([]any)) != 1 || len(a.fields.at("people").([]any)) != 2 {
		t.Errorf("got %s", a.body)
	}
	for _, id := range []string{"nonsense", string(meeting.NewID())} {
		if a := owner.do(http.MethodGet, "/meetings/"+id, nil); a.status != http.StatusNotFound || a.problem() != "no-meeting" {
			t.Errorf("%s answered %d %s", id, a.status, a.body)
		}
	}
}

func TestTranscript(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room))
	a := owner.must(http.MethodGet, "/meetings/"+string(m.ID)+"/transcript", nil, http.StatusOK)
	if a.fields.text("meeting") != string(m.ID) || len(a.fields.at("people").([]any)) != 3 || a.fields.at("segments") == nil {
		t.Errorf("got %s", a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("a transcript may be cached")
	}
}

func TestSegmentView(t *testing.T) {
	of := &storage.Transcript{People: []meeting.Person{{Person: "u1", Name: "Anna"}}}
	said := meeting.Segment{
		Caption: meeting.Caption{Seg: "g", Spk: "p1/voice-2", T0: 1, T1: 2, Lang: "fr", Text: "Bonjour", Final: true}, Quality: meeting.QualityFast,
	}
	want := segmentBody{Seg: "g", Spk: "p1/voice-2", T0: 1, T1: 2, Lang: "fr", Text: "Bonjour", Quality: "fast"}
	if got := segmentView(of, &said); got != want {
		t.Errorf("got %+v", got)
	}
	said.Original = &meeting.Original{Text: "Bonsoir", By: "u1", AtUnixMS: 7}
	got := segmentView(of, &said)
	if *got.Original != (originalBody{Text: "Bonsoir", ByName: "Anna", AtUnixMS: 7}) {
		t.Errorf("got %+v", got)
	}
}

func TestAdminNeedsAReasonForSpeech(t *testing.T) {
	s := newSite(t)
	owner, admin := s.browser(), s.admin()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room))
	path := "/meetings/" + string(m.ID)
	for _, op := range []struct{ method, path string }{
		{"GET", path + "/transcript"}, {"GET", path + "/transcript?reason=%20"}, {"GET", path + "/export?format=vtt"}, {"DELETE", path},
	} {
		if a := admin.do(op.method, op.path, nil); a.status != http.StatusForbidden || a.problem() != "reason-needed" {
			t.Errorf("%s %s answered %d %s", op.method, op.path, a.status, a.body)
		}
	}
	admin.must(http.MethodGet, path+"/export?format=vtt&reason=Court+order+7", nil, http.StatusOK)
	e := s.audited("transcript.export")
	if e.Reason != "Court order 7" || e.Object != "meetings/"+string(m.ID) || e.Role != meeting.Admin || e.Actor == "" {
		t.Errorf("the audit says %+v", e)
	}
	long := strings.Repeat("x", maxReason+1)
	if a := admin.do(http.MethodGet, path+"/transcript?reason="+long, nil); a.status != 422 {
		t.Errorf("an overlong reason answered %d", a.status)
	}
	if a := admin.do(http.MethodGet, path+"/export?format=vtt&reason="+long, nil); a.status != 422 {
		t.Errorf("an overlong reason for an export answered %d", a.status)
	}
	owner.must(http.MethodGet, path+"/transcript", nil, http.StatusOK)
	entries, err := s.deps.Audit.Day(t.Context(), s.web.now())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Action == "transcript.read" {
			t.Error("an organizer's reading is nobody's business")
		}
	}
}

func TestAdminWhoOrganizesNeedsNoReason(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	room, _ := admin.makeRoom("Mine")
	m := s.storeMeeting(meeting.RoomID(room))
	admin.must(http.MethodGet, "/meetings/"+string(m.ID)+"/transcript", nil, http.StatusOK)
}

func TestDeleteMeeting(t *testing.T) {
	s := newSite(t)
	owner, guest := s.browser(), s.browser()
	room, _ := owner.makeRoom("Weekly")
	live := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) { m.EndedUnixMS = 0 })
	m := s.storeMeeting(meeting.RoomID(room))
	path := "/meetings/" + string(m.ID)
	guest.must(http.MethodDelete, path, nil, http.StatusForbidden)
	if a := owner.do(http.MethodDelete, "/meetings/"+string(live.ID), nil); a.status != http.StatusConflict || a.problem() != "still-live" {
		t.Errorf("a live meeting answered %d %s", a.status, a.body)
	}
	owner.must(http.MethodDelete, path, nil, http.StatusNoContent)
	owner.must(http.MethodGet, path, nil, http.StatusNotFound)
	owner.must(http.MethodGet, path+"/transcript", nil, http.StatusNotFound)
	if _, err := s.keys.Archive(t.Context(), m.ID); !errors.Is(err, storage.ErrNoKey) {
		t.Errorf("the key of a deleted meeting: %v", err)
	}
}

func TestExport(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) { m.RoomName = `Réunion "bleue"; 100 %/a` })
	for format, kind := range map[string]string{
		"vtt": "text/vtt", "srt": "application/x-subrip", "txt": "text/plain", "md": "text/markdown", "json": "application/json",
		"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	} {
		a := owner.must(http.MethodGet, "/meetings/"+string(m.ID)+"/export?format="+format, nil, http.StatusOK)
		if got, _, err := mime.ParseMediaType(a.header.Get("Content-Type")); err != nil || got != kind {
			t.Errorf("%s is served as %q", format, a.header.Get("Content-Type"))
		}
		disposition, params, err := mime.ParseMediaType(a.header.Get("Content-Disposition"))
		if err != nil || disposition != "attachment" || !strings.HasSuffix(params["filename"], "."+format) || !strings.Contains(params["filename"], "Réunion") {
			t.Errorf("%s: Content-Disposition %q is %v, %v", format, a.header.Get("Content-Disposition"), params, err)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be cached or sniffed: %v", format, a.header)
		}
	}
	for query, status := range map[string]int{"": 422, "?format=odt": 422, "?format=VTT": 422} {
		if a := owner.do(http.MethodGet, "/meetings/"+string(m.ID)+"/export"+query, nil); a.status != status || a.problem() != "bad-format" {
			t.Errorf("%q answered %d %s", query, a.status, a.body)
		}
	}
	if a := owner.do(http.MethodGet, "/meetings/nonsense/export?format=vtt", nil); a.status != http.StatusNotFound {
		t.Errorf("an unknown meeting answered %d", a.status)
	}
	if a := s.browser().do(http.MethodGet, "/meetings/"+string(m.ID)+"/export?format=vtt&reason=curious", nil); a.status != http.StatusForbidden {
		t.Errorf("a stranger with a reason got %d", a.status)
	}
}

func TestAttachmentNames(t *testing.T) {
	for _, name := range []string{"plain.vtt", "Réunion du lundi.vtt", `a"b;c%d.txt`, "会议 #1.json", "it's 50%.md"} {
		header := attachment(name)
		for _, r := range header {
			if r < ' ' || r > '~' {
				t.Errorf("%q gives a header with %q", name, r)
			}
		}
		if _, params, err := mime.ParseMediaType(header); err != nil || params["filename"] != name {
			t.Errorf("%q is read back as %q (%v) from %s", name, params["filename"], err, header)
		}
	}
}

func TestFailureIsToldAndLogged(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	s.live.refuse = io.ErrUnexpectedEOF
	a := owner.do(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "A"})
	if a.status != http.StatusServiceUnavailable || a.problem() != "unavailable" || strings.Contains(string(a.body), "EOF") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if !strings.Contains(s.log.String(), "EOF") {
		t.Error("the cause is not in the log")
	}
}

func TestStorageGone(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room))
	s.loseStorage()
	for _, op := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/me", nil}, {"GET", "/rooms/" + room, nil}, {"POST", "/rooms", fields{"name": "A"}},
		{"POST", "/session/link", fields{"token": "x"}}, {"GET", "/meetings/" + string(m.ID) + "/export?format=vtt", nil},
	} {
		for name, b := range map[string]*browser{"owner": owner, "stranger": s.browser(), "program": s.program()} {
			if a := b.do(op.method, op.path, op.body); a.status != http.StatusServiceUnavailable || a.problem() != "unavailable" {
				t.Errorf("%s %s as %s answered %d %s", op.method, op.path, name, a.status, a.body)
			}
		}
	}
	if a := s.browser().do(http.MethodGet, "/health", nil); a.status != http.StatusOK {
		t.Errorf("health answered %d: the server itself is well", a.status)
	}
}
