package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/archivetest"
	"souffleur/storage/search"
)

// hold stores an ended meeting of a room, in which Anna says the texts in French, and brings the index up to it.
func (s *site) hold(room string, texts ...string) storage.Meeting {
	s.t.Helper()
	m := s.archive.Meet(storage.Meeting{Room: meeting.RoomID(room), RoomName: "Comité"})
	var segments []meeting.Segment
	for i, text := range texts {
		segments = append(segments, archivetest.Segment(meeting.NewSegmentID(m.ID, "t", 0, uint64(i)), int64(i)*1000, "fr", text))
	}
	s.archive.End(m.ID, segments...)
	if err := s.index.Catch(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return m
}

func (b *browser) search(query string) answer {
	b.site.t.Helper()
	return b.must(http.MethodGet, "/search?q="+url.QueryEscape(query), nil, http.StatusOK)
}

// found are the meetings of an answer.
func (a answer) found() []fields {
	list, _ := a.fields.at("meetings").([]any)
	all := make([]fields, 0, len(list))
	for _, m := range list {
		all = append(all, fields(m.(map[string]any)))
	}
	return all
}

func TestSearch(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Comité")
	m := s.hold(room, "Rien.", "🌻 Les réunions sont annulées.")
	a := owner.search("reunion")
	found := a.found()
	if len(found) != 1 || a.fields.at("total_meetings") != 1.0 || a.fields.at("total_segments") != 1.0 || a.fields.at("indexing") != nil {
		t.Fatalf("got %s", a.body)
	}
	f := found[0]
	hit := fields(f.at("segments").([]any)[0].(map[string]any))
	mark := fields(hit.at("marks").([]any)[0].(map[string]any))
	if f.text("meeting") != string(m.ID) || f.text("room") != room || f.text("room_name") != "Comité" || f.at("began_unix_ms") != float64(m.BeganUnixMS) ||
		hit.text("name") != "Anna" || hit.at("t0") != 1000.0 || hit.text("text") != "🌻 Les réunions sont annulées." ||
		mark.at("from") != 6.0 || mark.at("to") != 14.0 {
		t.Errorf("got %s", a.body)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("what was found may be cached")
	}
}

func TestSearchFindsOnlyWhatMayBeRead(t *testing.T) {
	s := newSite(t)
	first, second, stranger, admin := s.browser(), s.browser(), s.browser(), s.admin()
	room, secret := first.makeRoom("One")
	other, _ := second.makeRoom("Two")
	mine, theirs := s.hold(room, "Le budget."), s.hold(other, "Le budget.")
	orphan := s.hold(string(meeting.NewRoomID()), "Le budget.") // its room was deleted
	sees := func(who string, b *browser, want ...meeting.ID) {
		t.Helper()
		a := b.search("budget")
		var got []string
		for _, f := range a.found() {
			got = append(got, f.text("meeting"))
		}
		if len(got) != len(want) || a.fields.at("total_meetings") != float64(len(want)) || a.fields.at("total_segments") != float64(len(want)) {
			t.Errorf("%s sees %s", who, a.body)
			return
		}
		for i, id := range want {
			if got[i] != string(id) {
				t.Errorf("%s sees %v, want %v", who, got, want)
			}
		}
	}
	sees("an organizer", first, mine.ID)
	sees("another organizer", second, theirs.ID)
	sees("a stranger", stranger)
	sees("an admin", admin)
	sees("the API token", s.program())
	for _, id := range []meeting.ID{theirs.ID, orphan.ID} {
		if a := first.must(http.MethodGet, "/search?q=budget&meeting="+string(id), nil, http.StatusOK); len(a.found()) > 0 {
			t.Errorf("by its ID: %s", a.body)
		}
	}

	stranger.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	admin.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	sees("a new organizer", stranger, mine.ID)
	sees("an admin who organizes", admin, mine.ID)

	if _, err := s.deps.Rooms.Update(t.Context(), meeting.RoomID(room), func(r *storage.Room) error { r.Organizers = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	sees("who is no organizer any more", stranger)
	sees("an admin who is no organizer any more", admin)
	sees("the owner", first, mine.ID)
	first.must(http.MethodDelete, "/rooms/"+room, nil, http.StatusNoContent)
	sees("the owner of a deleted room", first)
}

func TestDeletedMeetingIsNotFound(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.hold(room, "Le budget.")
	owner.must(http.MethodDelete, "/meetings/"+string(m.ID), nil, http.StatusNoContent)
	if a := owner.search("budget"); len(a.found()) > 0 || a.fields.at("total_segments") != 0.0 {
		t.Errorf("got %s", a.body)
	}
	entries, err := s.index.Search(t.Context(), search.Request{Query: "budget", May: func(meeting.RoomID) bool { return true }, Limit: 1})
	if err != nil || entries.Total > 0 {
		t.Errorf("the index has %+v, %v", entries, err)
	}
}

func TestCorrectedTranscriptIsTouched(t *testing.T) {
	s := newStores(t)
	touched := &touchedSearcher{Searcher: s.index}
	s.deps.Search = touched
	s.start()
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	m := s.hold(room, "Le budjet.")
	path := "/meetings/" + string(m.ID) + "/transcript"
	a := owner.must(http.MethodGet, path, nil, http.StatusOK)
	seg := a.fields.at("segments").([]any)[0].(map[string]any)["seg"]
	edit := fields{"segments": []fields{{"seg": seg, "text": "Le budget."}}}
	if a := owner.do(http.MethodPatch, path, edit, "If-Match", a.header.Get("ETag")); a.status != http.StatusOK {
		t.Fatalf("the edit answered %d %s", a.status, a.body)
	}
	if len(touched.ids) != 1 || touched.ids[0] != m.ID {
		t.Errorf("touched %v", touched.ids)
	}
}

// touchedSearcher notes what it is told.
type touchedSearcher struct {
	Searcher
	ids []meeting.ID
}

func (s *touchedSearcher) Touch(id meeting.ID) { s.ids = append(s.ids, id) }

func TestSearchPages(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	old, young := s.hold(room, "Le budget."), s.hold(room, "Le budget.")
	a := owner.must(http.MethodGet, "/search?q=budget&limit=1", nil, http.StatusOK)
	if len(a.found()) != 1 || a.found()[0].text("meeting") != string(young.ID) || a.fields.text("next") != string(young.ID) {
		t.Errorf("got %s", a.body)
	}
	a = owner.must(http.MethodGet, "/search?q=budget&limit=1&after="+a.fields.text("next"), nil, http.StatusOK)
	if len(a.found()) != 1 || a.found()[0].text("meeting") != string(old.ID) || a.fields.text("next") != "" {
		t.Errorf("got %s", a.body)
	}
}

func TestUselessSearches(t *testing.T) {
	s := newSite(t)
	for query, code := range map[string]string{
		"": "bad-request", "?q=": "bad-request", "?q=%20%3F": "nothing-wanted", "?q=" + strings.Repeat("a", 201): "bad-request",
		"?q=b+c+d+f+g+h+j+k+l+m+n+p+q+r+s+t+v": "query-too-long", "?q=%ff": "query-too-long",
		"?q=a&limit=51": "bad-request", "?q=a&limit=0": "bad-request", "?q=a&after=" + strings.Repeat("a", 65): "bad-request",
	} {
		a := s.browser().do(http.MethodGet, "/search"+query, nil)
		if a.status != http.StatusUnprocessableEntity || a.problem() != code {
			t.Errorf("%s answered %d %s", query, a.status, a.body)
		}
		if strings.Contains(string(a.body), "aaa") {
			t.Errorf("%s is repeated: %s", query, a.body)
		}
	}
}

func TestSearchesAreLimited(t *testing.T) {
	s := newSite(t, func(c *Config) { c.SearchesPerMinute = 2 })
	b := s.browser()
	b.search("budget")
	b.search("budget")
	if a := b.do(http.MethodGet, "/search?q=budget", nil); a.status != http.StatusTooManyRequests || a.problem() != "too-many" {
		t.Errorf("the third answered %d %s", a.status, a.body)
	}
}

func TestSearchTellsThatTheIndexIsBeingMade(t *testing.T) {
	s := newSite(t)
	a := s.browser().search("budget")
	if a.fields.at("indexing", "done") != 0.0 || a.fields.at("indexing", "of") != 0.0 {
		t.Errorf("got %s", a.body)
	}
}

func TestServerWithoutSearch(t *testing.T) {
	s := newStores(t)
	s.deps.Search = nil
	s.start()
	if a := s.browser().do(http.MethodGet, "/search?q=budget", nil); a.status != http.StatusServiceUnavailable || a.problem() != "no-search" {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}

func TestSearchLeavesNoTrace(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	s.hold(room, "Le budget confidentiel.")
	owner.search("confidentiel")
	owner.do(http.MethodGet, "/search?q=confidentiel&limit=99", nil)
	s.loseStorage()
	owner.do(http.MethodGet, "/search?q=confidentiel", nil)
	if log := s.log.String(); strings.Contains(log, "confidentiel") || !strings.Contains(log, "route=/api/v1/search") {
		t.Errorf("the log says %s", log)
	}
}
