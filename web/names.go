package web

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// joiners may stand inside a name: scripts such as Persian, and composed emoji, need them.
const joiners = "\u200c\u200d"

// cleanName returns a name of a person or a room as it may be shown: surrounding and repeated white space goes, and so do
// control and format characters, with which a name could reorder the line it stands in or look like somebody else's.
func cleanName(name string) (string, error) {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune(joiners, r):
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, name)
	visible = strings.Join(strings.Fields(visible), " ")
	if strings.Trim(visible, joiners+" ") == "" {
		return "", problem(http.StatusUnprocessableEntity, "bad-name", "The name is empty. Give one that others can see.")
	}
	return visible, nil
}

// cleanGlossary returns terms as they are stored: each once, without those that show nothing. nil gives nil.
func cleanGlossary(terms *[]string) ([]string, error) {
	if terms == nil {
		return nil, nil
	}
	var clean []string
	for _, term := range *terms {
		c, err := cleanName(term)
		if err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "bad-request", "The glossary has an empty term. Remove it.")
		}
		if !slices.Contains(clean, c) {
			clean = append(clean, c)
		}
	}
	return clean, nil
}
