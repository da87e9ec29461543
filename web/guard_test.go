package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestForeignPagesCannotAct(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PublicURL = "https://meet.example.org" })
	b := s.admin()
	host := strings.TrimPrefix(s.http.URL, "http://")
	for _, c := range []struct {
		name   string
		header []string
		status int
	}{
		{"our page", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"our page in an old browser", []string{"Origin", "http://" + host}, 200},
		{"our page behind a proxy", []string{"Origin", "https://meet.example.org", "Sec-Fetch-Site", "same-origin"}, 200},
		{"a program", nil, 200},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a neighbour", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"another site in an old browser", []string{"Origin", "https://evil.example"}, 403},
		{"a sandboxed frame", []string{"Origin", "null"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := b.do(http.MethodPatch, "/instance", fields{"ceiling": "minutes"}, c.header...)
			if a.status != c.status || c.status == 403 && a.problem() != "cross-origin" {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	if a := b.do(http.MethodGet, "/me", nil, "Sec-Fetch-Site", "cross-site"); a.status != 200 {
		t.Errorf("a link from elsewhere answered %d", a.status)
	}
}

func TestBodies(t *testing.T) {
	s := newSite(t)
	form := url.Values{"name": {"A"}}.Encode()
	for _, c := range []struct {
		name, kind, body string
		status           int
	}{
		{"JSON", "application/json; charset=utf-8", `{"name":"A"}`, 201},
		{"a form", "application/x-www-form-urlencoded", form, 415},
		{"plain text, as a foreign form can send it", "text/plain", `{"name":"A"}`, 415},
		{"no type", "", `{"name":"A"}`, 415},
		{"something like JSON", "application/vnd.api+json", `{"name":"A"}`, 415},
		{"broken JSON", "application/json", `{"name":`, 400},
		{"nothing", "application/json", ``, 400},
		{"too much", "application/json", `{"name":"` + strings.Repeat("a", maxBody) + `"}`, 413},
		{"deep nesting", "application/json", strings.Repeat("[", 30_000), 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+basePath+"/rooms", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.kind)
			a := s.browser().send(req)
			if a.status != c.status || c.status >= 400 && a.problem() == "" {
				t.Errorf("got %d %s, want %d", a.status, a.body, c.status)
			}
		})
	}
}

func TestUnknownAddressesAreProblems(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", 404}, {"POST", "/nothing", 404}, {"PUT", "/rooms", 405}, {"DELETE", "/me", 405},
	} {
		a := s.browser().do(c.method, c.path, nil)
		if a.status != c.status || a.problem() == "" {
			t.Errorf("%s %s answered %d %s", c.method, c.path, a.status, a.body)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/", "/api/v1/me", "/api/v1/nothing", "/api/v1/signal", "/assets/none.js"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		h := s.browser().send(req).header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "connect-src 'self'", "worker-src 'self';"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Permissions-Policy"), "microphone=(self)") {
			t.Errorf("%s has the headers %v", path, h)
		}
	}
}

func TestLogHasNothingPrivate(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, secret := owner.makeRoom("Secret project")
	owner.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Mathilde"}, http.StatusOK)
	owner.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	owner.do(http.MethodGet, "/rooms/"+room+"?reason=Because", nil)
	s.program().must(http.MethodGet, "/me", nil, http.StatusOK)
	log := s.log.String()
	for _, private := range []string{"Secret", "Mathilde", secret, owner.cookie(), "Because", apiToken, room, "127.0.0.1"} {
		if strings.Contains(log, private) {
			t.Errorf("the log has %q", private)
		}
	}
	if !strings.Contains(log, "route=/api/v1/rooms/:room/join") {
		t.Errorf("the log does not name routes:\n%s", log)
	}
}

func TestPanicIsA500(t *testing.T) {
	s := newSite(t)
	engine := gin.New()
	engine.Use(s.web.survive)
	engine.GET("/", func(*gin.Context) { panic("broken") })
	engine.GET("/gone", func(*gin.Context) { panic(http.ErrAbortHandler) })
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || !bytes.Contains(w.Body.Bytes(), []byte("problem:internal")) || strings.Contains(w.Body.String(), "broken") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(s.log.String(), "broken") {
		t.Error("the panic is not in the log")
	}
	engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/gone", nil))
	if strings.Contains(s.log.String(), "abort") {
		t.Error("a client that went away is in the log")
	}
}

func TestServerWithoutClientSaysSo(t *testing.T) {
	s := newSite(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.browser().send(req); a.status != 200 || !strings.Contains(string(a.body), "make") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	s := newStores(t)
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("started without parts")
	}
	if _, err := New(Config{}, s.deps); err == nil {
		t.Error("started with an empty configuration")
	}
}
