package web

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const aKey = "3f0c1b9e-6a51-4f3e-9d55-0d3c8e1b7a42"

// rooms returns how many rooms there are.
func (s *site) rooms() int {
	s.t.Helper()
	all, err := s.deps.Rooms.List(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return len(all)
}

func TestARequestIsMadeOnceHoweverOftenItIsSent(t *testing.T) {
	s := newSite(t)
	for name, b := range map[string]*browser{"somebody with a session": s.admin(), "a program": s.program()} {
		before, key := s.rooms(), aKey+name[:1]
		first := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, key)
		again := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, key)
		if first.status != http.StatusCreated || again.status != first.status || !bytes.Equal(again.body, first.body) ||
			again.header.Get("Content-Type") != first.header.Get("Content-Type") || again.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: answered %d %s, then %d %s", name, first.status, first.body, again.status, again.body)
		}
		if made := s.rooms() - before; made != 1 {
			t.Errorf("%s made %d rooms", name, made)
		}
		for what, a := range map[string]answer{
			"another body": b.do(http.MethodPost, "/rooms", fields{"name": "Daily"}, keyHeader, key),
			"another path": b.do(http.MethodPost, "/rooms/"+first.fields.text("room", "id")+"/organizer-link", nil, keyHeader, key),
		} {
			if a.status != http.StatusUnprocessableEntity || a.problem() != "key-used" {
				t.Errorf("%s, %s with the same key: %d %s", name, what, a.status, a.body)
			}
		}
		if a := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, key+"-2"); a.status != http.StatusCreated || bytes.Equal(a.body, first.body) {
			t.Errorf("%s: another key answered %d %s", name, a.status, a.body)
		}
	}
}

// TestAStrangerWhoLostTheAnswerGetsTheSessionOfTheFirst: the cookie may have arrived or not.
func TestAStrangerWhoLostTheAnswerGetsTheSessionOfTheFirst(t *testing.T) {
	s := newSite(t)
	b, without := s.browser(), s.browser()
	first := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey)
	for name, visitor := range map[string]*browser{"with the cookie": b, "without": without} {
		if again := visitor.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey); !bytes.Equal(again.body, first.body) {
			t.Errorf("%s: %d %s", name, again.status, again.body)
		}
	}
	if without.cookie() != b.cookie() || s.rooms() != 1 {
		t.Error("there are two sessions or two rooms")
	}
	if a := without.must(http.MethodGet, "/rooms/"+first.fields.text("room", "id"), nil, http.StatusOK); a.fields.text("role") != "organizer" {
		t.Errorf("the room is %s", a.body)
	}
}

func TestKeysAreTheVisitorsOwn(t *testing.T) {
	s := newSite(t)
	anna, bob := s.browser(), s.browser()
	anna.makeRoom("Anna's")
	bob.makeRoom("Bob's")
	first := anna.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey)
	for name, other := range map[string]*browser{"Bob": bob, "a program": s.program(), "an admin": s.admin()} {
		a := other.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey)
		if a.status != http.StatusCreated || a.fields.text("room", "id") == first.fields.text("room", "id") {
			t.Errorf("%s got what Anna's key made: %s", name, a.body)
		}
	}
}

func TestWhatWasRefusedMayBeSentAgain(t *testing.T) {
	s := newSite(t)
	b, admin := s.browser(), s.admin()
	admin.must(http.MethodPatch, "/instance", fields{"room_creation": "admin"}, http.StatusOK)
	if a := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey); a.status != http.StatusForbidden {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	admin.must(http.MethodPatch, "/instance", fields{"room_creation": "anyone"}, http.StatusOK)
	if a := b.do(http.MethodPost, "/rooms", fields{"name": "Another"}, keyHeader, aKey); a.status != http.StatusCreated {
		t.Errorf("a refusal is repeated: %d %s", a.status, a.body)
	}
}

func TestTwoAtOnceMakeOneRoom(t *testing.T) {
	s := newSite(t)
	b := s.admin()
	answers := make([]answer, 8)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey) })
	}
	group.Wait()
	for _, a := range answers {
		if a.status != http.StatusCreated || !bytes.Equal(a.body, answers[0].body) {
			t.Errorf("answered %d %s", a.status, a.body)
		}
	}
	if s.rooms() != 1 {
		t.Errorf("%d rooms were made", s.rooms())
	}
}

func TestOperationsThatTakeKeys(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Weekly")
	for i, c := range []struct {
		path string
		body any
	}{
		{"/rooms/" + room + "/organizer-link", nil},
		{"/rooms/" + room + "/meetings", exported(t, talked("Bonjour"))},
		{"/session/link", fields{"token": s.adminLink()}},
	} {
		key := fmt.Sprint(aKey, i)
		first := owner.do(http.MethodPost, c.path, c.body, keyHeader, key)
		again := owner.do(http.MethodPost, c.path, c.body, keyHeader, key)
		if first.status >= 300 || again.status != first.status || !bytes.Equal(first.body, again.body) || again.header.Get("Set-Cookie") != first.header.Get("Set-Cookie") {
			t.Errorf("%s answered %d %s, then %d %s", c.path, first.status, first.body, again.status, again.body)
		}
	}
	meetings, err := s.deps.Meetings.List(t.Context())
	if err != nil || len(meetings) != 1 {
		t.Errorf("there are %d meetings, %v", len(meetings), err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for _, key := range []string{"", "1", strings.Repeat("k", minKey-1), strings.Repeat("k", maxKey+1), "with spaces in the middle", "clé-de-seize-octets"} {
		if a := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, key); a.status != http.StatusUnprocessableEntity || a.problem() != "bad-key" {
			t.Errorf("%q answered %d %s", key, a.status, a.body)
		}
	}
	room, _ := b.makeRoom("Weekly")
	for range 2 { // joining takes no keys
		b.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "A"}, http.StatusOK)
	}
}

func TestKeptAnswersAreBoundedAndExpire(t *testing.T) {
	var r repeats
	now := time.Now()
	id := func(i int) (id repeatID) { binary.BigEndian.PutUint64(id[:], uint64(i)); return id }
	keep := func(i int) {
		entry, fresh := r.begin(id(i), now)
		if !fresh {
			t.Fatalf("request %d was there", i)
		}
		entry.kept, entry.body = true, make([]byte, maxAnswer)
		r.finish(entry, now)
	}
	most := maxAnswers / (maxAnswer + maxAnswerCost)
	for i := range 2 * most {
		keep(i)
	}
	if len(r.all) != most || len(r.order) != most || r.bytes > maxAnswers {
		t.Errorf("%d answers of %d bytes are kept, %d in order", len(r.all), r.bytes, len(r.order))
	}
	if _, fresh := r.begin(id(2*most-1), now); fresh {
		t.Error("the newest was forgotten")
	}
	now = now.Add(answerLife + time.Second)
	if entry, fresh := r.begin(id(2*most-1), now); !fresh {
		t.Error("an old answer is repeated")
	} else {
		r.finish(entry, now)
	}
	if len(r.all) != 0 || len(r.order) != 0 || r.bytes != 0 {
		t.Errorf("%d answers of %d bytes stay, %d in order", len(r.all), r.bytes, len(r.order))
	}
}

func TestCookiesAndLinksOfKeptAnswersAreNotLogged(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for range 2 {
		a := b.do(http.MethodPost, "/rooms", fields{"name": "Weekly"}, keyHeader, aKey)
		_, secret, _ := strings.Cut(a.fields.text("organizer_url"), "#organizer=")
		for _, private := range []string{secret, b.cookie(), aKey} {
			if strings.Contains(s.log.String(), private) {
				t.Errorf("the log has %q", private)
			}
		}
	}
}
