package brand

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// kind says which values a token may have. Values are checked by their whole form, so nothing that loads something (url,
// image-set) or reaches out of its declaration can be one.
type kind struct {
	form *regexp.Regexp
	what string
	// everywhere says that the token holds in both themes: it stands in :root. The others are colours: one that is good on
	// white is not good on black, so each theme has its own.
	everywhere bool
}

const number = `[-+]?(?:\d+\.?\d*|\.\d+)`

var (
	colour = &kind{
		form: regexp.MustCompile(`^(?:#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})|` +
			`(?:rgb|rgba|hsl|hsla|oklch|oklab|lab|lch)\(\s*` + number + `(?:%|deg)?(?:(?:\s*,\s*|\s*/\s*|\s+)` + number + `(?:%|deg)?){2,3}\s*\))$`),
		what: "a colour such as #4f46c8 or oklch(0.5 0.13 285)",
	}
	length = &kind{form: regexp.MustCompile(`^(?:0|(?:\d+\.?\d*|\.\d+)(?:rem|em|px))$`), what: "a length such as 0.75rem", everywhere: true}
	fonts  = &kind{
		form:       regexp.MustCompile(`^(?:[A-Za-z-][\w -]*|'[\w -]+'|"[\w -]+")(?:\s*,\s*(?:[A-Za-z-][\w -]*|'[\w -]+'|"[\w -]+"))*$`),
		what:       "names of fonts such as 'Noto Sans', sans-serif",
		everywhere: true,
	}
)

// maxValue is the longest value of a token, in bytes.
const maxValue = 300

// tokens are those that an operator may set. Those of captions, speakers and layers are not among them: their contrast, and
// that nothing covers them, is what people who cannot hear rely on.
var tokens = map[string]*kind{
	"bg": colour, "surface": colour, "raised": colour, "sunken": colour, "text": colour, "muted": colour, "line": colour, "edge": colour,
	"accent": colour, "accent-hover": colour, "accent-text": colour, "accent-soft": colour, "on-accent": colour,
	"danger": colour, "danger-hover": colour, "danger-text": colour, "on-danger": colour,
	"warn-bg": colour, "warn-text": colour, "good-text": colour, "mark-bg": colour, "mark-text": colour,
	"focus-inner": colour, "focus-outer": colour,
	"radius": length, "radius-small": length, "page": length, "measure": length,
	"font": fonts, "mono": fonts,
}

// selectors are the blocks that a theme may have, in the order in which they are written.
var selectors = []string{":root", "[data-theme='light']", "[data-theme='dark']"}

// ParseTheme reads a style sheet that only sets tokens, and returns it in a form of its own: what a browser gets was written
// here, and never copied. Errors begin with the number of the line.
func ParseTheme(text string) ([]byte, error) {
	p := &themeParser{rest: text, line: 1, set: map[string]map[string]string{}}
	if !utf8.ValidString(text) {
		return nil, errors.New("1: is not UTF-8 text")
	}
	for p.skip(); p.rest != ""; p.skip() {
		if err := p.block(); err != nil {
			return nil, fmt.Errorf("%d: %w", p.line, err)
		}
	}
	return p.write(), nil
}

type themeParser struct {
	rest string
	line int
	set  map[string]map[string]string // selector → token → value
}

// advance goes n bytes on.
func (p *themeParser) advance(n int) string {
	taken := p.rest[:n]
	p.line += strings.Count(taken, "\n")
	p.rest = p.rest[n:]
	return taken
}

// skip passes white space and comments.
func (p *themeParser) skip() {
	for {
		p.advance(len(p.rest) - len(strings.TrimLeft(p.rest, " \t\r\n\f")))
		if !strings.HasPrefix(p.rest, "/*") {
			return
		}
		end := strings.Index(p.rest[2:], "*/")
		if end < 0 {
			return // "/*" is no selector and no token: it is refused as such
		}
		p.advance(end + 4)
	}
}

func (p *themeParser) block() error {
	at := strings.IndexByte(p.rest, '{')
	if at < 0 {
		return fmt.Errorf("expected one of %s with its tokens in { }", strings.Join(selectors, ", "))
	}
	selector := strings.ReplaceAll(strings.TrimSpace(p.rest[:at]), `"`, `'`)
	if !slices.Contains(selectors, selector) {
		return fmt.Errorf("a theme sets tokens in %s and nothing else", strings.Join(selectors, ", "))
	}
	p.advance(at + 1)
	if p.set[selector] == nil {
		p.set[selector] = map[string]string{}
	}
	for {
		p.skip()
		switch {
		case p.rest == "":
			return fmt.Errorf("%s { is not closed", selector)
		case p.rest[0] == '}':
			p.advance(1)
			return nil
		}
		if err := p.declaration(selector); err != nil {
			return err
		}
	}
}

func (p *themeParser) declaration(selector string) error {
	end := strings.IndexAny(p.rest, ";}")
	if end < 0 {
		return errors.New("a token is not ended by ;")
	}
	name, value, found := strings.Cut(p.rest[:end], ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	token, custom := strings.CutPrefix(name, "--")
	kind := tokens[token]
	switch {
	case !found || !custom:
		return errors.New("only tokens (--name: value;) may be set")
	case kind == nil:
		return fmt.Errorf("--%.40s is no token that a theme may set", token)
	case kind.everywhere && selector != ":root":
		return fmt.Errorf("--%s holds in both themes: set it in :root", token)
	case !kind.everywhere && selector == ":root":
		return fmt.Errorf("--%s is a colour: set it in [data-theme='light'] or [data-theme='dark']", token)
	case len(value) > maxValue || !kind.form.MatchString(value):
		return fmt.Errorf("--%s must be %s", token, kind.what)
	}
	p.set[selector][token] = value
	p.advance(end)
	if p.rest[0] == ';' {
		p.advance(1)
	}
	return nil
}

func (p *themeParser) write() []byte {
	var b strings.Builder
	for _, selector := range selectors {
		names := make([]string, 0, len(p.set[selector]))
		for name := range p.set[selector] {
			names = append(names, name)
		}
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		b.WriteString(selector + " {\n")
		for _, name := range names {
			fmt.Fprintf(&b, "  --%s: %s;\n", name, p.set[selector][name])
		}
		b.WriteString("}\n")
	}
	return []byte(b.String())
}
