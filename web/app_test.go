package web

import (
	"bytes"
	"encoding/json"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"souffleur/web/brand"
	"souffleur/web/ui"
)

// What browsers ask of a page that can be installed: a manifest with a name, a start and icons that are there and as large as
// it says, among them one of 192 and one of 512 pixels.
func TestPageCanBeInstalled(t *testing.T) {
	app, ok := ui.Built()
	if !ok {
		t.Skip("the browser client is not built: make build")
	}
	cl, err := newClient(app, brand.Brand{})
	if err != nil {
		t.Fatal(err)
	}
	get := servesLook(t, cl)
	if !strings.Contains(get("/").Body.String(), `<link rel="manifest" href="/app.webmanifest"`) {
		t.Error("the page names no manifest")
	}
	w := get("/app.webmanifest")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/manifest+json" || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("the manifest answers %d %v", w.Code, w.Header())
	}
	var manifest struct {
		Name, Display string
		StartURL      string `json:"start_url"`
		Icons         []struct{ Src, Type, Sizes string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name == "" || manifest.StartURL != "/" || manifest.Display != "standalone" {
		t.Errorf("the app is %+v", manifest)
	}
	pixels := map[string]int{"192x192": 192, "512x512": 512}
	found := map[int]bool{}
	for _, icon := range manifest.Icons {
		w := get(icon.Src)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != icon.Type {
			t.Errorf("%s answers %d %s", icon.Src, w.Code, w.Header().Get("Content-Type"))
			continue
		}
		if icon.Type != "image/png" {
			continue
		}
		picture, err := png.Decode(bytes.NewReader(w.Body.Bytes()))
		if err != nil || picture.Bounds().Dx() != pixels[icon.Sizes] || picture.Bounds().Dy() != pixels[icon.Sizes] {
			t.Errorf("%s is not %s: %v", icon.Src, icon.Sizes, err)
			continue
		}
		found[pixels[icon.Sizes]] = true
	}
	if !found[192] || !found[512] {
		t.Error("there is no icon of 192 and of 512 pixels")
	}
}
