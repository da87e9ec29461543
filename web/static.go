package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"souffleur/web/brand"
)

// assetDir is where the build puts files whose names change with their content.
const assetDir = "assets/"

// notBuilt is shown instead of a client that was not built. The API works without it.
const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Souffleur</title>
<h1>The browser client is not in this binary</h1>
<p>It was built without the user interface: run <code>make</code> and start again. The API works: see <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>
`

// client serves the files of the browser client from memory.
type client struct {
	files map[string]*clientFile // by path without a leading slash; set once
}

// clientFile is one file with its compressed forms.
type clientFile struct {
	contentType string
	cache       string // Cache-Control
	policy      string // Content-Security-Policy, if it is another than that of the pages
	forms       []form // brotli, gzip, plain: in the order of preference; the plain one is always last
}

// form is one encoding of a file.
type form struct {
	encoding string // "br", "gzip", or "" for the file itself
	etag     string // of these very bytes
	body     []byte
}

// newClient reads all files of app, and makes them look as the operator wants; nil means that the client was not built.
func newClient(app fs.FS, look brand.Brand) (*client, error) {
	cl := &client{files: map[string]*clientFile{}}
	if app == nil {
		cl.files["index.html"] = newClientFile("index.html", []byte(notBuilt))
		return cl, nil
	}
	err := fs.WalkDir(app, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || isCompressed(name) {
			return err
		}
		f, err := readClientFile(app, name)
		cl.files[name] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read browser client: %w", err)
	}
	if cl.files["index.html"] == nil {
		return nil, fmt.Errorf("read browser client: %w: index.html", fs.ErrNotExist)
	}
	if err := cl.dress(look); err != nil {
		return nil, fmt.Errorf("change the look of the browser client: %w", err)
	}
	return cl, nil
}

func isCompressed(name string) bool {
	return strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz")
}

func readClientFile(app fs.FS, name string) (*clientFile, error) {
	plain, err := fs.ReadFile(app, name)
	if err != nil {
		return nil, err
	}
	f := newClientFile(name, plain)
	// Put the smaller forms in front. What the build did not compress is compressed here, once.
	if b, err := fs.ReadFile(app, name+".gz"); err == nil {
		f.forms = append([]form{newForm("gzip", b)}, f.forms...)
	} else {
		f.squeeze()
	}
	if b, err := fs.ReadFile(app, name+".br"); err == nil {
		f.forms = append([]form{newForm("br", b)}, f.forms...)
	}
	return f, nil
}

// squeeze adds the compressed form of a file that has only its plain one.
func (f *clientFile) squeeze() {
	if b := compress(f.contentType, f.forms[0].body); b != nil {
		f.forms = append([]form{newForm("gzip", b)}, f.forms...)
	}
}

// minCompressed is the size below which compressing saves no packet.
const minCompressed = 1024

// compress returns plain in gzip, or nil if that is not worth it. The output depends on nothing but the bytes, so the
// ETag stays the same over restarts.
func compress(contentType string, plain []byte) []byte {
	if len(plain) < minCompressed || strings.HasPrefix(contentType, "font/") || strings.HasPrefix(contentType, "image/") && contentType != "image/svg+xml" {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil // the level is one of the package's
	}
	_, writeErr := w.Write(plain)
	if err := errors.Join(writeErr, w.Close()); err != nil || b.Len() >= len(plain) {
		return nil
	}
	return b.Bytes()
}

func newClientFile(name string, plain []byte) *clientFile {
	f := &clientFile{contentType: contentTypeOf(name), cache: "no-cache", forms: []form{newForm("", plain)}}
	if strings.HasPrefix(name, assetDir) {
		f.cache = "public, max-age=31536000, immutable"
	}
	return f
}

func newForm(encoding string, body []byte) form {
	sum := sha256.Sum256(body)
	return form{encoding: encoding, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, body: body}
}

// contentTypeOf does not ask the operating system, whose tables differ, for what a build contains.
func contentTypeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case ".webmanifest":
		return "application/manifest+json"
	case ".json", ".map":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// serve answers what no route answered: a file of the client, or for a page's address its index.html.
func (cl *client) serve(c *gin.Context) {
	if !cl.applies(c.Request) {
		writeProblem(c, problem(http.StatusNotFound, "not-found", "There is nothing at this address."))
		return
	}
	name := strings.TrimPrefix(path.Clean(c.Request.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	f, ok := cl.files[name]
	if !ok && isPage(c.Request, name) {
		f, ok = cl.files["index.html"], true
	}
	if !ok {
		writeProblem(c, problem(http.StatusNotFound, "not-found", "There is nothing at this address."))
		return
	}
	f.write(c)
}

func (cl *client) applies(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !strings.HasPrefix(r.URL.Path, "/api/")
}

// isPage tells the address of a page of the client ("/r/kfm-rtqa-xzd") from a missing file: a stale script must be a 404
// and not a page that the browser would try to run.
func isPage(r *http.Request, name string) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(name, assetDir)
}

func (f *clientFile) write(c *gin.Context) {
	best := f.pick(c.GetHeader("Accept-Encoding"))
	h := c.Writer.Header()
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", best.etag)
	h.Set("Vary", "Accept-Encoding")
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
	if c.GetHeader("If-None-Match") == best.etag {
		c.Status(http.StatusNotModified)
		return
	}
	if best.encoding != "" {
		h.Set("Content-Encoding", best.encoding)
	}
	c.Data(http.StatusOK, f.contentType, best.body)
}

// pick returns the first form that the client accepts. "identity;q=0" is not honoured: every browser takes plain bytes.
func (f *clientFile) pick(accept string) form {
	for _, form := range f.forms {
		if form.encoding == "" || accepts(accept, form.encoding) {
			return form
		}
	}
	return f.forms[len(f.forms)-1]
}

func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
