package web

import (
	"net/http"
	"strings"
	"testing"
	"unicode"

	"souffleur/internal/meeting"
)

// TestHostileRequestsAreToldWhatIsWrong sends what no client of ours sends. Every answer is a problem with a sentence, and none
// repeats what was sent.
func TestHostileRequestsAreToldWhatIsWrong(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	room, _ := admin.makeRoom("Weekly")
	m := s.storeMeeting(meeting.RoomID(room))
	const marker = "Zx9marker"
	long := strings.Repeat(marker, 1000)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		problem                  string
	}{
		{"a name that is too long", "POST", "/rooms", `{"name":"` + long + `"}`, nil, 422, "bad-request"},
		{"a name that is a number", "POST", "/rooms", `{"name":7}`, nil, 422, "bad-request"},
		{"a name that is an object", "POST", "/rooms", `{"name":{"` + marker + `":1}}`, nil, 422, "bad-request"},
		{"a name that shows nothing", "POST", "/rooms", `{"name":"\u202e\u200b\u0000 "}`, nil, 422, "bad-name"},
		{"no name", "POST", "/rooms", `{}`, nil, 422, "bad-request"},
		{"an unknown field", "POST", "/rooms", `{"name":"A","` + marker + `":1}`, nil, 422, "bad-request"},
		{"a word that is none of the choices", "PUT", "/rooms/" + room + "/ai", `{"level":"` + marker + `"}`, nil, 422, "bad-request"},
		{"a list in place of an object", "POST", "/rooms", `["` + marker + `"]`, nil, 422, "bad-request"},
		{"a text in place of an object", "POST", "/rooms", `"` + marker + `"`, nil, 422, "bad-request"},
		{"two objects", "POST", "/rooms", `{"name":"A"}{"name":"B"}`, nil, 400, "bad-json"},
		{"half an object", "POST", "/rooms", `{"name":"` + marker, nil, 400, "bad-json"},
		{"no JSON at all", "POST", "/rooms", marker, nil, 400, "bad-json"},
		{"nothing", "POST", "/rooms", "", []string{"Content-Type", "application/json"}, 400, "bad-json"},
		{"too many languages", "PATCH", "/rooms/" + room, `{"langs":["aa","ab","ac","ad","ae","af","ag","ah","ai"]}`, nil, 422, "bad-request"},
		{"a language that is none", "PATCH", "/rooms/" + room, `{"langs":["` + marker + `"]}`, nil, 422, "bad-request"},
		{"a number out of bounds", "PATCH", "/rooms/" + room, `{"rules":{"lobby":false,"max_people":-1,"share":"everybody","share_replaces":false}}`, nil, 422, "bad-request"},
		{"a number that no machine has", "PUT", "/rooms/" + room + "/retention", `{"audio_days":1e400,"text_days":0,"minutes_days":0}`, nil, 400, "bad-json"},
		{"a body that is too long", "PATCH", "/instance", `{"ceiling":"` + strings.Repeat(long, 10) + `"}`, nil, 413, "too-large"},
		{"a form", "POST", "/rooms", "name=" + marker, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "not-json"},
		{"an ETag that is too long", "PATCH", "/rooms/" + room, `{}`, []string{"If-Match", long}, 422, "bad-request"},
		{"a room that cannot be", "GET", "/rooms/%00%2e%2e" + marker, "", nil, 404, "no-room"},
		{"a room with a long name", "GET", "/rooms/" + long, "", nil, 422, "bad-request"},
		{"a meeting that cannot be", "GET", "/meetings/%e2%80%ae" + marker, "", nil, 404, "no-meeting"},
		{"a way out of the folder", "GET", "/meetings/..%2f..%2finstance", "", nil, 404, ""},
		{"a reason that is too long", "GET", "/meetings/" + string(m.ID) + "/transcript?reason=" + long, "", nil, 422, "bad-request"},
		{"a format that is none", "GET", "/meetings/" + string(m.ID) + "/export?format=" + marker, "", nil, 422, "bad-format"},
		{"a search for nothing", "GET", "/search?q=%20", "", nil, 422, "nothing-wanted"},
		{"a search that is too long", "GET", "/search?q=" + long, "", nil, 422, "bad-request"},
		{"another way to ask", "PUT", "/rooms", `{}`, nil, 405, "bad-method"},
		{"a method that nobody has", "BREW", "/rooms", "", nil, 405, "bad-method"},
		{"an address that is none", "GET", "/" + marker, "", nil, 404, "not-found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, s.http.URL+basePath+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			for i := 0; i < len(c.header); i += 2 {
				req.Header.Set(c.header[i], c.header[i+1])
			}
			a := admin.send(req)
			if a.status != c.status || a.problem() == "" || c.problem != "" && a.problem() != c.problem {
				t.Fatalf("answered %d %s", a.status, a.body)
			}
			if told := a.fields.text("detail"); !strings.HasSuffix(told, ".") || !unicode.IsUpper(rune(told[0])) || strings.Contains(string(a.body), marker) && !strings.Contains(c.name, "unknown field") {
				t.Errorf("the answer is %s", a.body)
			}
		})
	}
	if a := admin.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); a.fields.text("name") != "Weekly" {
		t.Errorf("the room is now %s", a.body)
	}
}

// TestNamesCannotPlayTricks: what reorders a line, hides in it or ends it is not in names that others see.
func TestNamesCannotPlayTricks(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for name, want := range map[string]string{
		"gpj.\u202eexe":                      "gpj.exe",
		"\u2066Anna\u2069":                   "Anna",
		"An\u200bna\u0000\u0007":             "Anna",
		"Anna\r\nAdmin:\tyes":                "Anna Admin: yes",
		"<script>alert(1)</script>":          "<script>alert(1)</script>", // text; who shows it, escapes it
		"\ufeffZoé\u00ad":                    "Zoé",
		"\U000e0041\U000e0042Tagged":         "Tagged",
		"\u202a\u202b\u202c\u202dBob \u202e": "Bob",
	} {
		a := b.must(http.MethodPost, "/rooms", fields{"name": name}, http.StatusCreated)
		if got := a.fields.text("room", "name"); got != want {
			t.Errorf("%+q became %+q, want %+q", name, got, want)
		}
		room := a.fields.text("room", "id")
		b.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": name}, http.StatusOK)
		s.live.mu.Lock()
		joined := s.live.admitted[len(s.live.admitted)-1].Name
		s.live.mu.Unlock()
		if joined != want {
			t.Errorf("%+q joined as %+q, want %+q", name, joined, want)
		}
	}
}
