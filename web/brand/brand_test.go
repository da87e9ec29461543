package brand

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestThemeIsWrittenAnew(t *testing.T) {
	css, err := ParseTheme(`/* ours */
:root { --font: 'Noto Sans', sans-serif; --radius: 4px }
[data-theme="light"] {
  --accent: #00695c; /* dark enough for white */
  --accent-hover: oklch(0.4 0.1 190);
}
[data-theme='dark'] { --accent: rgb(0 120 100 / 90%); --accent: hsl(170deg, 60%, 30%); }
`)
	const want = `:root {
  --font: 'Noto Sans', sans-serif;
  --radius: 4px;
}
[data-theme='light'] {
  --accent: #00695c;
  --accent-hover: oklch(0.4 0.1 190);
}
[data-theme='dark'] {
  --accent: hsl(170deg, 60%, 30%);
}
`
	if err != nil || string(css) != want {
		t.Errorf("got %v\n%s", err, css)
	}
	if again, err := ParseTheme(string(css)); err != nil || !bytes.Equal(again, css) {
		t.Errorf("what was written reads as %v\n%s", err, again)
	}
}

func TestThemeRefusesEverythingElse(t *testing.T) {
	for name, c := range map[string]struct{ css, want string }{
		"rules of pages":               {"body { color: red; }", "1: a theme sets tokens in"},
		"imports":                      {"@import url(https://example.org/x.css);", "1: expected one of"},
		"media queries":                {"@media print { :root { --bg: #fff; } }", "1: a theme sets tokens in"},
		"other properties":             {":root {\n  color: red;\n}", "2: only tokens"},
		"tokens of captions":           {"[data-theme='dark'] { --caption-solid: #000; }", "is no token that a theme may set"},
		"tokens that are none":         {":root { --evil: 1px; }", "--evil is no token"},
		"pictures":                     {"[data-theme='light'] { --bg: url(https://example.org/track.gif); }", "--bg must be a colour"},
		"functions":                    {"[data-theme='light'] { --bg: var(--x); }", "--bg must be a colour"},
		"colours for both themes":      {":root { --accent: #123456; }", "set it in [data-theme='light']"},
		"fonts of one theme":           {"[data-theme='dark'] { --font: serif; }", "set it in :root"},
		"a block that is open":         {":root { --radius: 1px;", "is not closed"},
		"a token that is open":         {":root { --radius: 1px", "is not ended by ;"},
		"a comment that is open":       {":root { --radius: 1px; } /* and", "1: expected one of"},
		"a value that ends its block":  {":root { --font: x} body{background:url(//e.example)}", "a theme sets tokens in"},
		"escapes in names of fonts":    {`:root { --font: "a\"; }`, "--font must be names of fonts"},
		"an endless value":             {":root { --font: " + strings.Repeat("a", 400) + "; }", "--font must be names of fonts"},
		"what is no text":              {":root { --font: \xff; }", "1: is not UTF-8"},
		"styles that end the document": {":root { --font: </style><script>; }", "--font must be names of fonts"},
	} {
		if css, err := ParseTheme(c.css); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a word about %q\n%s", name, err, c.want, css)
		}
	}
}

// A token that is renamed, or is new, is a question for this package, too.
func TestThemeKnowsTheTokensOfThePages(t *testing.T) {
	css, err := os.ReadFile("../ui/src/styles/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`^(speaker|caption|stage|on-stage|space|size|layer|target$|panel$|page-wide$|shadow$|radius-full$|veil$)`)
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s*--([a-z0-9-]+):`).FindAllSubmatch(css, -1) {
		token := string(m[1])
		there[token] = true
		if tokens[token] == nil && !own.MatchString(token) {
			t.Errorf("--%s is neither the operator's nor our own", token)
		}
	}
	for token := range tokens {
		if !there[token] {
			t.Errorf("--%s is not in tokens.css", token)
		}
	}
}

func FuzzTheme(f *testing.F) {
	f.Add(":root { --font: serif; }")
	f.Add("[data-theme='dark'] { --bg: #000; /* x */ }")
	f.Fuzz(func(t *testing.T, text string) {
		css, err := ParseTheme(text)
		if err != nil {
			return
		}
		lower := strings.ToLower(string(css))
		for _, bad := range []string{"url", "@", "<", "\\", "expression", "/*"} {
			if strings.Contains(lower, bad) {
				t.Fatalf("%q came through in %q", bad, css)
			}
		}
		if again, err := ParseTheme(string(css)); err != nil || !bytes.Equal(again, css) {
			t.Fatalf("%q reads as %q, %v", css, again, err)
		}
	})
}

const plainSVG = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">
<defs><linearGradient id="g"><stop offset="0" stop-color="#123"/></linearGradient></defs><rect width="8" height="8" fill="url(#g)"/></svg>`

func TestLogo(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	logo, err := ParseLogo(picture.Bytes())
	if err != nil || logo.ContentType != "image/png" || logo.Sizes != "3x2" || logo.Name != "logo.png" {
		t.Errorf("a PNG is %+v, %v", logo, err)
	}
	logo, err = ParseLogo([]byte(plainSVG))
	if err != nil || logo.ContentType != "image/svg+xml" || logo.Sizes != "any" || logo.Name != "logo.svg" {
		t.Errorf("an SVG is %+v, %v", logo, err)
	}
}

func TestLogoOnlyDraws(t *testing.T) {
	inside := func(s string) string { return `<svg xmlns="http://www.w3.org/2000/svg">` + s + `</svg>` }
	for name, content := range map[string]string{
		"nothing":              "",
		"a page":               "<!doctype html><html></html>",
		"a JPEG":               "\xff\xd8\xff\xe0",
		"a damaged PNG":        "\x89PNG\r\n\x1a\nxxxx",
		"a script":             inside(`<script>alert(1)</script>`),
		"a handler":            inside(`<rect onload="alert(1)"/>`),
		"HTML":                 inside(`<foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>`),
		"a picture":            inside(`<image href="https://example.org/x.png"/>`),
		"a foreign part":       inside(`<use href="https://example.org/x.svg#a"/>`),
		"a link":               inside(`<a href="https://example.org"/>`),
		"a style that loads":   inside(`<style>rect{fill:url(https://example.org)}</style>`),
		"a style that imports": inside(`<style>@import "x"</style>`),
		"a style in disguise":  inside(`<style>rect{fill:\75rl(x)}</style>`),
		"entities":             `<!DOCTYPE svg [<!ENTITY a "b">]>` + inside(`&a;`),
		"an open element":      `<svg xmlns="http://www.w3.org/2000/svg">`,
		"a deep one":           inside(strings.Repeat("<g>", 100) + strings.Repeat("</g>", 100)),
		"an animation":         inside(`<set attributeName="href" to="javascript:alert(1)"/>`),
		"another namespace":    `<svg xmlns="http://example.org"/>`,
	} {
		if logo, err := ParseLogo([]byte(content)); err == nil {
			t.Errorf("%s was taken: %+v", name, logo)
		}
	}
}

func FuzzLogo(f *testing.F) {
	f.Add([]byte(plainSVG))
	f.Add(pngMagic)
	f.Fuzz(func(t *testing.T, content []byte) {
		if logo, err := ParseLogo(content); err == nil && logo.ContentType == "image/svg+xml" && bytes.Contains(bytes.ToLower(content), []byte("<script")) &&
			!bytes.Contains(content, []byte("<!--")) && !bytes.Contains(content, []byte("CDATA")) && !bytes.Contains(content, []byte("<?")) {
			t.Fatalf("a script came through in %q", content)
		}
	})
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	theme, logo := file("ours.css", "[data-theme='light'] { --accent: #036; }"), file("ours.svg", plainSVG)
	b, err := Load(theme, logo, " Ville de Lyon ")
	if err != nil || b.Name != "Ville de Lyon" || b.Logo == nil || len(b.Theme) == 0 {
		t.Errorf("got %+v, %v", b, err)
	}
	if b, err := Load("", "", ""); err != nil || b.Name != "" || b.Logo != nil || b.Theme != nil {
		t.Errorf("nothing is %+v, %v", b, err)
	}
	for want, load := range map[string]func() (Brand, error){
		"theme: broken.css:2:":  func() (Brand, error) { return Load(file("broken.css", "\nbody{}"), "", "") },
		"more than 64 kB":       func() (Brand, error) { return Load(file("long.css", strings.Repeat(" ", MaxTheme+1)), "", "") },
		"logo: ours.css: is ne": func() (Brand, error) { return Load("", theme, "") },
		"at most 40 characters": func() (Brand, error) { return Load("", "", strings.Repeat("é", 41)) },
		"that is not shown":     func() (Brand, error) { return Load("", "", "a\u202eb") },
		"theme: open ":          func() (Brand, error) { return Load(filepath.Join(dir, "none.css"), "", "") },
	} {
		if _, err := load(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a word about %q", err, want)
		}
	}
}
