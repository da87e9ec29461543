package web

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"souffleur/web/brand"
	"souffleur/web/ui"
)

// firstLoadBudget is the most that a browser may have to fetch before the first page works: JavaScript and style sheets
// together, compressed as they are served, in bytes (issue 7).
const firstLoadBudget = 150_000

func TestFirstLoadFitsTheBudget(t *testing.T) {
	app, ok := ui.Built()
	if !ok {
		t.Skip("the browser client is not built: make build")
	}
	cl, err := newClient(app, brand.Brand{})
	if err != nil {
		t.Fatal(err)
	}
	total, files := 0, 0
	for _, name := range firstLoad(cl) {
		f := cl.files[name]
		if f == nil {
			t.Fatalf("index.html asks for %s, which is not there", name)
		}
		size := len(f.pick("gzip").body)
		t.Logf("%-40s %7d bytes", path.Base(name), size)
		total, files = total+size, files+1
	}
	t.Logf("first load: %d bytes of %d", total, firstLoadBudget)
	if files < 2 || total > firstLoadBudget {
		t.Errorf("%d files of the first load have %d bytes, at most %d: load what the first page does not need later (web/ui/src/App.svelte)", files, total, firstLoadBudget)
	}
}

var asset = regexp.MustCompile(`(?:src|href)="/(assets/[^"]+\.(?:js|css))"`)

// firstLoad are the scripts and style sheets of index.html, and the scripts that those import at once.
func firstLoad(cl *client) []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, m := range asset.FindAllSubmatch(cl.files["index.html"].plain(), -1) {
		add(string(m[1]))
	}
	for i := 0; i < len(names); i++ {
		if f := cl.files[names[i]]; f != nil && strings.HasSuffix(names[i], ".js") {
			for _, m := range staticImport.FindAllSubmatch(firstLines(f.plain()), -1) {
				add(assetDir + string(m[1]))
			}
		}
	}
	return names
}

// staticImport is an import at the head of a module; import("…") comes later, when it is asked for.
var staticImport = regexp.MustCompile(`(?:^|[;}\n])import(?:[^"'();]*from)?["']\./([^"']+\.js)["']`)

// firstLines is the head of a module, where its imports stand.
func firstLines(module []byte) []byte {
	return module[:min(len(module), 4096)]
}
