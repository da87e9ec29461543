package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-gonic/gin"

	"souffleur/web/brand"
)

func builtClient() fstest.MapFS {
	return fstest.MapFS{
		"index.html":             {Data: []byte("<!doctype html>page")},
		"favicon.svg":            {Data: []byte("<svg/>")},
		"assets/app-1a2b.js":     {Data: []byte("plain script")},
		"assets/app-1a2b.js.br":  {Data: []byte("brotli")},
		"assets/app-1a2b.js.gz":  {Data: []byte("gzip")},
		"assets/only-gz.css":     {Data: []byte("plain style")},
		"assets/only-gz.css.gz":  {Data: []byte("gzipped style")},
		"assets/worklet-9f.wasm": {Data: []byte("wasm")},
	}
}

func serveClient(t *testing.T, app fstest.MapFS, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	cl, err := newClient(app, brand.Brand{})
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	engine.NoRoute(cl.serve)
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, r)
	return w
}

func TestClientFiles(t *testing.T) {
	const forever, revalidate = "public, max-age=31536000, immutable", "no-cache"
	for _, c := range []struct {
		name                        string
		path                        string
		header                      []string
		status                      int
		body, kind, cache, encoding string
	}{
		{"the page", "/", nil, 200, "<!doctype html>page", "text/html; charset=utf-8", revalidate, ""},
		{"a room's address is the page", "/r/kfm-rtqa-xzd", []string{"Accept", "text/html,*/*"}, 200, "<!doctype html>page", "text/html; charset=utf-8", revalidate, ""},
		{"a program asking for a room's address", "/r/kfm-rtqa-xzd", []string{"Accept", "application/json"}, 404, "", "application/problem+json", "", ""},
		{"hashed script", "/assets/app-1a2b.js", nil, 200, "plain script", "text/javascript; charset=utf-8", forever, ""},
		{"hashed script in brotli", "/assets/app-1a2b.js", []string{"Accept-Encoding", "gzip, deflate, br"}, 200, "brotli", "text/javascript; charset=utf-8", forever, "br"},
		{"hashed script in gzip", "/assets/app-1a2b.js", []string{"Accept-Encoding", "gzip, br;q=0"}, 200, "gzip", "text/javascript; charset=utf-8", forever, "gzip"},
		{"style without brotli", "/assets/only-gz.css", []string{"Accept-Encoding", "br, gzip"}, 200, "gzipped style", "text/css; charset=utf-8", forever, "gzip"},
		{"wasm", "/assets/worklet-9f.wasm", nil, 200, "wasm", "application/wasm", forever, ""},
		{"file without hash", "/favicon.svg", nil, 200, "<svg/>", "image/svg+xml", revalidate, ""},
		{"stale script is no page", "/assets/gone.js", []string{"Accept", "text/html"}, 404, "", "application/problem+json", "", ""},
		{"compressed form by its own name", "/assets/app-1a2b.js.br", nil, 404, "", "application/problem+json", "", ""},
		{"unknown operation is no page", "/api/v1/nothing", []string{"Accept", "text/html"}, 404, "", "application/problem+json", "", ""},
		{"climbing out", "/../../etc/passwd", nil, 404, "", "application/problem+json", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serveClient(t, builtClient(), http.MethodGet, c.path, c.header...)
			h := w.Header()
			if w.Code != c.status || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.cache || h.Get("Content-Encoding") != c.encoding {
				t.Errorf("got %d %v", w.Code, h)
			}
			if c.body != "" && w.Body.String() != c.body {
				t.Errorf("got body %q", w.Body)
			}
		})
	}
}

func TestClientFileThatTheBuildDidNotCompress(t *testing.T) {
	app := builtClient()
	script := strings.Repeat("const answer = 42;\n", 500)
	app["assets/plain.js"] = &fstest.MapFile{Data: []byte(script)}
	app["assets/photo.png"] = &fstest.MapFile{Data: []byte(script)}
	app["assets/small.js"] = &fstest.MapFile{Data: []byte("1")}
	w := serveClient(t, app, http.MethodGet, "/assets/plain.js", "Accept-Encoding", "gzip, br")
	if w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() >= len(script)/4 {
		t.Errorf("got %d bytes, %v", w.Body.Len(), w.Header())
	}
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(unpacked); err != nil || string(b) != script {
		t.Errorf("unpacks to %d bytes, %v", len(b), err)
	}
	for _, name := range []string{"photo.png", "small.js"} {
		if w := serveClient(t, app, http.MethodGet, "/assets/"+name, "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed", name)
		}
	}
}

func TestClientFileUnchanged(t *testing.T) {
	first := serveClient(t, builtClient(), http.MethodGet, "/")
	again := serveClient(t, builtClient(), http.MethodGet, "/", "If-None-Match", first.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes", again.Code, again.Body.Len())
	}
	changed := builtClient()
	changed["index.html"] = &fstest.MapFile{Data: []byte("<!doctype html>new page")}
	if w := serveClient(t, changed, http.MethodGet, "/", "If-None-Match", first.Header().Get("ETag")); w.Code != http.StatusOK {
		t.Errorf("a new page answered %d to the old ETag", w.Code)
	}
}

func TestClientTakesOnlyReads(t *testing.T) {
	if w := serveClient(t, builtClient(), http.MethodPost, "/"); w.Code != http.StatusNotFound {
		t.Errorf("POST answered %d", w.Code)
	}
}

func TestClientNotBuilt(t *testing.T) {
	cl, err := newClient(nil, brand.Brand{})
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	engine.NoRoute(cl.serve)
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<code>make</code>") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestClientWithoutPageIsRefused(t *testing.T) {
	if _, err := newClient(fstest.MapFS{"assets/a.js": {}}, brand.Brand{}); err == nil {
		t.Error("accepted a client without index.html")
	}
}
