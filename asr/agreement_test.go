package asr

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// hyp makes a hypothesis whose words last 300 ms each, from 0. The engine is sure of a word with a "!", and
// guesses one with a "?".
func hyp(text string) []RecognizedWord {
	var words []RecognizedWord
	for i, w := range strings.Fields(text) {
		p := float32(0.7)
		if strings.HasSuffix(w, "!") {
			p = 0.99
		}
		if strings.HasSuffix(w, "?") {
			p = 0.2
		}
		at := time.Duration(i) * 300 * time.Millisecond
		words = append(words, RecognizedWord{Text: w, Start: at, End: at + 300*time.Millisecond, P: p})
	}
	return words
}

func TestAgreement(t *testing.T) {
	type turn struct {
		hypothesis string
		seconds    float64 // heard
		pause      bool    // no voice at the end
		want       string  // committed|tentative
	}
	for name, turns := range map[string][]turn{
		"two hypotheses commit, the newest word waits": {
			{"we begin with", 0.95, false, "|we begin"},
			{"we begin with the budget", 1.55, false, "we begin with|the"},
		},
		"words that the engine guesses wait for a second hypothesis": {
			{"we begin with the! budget? of", 3.0, false, "|we begin with the!"},
			{"we begin with the! budget? of", 3.4, false, "we begin with the!|budget? of"},
			{"we begin with the! budget? of this", 5.0, false, "we begin with the!|budget? of this"},
		},
		"a guess is better than nothing": {
			{"we? begin", 3.0, false, "|we?"},
		},
		"a word near the end of the audio is not committed": {
			{"we begin with", 0.95, false, "|we begin"},
			{"we begin with the", 1.1, false, "we begin|with"}, // "begin" ends at 0.6, "with" at 0.9: only 0.2 s before
		},
		"after a pause the last word shows": {
			{"we begin", 1.5, true, "|we begin"},
			{"we begin", 1.8, true, "we begin|"},
		},
		"a single word is shown at once": {
			{"yes", 0.7, false, "|yes"},
		},
		"sure words need no second hypothesis": {
			{"we! begin! with the?", 3.0, false, "we! begin!|with"},
		},
		"case and punctuation keep their first form": {
			{"So we begin", 0.95, false, "|So we"},
			{"so, We begin with", 3.0, false, "So we begin|with"},
			{"so we begin with that", 3.0, false, "So we begin with|that"},
		},
		"committed words stay when the engine changes its mind": {
			{"we begin with the", 1.25, false, "|we begin with"},
			{"we begin with the budget of", 1.85, false, "we begin with the|budget"},
			{"I beg in with the budget of this", 3.0, false, "we begin with the budget of|this"},
		},
		"a repeated end of the committed is dropped": {
			{"one two three four", 1.25, false, "|one two three"},
			{"one two three four five", 3.0, false, "one two three four|five"},
			{"um one two three four five six", 3.5, false, "one two three four five|six"},
		},
		"forgotten words wait until they are forgotten twice": {
			{"we begin with the budget", 1.55, false, "|we begin with the"},
			{"we begin", 1.7, false, "we|begin with the"},
			{"we begin", 1.8, false, "we|begin"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var a agreement
			for i, turn := range turns {
				a.hear(hyp(turn.hypothesis), time.Duration(turn.seconds*float64(time.Second)), !turn.pause)
				if got := text(a.committed) + "|" + text(a.shown); got != turn.want {
					t.Fatalf("after hypothesis %d: %q, want %q", i+1, got, turn.want)
				}
			}
		})
	}
}

func TestForgottenTwiceIsForgotten(t *testing.T) {
	var a agreement
	a.hear(hyp("a b c d e f"), 1500*time.Millisecond, false)
	if a.hear(hyp("a b c"), 300*time.Millisecond, false) {
		t.Error("a shorter hypothesis shows at once")
	}
	if !a.hear(hyp("a b c"), 300*time.Millisecond, false) || text(a.shown) != "a b c" {
		t.Errorf("shown %q after the second", text(a.shown))
	}
}

// TestStableTextNeverChanges throws hypotheses at it that an engine would make, and worse.
func TestStableTextNeverChanges(t *testing.T) {
	vocabulary := strings.Fields("so we we begin begin! with the the budget, Budget of l'été 2026 — . and then?")
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var a agreement
		var truth []string
		stable := ""
		for turn := range 30 {
			for range r.IntN(4) {
				truth = append(truth, vocabulary[r.IntN(len(vocabulary))])
			}
			told := append([]string(nil), truth...)
			for range r.IntN(3) { // mishear some
				if len(told) > 0 {
					i := r.IntN(len(told))
					told[i] = vocabulary[r.IntN(len(vocabulary))]
					if r.IntN(3) == 0 {
						told = append(told[:i], told[i+1:]...)
					}
				}
			}
			before, _ := a.text()
			changed := a.hear(hyp(strings.Join(told, " ")), time.Duration(len(truth))*300*time.Millisecond, r.IntN(2) == 0)
			now, n := a.text()
			if !strings.HasPrefix(now, stable) || n < utf8.RuneCountInString(stable) {
				t.Fatalf("seed %d turn %d: %q was stable, now %q with %d", seed, turn, stable, now, n)
			}
			if !changed && now != before {
				t.Fatalf("seed %d turn %d: changed from %q to %q without saying so", seed, turn, before, now)
			}
			stable = string([]rune(now)[:n])
		}
	}
}

func TestFold(t *testing.T) {
	for word, want := range map[string]string{
		"Été,": "été", "E\u0301te\u0301": "été", "«Bonjour»": "bonjour", "aujourd'hui.": "aujourd'hui", "—": "", "2026!": "2026",
	} {
		if got := fold(word); got != want {
			t.Errorf("%q folds to %q, want %q", word, got, want)
		}
	}
}
