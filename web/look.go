package web

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"souffleur/web/brand"
)

// lookDir is where the operator's files are served. Their names do not change with their content: browsers ask each time.
const lookDir = "theme/"

// lookPolicy is for the operator's files when somebody opens them by themselves: they load nothing and run nothing. The
// inline styles are an SVG's own.
const lookPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// What of index.html is replaced. A build that lacks one of them stops the start: nothing is left out in silence.
const (
	pageName  = `<meta name="application-name" content="Souffleur" />`
	pageTitle = `<title>Souffleur</title>`
	pageIcon  = `<link rel="icon" href="/favicon.svg" type="image/svg+xml" />`
	pageTouch = `<link rel="apple-touch-icon" href="/icons/apple-touch.png">`
	pageEnd   = `</head>`
)

// dress puts the operator's name, theme and logo into the pages.
func (cl *client) dress(look brand.Brand) error {
	page := string(cl.files["index.html"].plain())
	var err error
	change := func(old, new string) {
		if !strings.Contains(page, old) && err == nil {
			err = fmt.Errorf("index.html has no %s", old)
		}
		page = strings.Replace(page, old, new, 1)
	}
	if look.Name != "" {
		name := html.EscapeString(look.Name)
		change(pageName, `<meta name="application-name" content="`+name+`" />`)
		change(pageTitle, "<title>"+name+"</title>")
	}
	if look.Theme != nil {
		cl.add("tokens.css", look.Theme)
		change(pageEnd, `<link rel="stylesheet" href="/`+lookDir+`tokens.css" />`+pageEnd)
	}
	if look.Logo != nil {
		cl.add(look.Logo.Name, look.Logo.Bytes)
		change(pageIcon, `<link rel="icon" href="/`+lookDir+look.Logo.Name+`" type="`+look.Logo.ContentType+`" />`)
		change(pageTouch, touchIcon(look.Logo))
		change(pageEnd, `<meta name="souffleur-logo" content="/`+lookDir+look.Logo.Name+`" />`+pageEnd)
	}
	if err != nil {
		return err
	}
	if look.Name != "" || look.Theme != nil || look.Logo != nil {
		cl.files["index.html"] = newClientFile("index.html", []byte(page))
		cl.files["index.html"].squeeze()
	}
	return cl.dressManifest(look)
}

// touchIcon is what iOS takes as icon of an installed page: no SVG.
func touchIcon(logo *brand.Logo) string {
	if logo.ContentType != "image/png" {
		return ""
	}
	return `<link rel="apple-touch-icon" href="/` + lookDir + logo.Name + `">`
}

// add serves one of the operator's files.
func (cl *client) add(name string, content []byte) {
	f := newClientFile(lookDir+name, content)
	f.policy = lookPolicy
	f.squeeze()
	cl.files[lookDir+name] = f
}

// manifestName is what browsers read to install the client as an app.
const manifestName = "app.webmanifest"

// dressManifest gives the installed app the operator's name and sign.
func (cl *client) dressManifest(look brand.Brand) error {
	f := cl.files[manifestName]
	if f == nil || look.Name == "" && look.Logo == nil {
		return nil
	}
	manifest := map[string]any{}
	if err := json.Unmarshal(f.plain(), &manifest); err != nil {
		return fmt.Errorf("read %s: %w", manifestName, err)
	}
	if look.Name != "" {
		manifest["name"], manifest["short_name"] = look.Name, look.Name
	}
	if look.Logo != nil {
		manifest["icons"] = []map[string]string{{"src": "/" + lookDir + look.Logo.Name, "type": look.Logo.ContentType, "sizes": look.Logo.Sizes}}
	}
	b, err := json.Marshal(manifest)
	if err != nil {
		return fmt.Errorf("write %s: %w", manifestName, err)
	}
	cl.files[manifestName] = newClientFile(manifestName, b)
	return nil
}

// plain is the file itself.
func (f *clientFile) plain() []byte { return f.forms[len(f.forms)-1].body }
