package brand

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"strings"
)

// maxSide bounds a PNG, in pixels: a small file may unpack to gigabytes.
const maxSide = 2048

// maxDepth bounds how deep the elements of an SVG stand in one another.
const maxDepth = 64

// Logo is the operator's sign.
type Logo struct {
	Name        string // of the file as it is served: logo.svg or logo.png
	ContentType string
	Bytes       []byte
	Sizes       string // as a manifest says it: "any", or "192x192"
}

var pngMagic = []byte("\x89PNG\r\n\x1a\n")

// ParseLogo takes a PNG or SVG picture, by its content and not by its name. An SVG must be a picture and nothing more: no
// script, no links, nothing that is loaded from elsewhere.
func ParseLogo(content []byte) (*Logo, error) {
	if bytes.HasPrefix(content, pngMagic) {
		size, err := png.DecodeConfig(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("is a damaged PNG: %w", err)
		}
		if size.Width < 1 || size.Height < 1 || size.Width > maxSide || size.Height > maxSide {
			return nil, fmt.Errorf("has %d×%d pixels, at most %d each way", size.Width, size.Height, maxSide)
		}
		return &Logo{Name: "logo.png", ContentType: "image/png", Bytes: content, Sizes: fmt.Sprintf("%dx%d", size.Width, size.Height)}, nil
	}
	if err := checkSVG(content); err != nil {
		return nil, err
	}
	return &Logo{Name: "logo.svg", ContentType: "image/svg+xml", Bytes: content, Sizes: "any"}, nil
}

const svgSpace = "http://www.w3.org/2000/svg"

// drawing are the elements that only draw. Everything else could act, load or embed.
var drawing = map[string]bool{
	"svg": true, "g": true, "defs": true, "title": true, "desc": true, "metadata": true, "path": true, "rect": true, "circle": true,
	"ellipse": true, "line": true, "polyline": true, "polygon": true, "text": true, "tspan": true, "linearGradient": true,
	"radialGradient": true, "stop": true, "clipPath": true, "mask": true, "use": true, "symbol": true, "style": true,
}

func checkSVG(content []byte) error {
	d := xml.NewDecoder(bytes.NewReader(content))
	d.CharsetReader = nil // UTF-8 only
	depth, drawn := 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.New("is neither a PNG nor a well-formed SVG")
		}
		switch element := token.(type) {
		case xml.Directive:
			return errors.New("has a document type or entities: save it as plain SVG")
		case xml.StartElement:
			if depth == 0 && (drawn || element.Name.Local != "svg" || element.Name.Space != svgSpace) {
				return fmt.Errorf("is neither a PNG nor an SVG (its outermost element must be svg of %s)", svgSpace)
			}
			drawn = true
			if depth++; depth > maxDepth {
				return fmt.Errorf("has elements deeper than %d", maxDepth)
			}
			if err := checkElement(element); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if loads(string(element)) {
				return errors.New("has a style that loads something")
			}
		}
	}
	if !drawn {
		return errors.New("is neither a PNG nor an SVG")
	}
	return nil
}

func checkElement(e xml.StartElement) error {
	// Editors leave elements of their own namespaces, which draw nothing.
	if (e.Name.Space == svgSpace || e.Name.Space == "") && !drawing[e.Name.Local] {
		return fmt.Errorf("has an element <%.40s>: a logo only draws", e.Name.Local)
	}
	if e.Name.Space == "http://www.w3.org/1999/xhtml" {
		return errors.New("has HTML in it: a logo only draws")
	}
	for _, a := range e.Attr {
		name := strings.ToLower(a.Name.Local)
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("has a script (%.40s): a logo only draws", a.Name.Local)
		case name == "href" && !strings.HasPrefix(strings.TrimSpace(a.Value), "#"):
			return errors.New("has a link or loads something: a logo stands alone")
		case loads(a.Value):
			return fmt.Errorf("loads something (%.40s): a logo stands alone", a.Name.Local)
		}
	}
	return nil
}

// loads says whether a style or attribute would fetch something. url(#…) names a part of the picture itself.
func loads(value string) bool {
	value = strings.ToLower(value)
	for rest := value; ; {
		at := strings.Index(rest, "url(")
		if at < 0 {
			break
		}
		rest = strings.TrimLeft(rest[at+len("url("):], " \t\r\n'\"")
		if !strings.HasPrefix(rest, "#") {
			return true
		}
	}
	return strings.Contains(value, "@import") || strings.Contains(value, "image-set(") || strings.Contains(value, "javascript:") ||
		strings.Contains(value, "\\") // an escape could spell any of these
}
