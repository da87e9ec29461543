package ui

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// named are addresses that stand in the built client and are never asked for: names of XML vocabularies, explanations in Svelte's
// error messages, and an example in a field.
var named = []string{"http://www.w3.org", "https://svelte.dev", "https://example.org"}

var (
	address = regexp.MustCompile(`(?:https?|wss?)://[A-Za-z0-9.-]+`)
	script  = regexp.MustCompile(`(?is)<script([^>]*)>(.*?)</script>`)
	handler = regexp.MustCompile(`(?i)<[a-z][^>]*\s(on[a-z]+|style)=`)
	loaded  = regexp.MustCompile(`(?i)(?:src|href)="([^"]*)"`)
	foreign = regexp.MustCompile(`(?i)url\(\s*["']?(?:https?:)?//`)
)

func built(t *testing.T) fs.FS {
	t.Helper()
	app, ok := Built()
	if !ok {
		t.Skip("the client is not built: make web/ui/dist/app/index.html")
	}
	return app
}

// TestTheClientAsksNobodyElse: no page of a meeting may tell a third party that it is open.
func TestTheClientAsksNobodyElse(t *testing.T) {
	err := fs.WalkDir(built(t), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			return err
		}
		b, err := fs.ReadFile(built(t), name)
		if err != nil {
			return err
		}
		for _, found := range address.FindAllString(string(b), -1) {
			if !slices.Contains(named, found) {
				t.Errorf("%s has the address %s", name, found)
			}
		}
		if strings.HasSuffix(name, ".css") && (foreign.Match(b) || strings.Contains(string(b), "@import")) {
			t.Errorf("%s loads something from elsewhere", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestThePageKeepsToItsPolicy: the policy of contents has no 'unsafe-inline', so what stands in the page itself would not run.
func TestThePageKeepsToItsPolicy(t *testing.T) {
	b, err := fs.ReadFile(built(t), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	scripts := script.FindAllStringSubmatch(page, -1)
	if len(scripts) == 0 {
		t.Error("the page has no script")
	}
	for _, s := range scripts {
		if !strings.Contains(s[1], "src=") || strings.TrimSpace(s[2]) != "" {
			t.Errorf("the page has a script of its own: %s", s[0])
		}
	}
	if found := handler.FindString(page); found != "" || strings.Contains(page, "<style") || strings.Contains(page, "javascript:") {
		t.Errorf("the page has a handler or a style of its own: %s", found)
	}
	for _, link := range loaded.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(link[1], "/") || strings.HasPrefix(link[1], "//") {
			t.Errorf("the page loads %s", link[1])
		}
	}
}
