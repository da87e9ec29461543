package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// pages walks through a list, calls between after the first page, and returns the IDs in the order of the pages.
func (b *browser) pages(list, name string, limit int, between func()) []string {
	b.site.t.Helper()
	var ids []string
	for after := ""; ; {
		a := b.must(http.MethodGet, fmt.Sprintf("%s?limit=%d&after=%s", list, limit, url.QueryEscape(after)), nil, http.StatusOK)
		entries := a.fields.at(name).([]any)
		if len(entries) > limit {
			b.site.t.Fatalf("%s has a page of %d", list, len(entries))
		}
		for _, e := range entries {
			ids = append(ids, fields(e.(map[string]any)).text("id"))
		}
		if after == "" {
			between()
		}
		if after = a.fields.text("next"); after == "" {
			return ids
		}
	}
}

func TestPagesOfRoomsStandStillWhileRoomsAreMade(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	for i := range 7 { // three share a millisecond
		r := storage.Room{ID: meeting.NewRoomID(), Name: "Old", CreatedUnixMS: int64(1000 + i/3)}
		if err := s.deps.Rooms.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	all := admin.pages("/rooms", "rooms", 100, func() {})
	for _, limit := range []int{1, 2, 7, 8} {
		turned := admin.pages("/rooms", "rooms", limit, func() { admin.makeRoom("New") })
		old := slices.DeleteFunc(slices.Clone(turned), func(id string) bool { return !slices.Contains(all, id) })
		if !slices.Equal(old, all) {
			t.Errorf("by pages of %d: %v, want %v", limit, old, all)
		}
		all = admin.pages("/rooms", "rooms", 100, func() {})
	}
}

func TestPagesOfRoomsAreTheVisitorsOwn(t *testing.T) {
	s := newSite(t)
	owner, other := s.browser(), s.browser()
	var want []string
	for range 3 {
		room, _ := owner.makeRoom("Mine")
		other.makeRoom("Not mine")
		want = append(want, room)
	}
	got := owner.pages("/rooms", "rooms", 1, func() {})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPagesOfMeetingsStandStillWhileMeetingsBegin(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	other, _ := s.browser().makeRoom("Next door")
	var want []string
	held := 35 // with the others more than are read at once
	if testing.Short() {
		held = 8
	}
	for range held {
		m := s.storeMeeting(meeting.RoomID(room))
		s.storeMeeting(meeting.RoomID(other))
		want = append([]string{string(m.ID)}, want...)
	}
	for _, limit := range []int{4, 35, 200} {
		if got := owner.pages("/meetings", "meetings", limit, func() { s.storeMeeting(meeting.RoomID(room)) }); !slices.Equal(got[len(got)-len(want):], want) {
			t.Errorf("by pages of %d: %v, want %v", limit, got, want)
		}
	}
	if got, err := s.deps.Meetings.IDs(t.Context()); err != nil || len(s.admin().pages("/meetings", "meetings", 7, func() {})) != len(got) {
		t.Errorf("an admin does not see all of %d meetings, %v", len(got), err)
	}
}

func TestAPageThatIsNone(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.makeRoom("Weekly")
	for _, list := range []string{"/rooms", "/meetings", "/search?q=word"} {
		join := "?"
		if list == "/search?q=word" {
			join = "&"
		}
		for _, query := range []string{"limit=", "limit=0", "limit=-1", "limit=201", "limit=many", "after=guessed", "after=AAAA", "after=%00"} {
			if a := b.do(http.MethodGet, list+join+query, nil); a.status != http.StatusUnprocessableEntity || a.problem() == "" {
				t.Errorf("%s%s%s answered %d %s", list, join, query, a.status, a.body)
			}
		}
	}
}
