package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-gonic/gin"

	"souffleur/web/brand"
	"souffleur/web/ui"
)

const lookPage = `<!doctype html><html><head>` + pageName + pageTitle + pageIcon + pageTouch + `<link rel="stylesheet" href="/assets/a.css">` + pageEnd + `</html>`

var operator = brand.Brand{
	Name:  `Ville <de> "Lyon"`,
	Theme: []byte("[data-theme='light'] {\n  --accent: #036;\n}\n"),
	Logo:  &brand.Logo{Name: "logo.svg", ContentType: "image/svg+xml", Bytes: []byte("<svg/>"), Sizes: "any"},
}

func servesLook(t *testing.T, cl *client) func(path string) *httptest.ResponseRecorder {
	t.Helper()
	engine := gin.New()
	engine.Use(guard)
	engine.NoRoute(cl.serve)
	return func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
}

func TestOperatorsLook(t *testing.T) {
	cl, err := newClient(fstest.MapFS{
		"index.html":      {Data: []byte(lookPage)},
		"app.webmanifest": {Data: []byte(`{"name":"Souffleur","short_name":"Souffleur","start_url":"/","icons":[]}`)},
	}, operator)
	if err != nil {
		t.Fatal(err)
	}
	get := servesLook(t, cl)
	page := get("/").Body.String()
	for _, want := range []string{
		`content="Ville &lt;de&gt; &#34;Lyon&#34;"`, `<title>Ville &lt;de&gt; &#34;Lyon&#34;</title>`,
		`<link rel="icon" href="/theme/logo.svg" type="image/svg+xml" />`, `<meta name="souffleur-logo" content="/theme/logo.svg" />`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
	if strings.Contains(page, "apple-touch-icon") {
		t.Error("iOS is offered our sign instead of the operator's")
	}
	if strings.Index(page, "/theme/tokens.css") < strings.Index(page, "/assets/a.css") {
		t.Error("the operator's tokens come before those that they replace")
	}
	for path, kind := range map[string]string{"/theme/tokens.css": "text/css; charset=utf-8", "/theme/logo.svg": "image/svg+xml"} {
		w := get(path)
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Content-Security-Policy") != lookPolicy || h.Get("Cache-Control") != "no-cache" || h.Get("ETag") == "" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
	}
	if policy := get("/").Header().Get("Content-Security-Policy"); policy != contentPolicy {
		t.Errorf("the page's own policy became %s", policy)
	}
	var manifest struct {
		Name     string `json:"name"`
		StartURL string `json:"start_url"`
		Icons    []struct{ Src, Type, Sizes string }
	}
	if err := json.Unmarshal(get("/app.webmanifest").Body.Bytes(), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name != operator.Name || manifest.StartURL != "/" || len(manifest.Icons) != 1 || manifest.Icons[0].Src != "/theme/logo.svg" {
		t.Errorf("the app is %+v", manifest)
	}
}

func TestWithoutOperatorsLook(t *testing.T) {
	cl, err := newClient(fstest.MapFS{"index.html": {Data: []byte(lookPage)}}, brand.Brand{})
	if err != nil {
		t.Fatal(err)
	}
	if body := servesLook(t, cl)("/").Body.String(); body != lookPage {
		t.Errorf("the page became %s", body)
	}
}

// What dress replaces must stand in what Vite builds.
func TestBuiltPageTakesTheOperatorsLook(t *testing.T) {
	app, ok := ui.Built()
	if !ok {
		t.Skip("the browser client is not built: make build")
	}
	if _, err := newClient(app, operator); err != nil {
		t.Error(err)
	}
	if _, err := newClient(fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}, operator); err == nil {
		t.Error("a page that cannot be changed was taken")
	}
}
