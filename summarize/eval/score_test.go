package eval

import (
	"maps"
	"os"
	"slices"
	"testing"

	"souffleur/summarize/cues"
	"souffleur/summarize/prose"
)

// The cues were written by the lines of every second script, by name. Of the others only figures were looked at: totals, and which kind
// of signal was missing where something was missed.
const (
	tuning  = 0
	heldOut = 1
)

func readScripts(t testing.TB) map[string]*Script {
	t.Helper()
	scripts, err := ReadScripts(os.DirFS("testdata"), "meetings")
	if err != nil {
		t.Fatal(err)
	}
	return scripts
}

// counts scores one half of the scripts, as a recogniser with this noise writes them.
func counts(t *testing.T, half int, kind cues.Kind, lang string, noise Noise) Count {
	t.Helper()
	var sum Count
	scripts := readScripts(t)
	words := Vocabulary(scripts, lang)
	for i, name := range slices.Sorted(maps.Keys(scripts)) {
		s := scripts[name]
		if i%2 != half || s.Lang != lang {
			continue
		}
		if noise != (Noise{}) {
			s = s.Noisy(noise, words)
		}
		sentences := prose.Of(s.Segments)
		c, _ := s.Score(kind, sentences, cues.Find(sentences, s.Names))
		sum.Add(c)
	}
	return sum
}

func TestActionsOfScriptedMeetings(t *testing.T) {
	for _, half := range []int{tuning, heldOut} {
		for _, kind := range []cues.Kind{cues.Action, cues.Decision, cues.Question} {
			var all Count
			for _, lang := range []string{"en", "fr"} {
				c := counts(t, half, kind, lang, Noise{})
				t.Logf("half %d %s %-8s precision %.2f recall %.2f (%d right, %d found, %d wanted)", half, lang, kind, c.Precision(), c.Recall(), c.Right, c.Found, c.Wanted)
				all.Add(c)
			}
			t.Logf("half %d    %-8s precision %.2f recall %.2f (%d right, %d found, %d wanted)", half, kind, all.Precision(), all.Recall(), all.Right, all.Found, all.Wanted)
			if kind == cues.Action && (all.Precision() < 0.8 || all.Recall() < 0.5) {
				t.Errorf("actions of half %d: precision %.2f at recall %.2f, want 0.8 at 0.5", half, all.Precision(), all.Recall())
			}
		}
	}
}

func TestActionsThroughARecogniser(t *testing.T) {
	for _, n := range []Noise{{Errors: 0.1, Seed: 1}, {Bare: true, Seed: 1}, {Errors: 0.1, Bare: true, Seed: 1}} {
		for _, half := range []int{tuning, heldOut} {
			for _, kind := range []cues.Kind{cues.Action, cues.Decision, cues.Question} {
				c := counts(t, half, kind, "en", n)
				c.Add(counts(t, half, kind, "fr", n))
				t.Logf("%+v half %d %-8s precision %.2f recall %.2f (%d right, %d found, %d wanted)", n, half, kind, c.Precision(), c.Recall(), c.Right, c.Found, c.Wanted)
			}
		}
	}
}
