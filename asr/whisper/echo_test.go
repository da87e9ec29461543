package whisper

import (
	"strings"
	"testing"
	"time"

	"souffleur/internal/whispercpp"
)

func TestTextBehindTheAudioIsDropped(t *testing.T) {
	for name, c := range map[string]struct {
		texts  string // tokens between bars
		within int    // tokens of 100 ms each before those that begin at the last instant of 1 s
		want   string
	}{
		"echo":                   {" It| is| late.| It| is| late.| It| is| la", 3, " It is late."},
		"echo behind a word":     {" It| la|te|.| It| is| la|te|.| It", 2, " It late."},
		"a short last word":      {" It| is| so|.", 2, " It is so."},
		"nothing but the end":    {" a| b| c| d| e| f", 0, ""},
		"as long as it may last": {" a| b| c| d| e| f| g| h", 8, " a b c d e f g h"},
	} {
		var tokens []whispercpp.Token
		for i, text := range strings.Split(c.texts, "|") {
			start, end := time.Duration(i)*100*time.Millisecond, time.Duration(i+1)*100*time.Millisecond
			if i >= c.within {
				start, end = 990*time.Millisecond, time.Second
			}
			tokens = append(tokens, whispercpp.Token{Text: text, Start: start, End: end})
		}
		var got strings.Builder
		for _, token := range withoutEcho(tokens, time.Second) {
			got.WriteString(token.Text)
		}
		if got.String() != c.want {
			t.Errorf("%s: %q, want %q", name, got.String(), c.want)
		}
	}
}
