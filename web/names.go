package web

import (
	"net/http"
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
