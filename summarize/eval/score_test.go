package eval

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"souffleur/summarize/cues"
	"souffleur/summarize/prose"
)

func TestSet(t *testing.T) {
	scripts, err := ReadScripts(os.DirFS("testdata"), "meetings")
	if err != nil {
		t.Fatal(err)
	}
	for _, half := range []int{0, 1} {
		if half == 1 && os.Getenv("TEST_HALF") == "" {
			continue
		}
		for _, lang := range []string{"en", "fr"} {
			for _, kind := range []cues.Kind{cues.Action, cues.Decision, cues.Question} {
				var sum Count
				for i, name := range slices.Sorted(maps.Keys(scripts)) {
					s := scripts[name]
					if s.Lang != lang || i%2 != half {
						continue
					}
					sentences := prose.Of(s.Segments)
					c, misses := s.Score(kind, sentences, cues.Find(sentences, s.Names))
					sum.Add(c)
					for _, m := range misses {
						if half == 0 && strings.Contains(os.Getenv("SHOW"), lang+string(kind)[:1]) {
							t.Logf("%s %s extra=%v: %s", name, kind, m.Extra, m.Text)
						}
					}
				}
				t.Logf("half %d %s %-8s precision %.2f recall %.2f (%d found, %d wanted)", half, lang, kind, sum.Precision(), sum.Recall(), sum.Found, sum.Wanted)
			}
		}
	}
}
