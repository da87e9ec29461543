package asr

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// sureWords are the words of a text, each as sure as p. A word with a star is hardly sure of anything.
func sureWords(said string, p float32) []RecognizedWord {
	words := spread(said, 4)
	for i := range words {
		words[i].P = p
		if s, found := strings.CutPrefix(words[i].Text, "*"); found {
			words[i].Text, words[i].P = s, 0.1
		}
	}
	return words
}

func TestFinalsKeepWhatWasCommittedUnlessTheyKnowBetter(t *testing.T) {
	for name, c := range map[string]struct{ committed, final, want string }{
		"nothing committed":        {"", "we begin with the budget", "we begin with the budget"},
		"the same":                 {"we begin with", "We begin with the budget.", "We begin with the budget."},
		"as sure":                  {"we begin with", "we began with the budget", "we begin with the budget"},
		"the final knows better":   {"we *began with", "we begin with the budget", "we begin with the budget"},
		"two words for one":        {"we *beginning the", "we begin with the budget", "we begin with the budget"},
		"a word lost":              {"we begin with the", "we begin the budget now", "we begin with the budget now"},
		"a word more in between":   {"we begin the budget", "we begin with the budget now", "we begin with the budget now"},
		"the beginning lost":       {"so we begin with", "we begin with the budget", "so we begin with the budget"},
		"all else":                 {"one two", "three four five six", "one two five six"},
		"all else, known better":   {"*one *two", "three four five six", "three four five six"},
		"final shorter":            {"we begin with the budget", "we begin", "we begin with the budget"},
		"at the end of both texts": {"we begin with", "we begin *wit", "we begin with"},
	} {
		if got := text(reconcile(sureWords(c.committed, 0.8), sureWords(c.final, 0.8))); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestReconcilingIsOrderly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	vocabulary := strings.Fields("the a we you begin end with budget so now")
	random := func(n int) []RecognizedWord {
		var said []string
		for range n {
			said = append(said, vocabulary[r.IntN(len(vocabulary))])
		}
		words := sureWords(strings.Join(said, " "), 0)
		for i := range words {
			words[i].P = r.Float32()
		}
		return words
	}
	for range 500 {
		committed, final := random(r.IntN(12)), random(r.IntN(12))
		next := pair{}
		alignment, end := alignBeginning(committed, final)
		for _, p := range alignment {
			if p.a >= 0 {
				if p.a != next.a {
					t.Fatalf("committed word %d after %d", p.a, next.a-1)
				}
				next.a++
			}
			if p.b >= 0 {
				if p.b != next.b {
					t.Fatalf("final word %d after %d", p.b, next.b-1)
				}
				next.b++
			}
		}
		if next.a != len(committed) || next.b != end {
			t.Fatalf("aligned %v of %d and %d words", next, len(committed), len(final))
		}
		got := reconcile(committed, final)
		if len(final) > 0 && len(got) == 0 || len(got) > len(committed)+len(final) {
			t.Fatalf("%q and %q gave %q", text(committed), text(final), text(got))
		}
	}
}
