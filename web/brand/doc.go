// Package brand reads what an operator changes of the looks of the pages: a name, a logo, and values of the tokens of
// web/ui/src/styles/tokens.css. Everything is checked when the server starts, so a wrong file stops it with a sentence and
// never reaches a browser. Start reading at [Load].
package brand

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxTheme and MaxLogo bound the two files, in bytes.
	MaxTheme = 64 << 10
	MaxLogo  = 256 << 10
	// MaxName bounds the name, in characters: it stands in the head of every page of a phone, too.
	MaxName = 40
)

// Brand is how the pages look. The zero value changes nothing.
type Brand struct {
	Name  string // "" is the program's own
	Theme []byte // a style sheet that has custom properties only, written by [ParseTheme]; nil: none
	Logo  *Logo  // nil: the program's own
}

// Load reads and checks the files; an empty path or name changes nothing. Errors name the file, and in a theme the line.
func Load(themeFile, logoFile, name string) (Brand, error) {
	b := Brand{Name: strings.TrimSpace(name)}
	if err := checkName(b.Name); err != nil {
		return b, err
	}
	if themeFile != "" {
		text, err := read(themeFile, MaxTheme)
		if err != nil {
			return b, fmt.Errorf("theme: %w", err)
		}
		if b.Theme, err = ParseTheme(string(text)); err != nil {
			return b, fmt.Errorf("theme: %s:%w", filepath.Base(themeFile), err)
		}
	}
	if logoFile != "" {
		content, err := read(logoFile, MaxLogo)
		if err != nil {
			return b, fmt.Errorf("logo: %w", err)
		}
		if b.Logo, err = ParseLogo(content); err != nil {
			return b, fmt.Errorf("logo: %s: %w", filepath.Base(logoFile), err)
		}
	}
	return b, nil
}

func checkName(name string) error {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName {
		return fmt.Errorf("name: must be text of at most %d characters", MaxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return errors.New("name: has a character that is not shown")
	}
	return nil
}

func read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than %d kB", filepath.Base(path), most>>10)
	}
	return b, nil
}
