package eval

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestScoreByHand(t *testing.T) {
	for _, c := range []struct {
		reference, hypothesis string
		want                  Errors
	}{
		{"ask not what your country can do", "ask not what your country can do", Errors{Words: 7}},
		{"ask not what your country can do", "ask what your county can do", Errors{Substitutions: 1, Deletions: 1, Words: 7}},
		{"ask not", "ask me not now", Errors{Insertions: 2, Words: 2}},
		{"a b c", "", Errors{Deletions: 3, Words: 3}},
		{"", "a b", Errors{Insertions: 2}},
		{"", "", Errors{}},
		{"a b", "c d", Errors{Substitutions: 2, Words: 2}},
		{"a b c d", "b c d e", Errors{Deletions: 1, Insertions: 1, Words: 4}},
		{"a b", "b a", Errors{Substitutions: 2, Words: 2}},
	} {
		if got := Score(strings.Fields(c.reference), strings.Fields(c.hypothesis)); got != c.want {
			t.Errorf("%q against %q: %v, want %v", c.hypothesis, c.reference, got, c.want)
		}
	}
}

func TestCorpusRateWeighsWords(t *testing.T) {
	sum := Errors{Substitutions: 1, Words: 2}.Add(Errors{Deletions: 1, Insertions: 1, Words: 18})
	if got := sum.WER(); math.Abs(got-0.15) > 1e-12 {
		t.Errorf("rate %v, want 0.15", got)
	}
	if got := sum.String(); got != "15.0 % (S 1, D 1, I 1 of 20)" {
		t.Errorf("written %q", got)
	}
	if (Errors{Insertions: 3}).WER() != 0 {
		t.Error("without reference there is no rate")
	}
}

func TestNormalize(t *testing.T) {
	for _, c := range []struct{ lang, text, want string }{
		{"en", "And so, my fellow Americans: ask NOT!", "and so my fellow americans ask not"},
		{"en", "I don’t think we're done [applause] (laughs) yet", "i do not think we are done yet"},
		{"en", "It can't be John's, won't it?", "it can not be john's will not it"},
		{"en", "1,961 people, 3.5% and the 21st of 40", "one thousand nine hundred sixty one people three point five percent and the twenty first of forty"},
		{"en", "the 12th, 20th and 100th", "the twelfth twentieth and one hundredth"},
		{"en", "state-of-the-art", "state of the art"},
		{"fr", "L’été, aujourd'hui : qu'il s'en aille !", "l été aujourd'hui qu il s en aille"},
		{"fr", "« D'accord. » *rires*", "d accord"},
		{"fr", "71, 80, 81, 91 et 200", "soixante et onze quatre vingt quatre vingt un quatre vingt onze et deux cent"},
		{"fr", "1 961 km, 3,5 % en 1789", "mille neuf cent soixante et un km trois virgule cinq pour cent en mille sept cent quatre vingt neuf"},
		{"fr", "le 1er, la 2e et le 19ème", "le premier la deuxième et le dix neuvième"},
		{"fr", "4e, 5e, 21e", "quatrième cinquième vingt et unième"},
		{"fr", "dix-sept personnes", "dix sept personnes"},
		{"fr", "E\u0301te\u0301", "été"},
		{"de", "Straße 12, bitte!", "straße 12 bitte"},
		{"en", "call 123456789012", "call one two three four five six seven eight nine zero one two"},
		{"en", "2,000,000 or 2 million", "two million or two million"},
		{"fr", "", ""},
	} {
		if got := strings.Join(Normalize(c.lang, c.text), " "); got != c.want {
			t.Errorf("%s %q:\n got %q\nwant %q", c.lang, c.text, got, c.want)
		}
	}
}

func TestNumbersInWordsAndDigitsAreEqual(t *testing.T) {
	for _, c := range []struct{ lang, digits, words string }{
		{"fr", "97", "quatre-vingt-dix-sept"},
		{"fr", "1 000 001", "un million un"},
		{"fr", "2026", "deux mille vingt-six"},
		{"en", "2026", "two thousand twenty-six"},
		{"en", "99", "ninety-nine"},
	} {
		if a, b := Normalize(c.lang, c.digits), Normalize(c.lang, c.words); !slices.Equal(a, b) {
			t.Errorf("%s: %q and %q", c.lang, a, b)
		}
	}
}

func TestNormalizingTwiceChangesNothing(t *testing.T) {
	for _, lang := range []string{"fr", "en", "de"} {
		once := Normalize(lang, "L'an 1999, I'd pay 3,5 % — n'est-ce pas ? It's the 3rd.")
		if twice := Normalize(lang, strings.Join(once, " ")); !slices.Equal(once, twice) {
			t.Errorf("%s: %q became %q", lang, once, twice)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	f.Add("fr", "3,5 % de l'été (1999)")
	f.Add("en", "don't 1,000.50th")
	f.Fuzz(func(t *testing.T, lang, text string) {
		for _, w := range Normalize(lang, text) {
			if w == "" || strings.ContainsAny(w, " \t\n") {
				t.Fatalf("word %q", w)
			}
		}
	})
}
