package search

import (
	"slices"
	"strings"
	"testing"

	"souffleur/internal/words"
)

func TestWordsAreFoundInEveryForm(t *testing.T) {
	for _, c := range []struct{ lang, typed, said string }{
		{"fr", "réunions", "une reunion"},
		{"fr", "reunion", "Les Réunions de lundi"},
		{"fr", "troisieme", "la troisième fois"},
		{"fr", "TROISIÈME", "le troisieme point"},
		{"fr", "décidé", "il faut décider"},
		{"fr", "decidees", "c'est décidé"},
		{"fr", "œuvre", "l'oeuvre d'Hugo"},
		{"fr", "hugo", "l’œuvre d’Hugo"},
		{"fr", "ete", "pendant l’e\u0301te\u0301"},
		{"fr", "régionaux", "le conseil régional"},
		{"fr", "génère", "generer"},
		{"en", "meetings", "the next meeting"},
		{"en", "meeting", "two MEETINGS a week"},
		{"en", "company's", "the company said"},
		{"en", "naive", "a naïve question"},
		{"en", "decided", "we decide later"},
		{"de", "Straße", "durch die strasse"},
		{"es", "reunión", "las reuniones"},
		{"it", "amico", "l'amico di Anna"},
		{"pt", "ações", "acoes"},
		{"pt", "palavras", "a palavra"},
		{"nl", "vergaderingen", "de vergadering"},
		{words.Unknown, "Čaj", "caj"},
		{words.Unknown, "сёстры", "СЕСТРЫ"},
		{words.Unknown, "会議", "次の会議です"},
		{words.Unknown, "ＡＢＣ", "abc"},
	} {
		q, err := parseQuery(c.typed)
		if err != nil {
			t.Fatal(err)
		}
		w, err := q.in(c.lang)
		if err != nil || len(w.all) == 0 || len(w.find(c.lang, c.said)) == 0 {
			t.Errorf("%s: %q (%q) does not find %q", c.lang, c.typed, w.all, c.said)
		}
	}
}

func TestOtherWordsAreNotFound(t *testing.T) {
	for _, c := range []struct{ lang, typed, said string }{
		{"fr", "réunion lundi", "la réunion de mardi"},
		{"en", "meeting", "nothing of the kind"},
		{"hi", "की", "का"}, // vowels of Devanagari are marks that count
	} {
		q, _ := parseQuery(c.typed)
		w, err := q.in(words.Language(c.lang))
		if err != nil || len(w.find(words.Language(c.lang), c.said)) > 0 {
			t.Errorf("%s: %q (%q) finds %q", c.lang, c.typed, w.all, c.said)
		}
	}
}

// TestMatchesAreMarked shows what is marked in brackets.
func TestMatchesAreMarked(t *testing.T) {
	for _, c := range []struct{ lang, typed, marked string }{
		{"fr", "été", "🌻 [L’été] est fini 🌻"},
		{"fr", "le printemps", "Le [printemps], le [Printemps]"},
		{"fr", "budget réunion", "Le [budget] de la [réunion], le [budget]."},
		{"en", `"next meeting"`, "The [next] [meetings] meet the next month."},
		{"en", `“point of view” now`, "A [point] [of] [view]. View the point [now]."},
		{"fr", `«le budget» adopté`, "[Le] [budget] est [adopté], un budget."},
		{"en", `"unclosed phrase`, "an [unclosed] [phrase] and a phrase"},
	} {
		q, err := parseQuery(c.typed)
		if err != nil {
			t.Fatal(err)
		}
		w, err := q.in(c.lang)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("[", "", "]", "").Replace(c.marked)
		got := []rune(text)
		spans := w.find(c.lang, text)
		for _, s := range slices.Backward(spans) {
			got = slices.Insert(slices.Insert(got, s[1], ']'), s[0], '[')
		}
		if string(got) != c.marked {
			t.Errorf("%s in %q is marked as %q", c.typed, text, string(got))
		}
	}
}

func TestFrequentWordsCountOnlyIfThereIsNothingElse(t *testing.T) {
	for _, c := range []struct {
		lang, typed string
		want        []string
	}{
		{"fr", "même la réunion", []string{"reunion"}},
		{"fr", "meme", []string{"meme"}}, // folded like "même"
		{"fr", `la "la réunion"`, []string{"la", "reunion"}},
		{"en", "the who", []string{"the", "who"}},
		{"en", "", nil},
		{words.Unknown, "?!", nil},
	} {
		q, _ := parseQuery(c.typed)
		if w, err := q.in(c.lang); err != nil || !slices.Equal(w.all, c.want) {
			t.Errorf("%q looks for %q, %v", c.typed, w.all, err)
		}
	}
}

func TestLongQueriesAreRefused(t *testing.T) {
	if _, err := parseQuery(strings.Repeat("é", MaxQuery)); err != nil {
		t.Errorf("a query of %d letters: %v", MaxQuery, err)
	}
	for name, typed := range map[string]string{"long": strings.Repeat("é", MaxQuery+1), "not UTF-8": "a\xff"} {
		if _, err := parseQuery(typed); err == nil {
			t.Errorf("a query that is %s was taken", name)
		}
	}
	q, _ := parseQuery("a b c d e f g h i j k l m n o p q r s t u v w x y z")
	if _, err := q.in(words.Unknown); err == nil {
		t.Error("a query of 26 words was taken")
	}
}

func TestBlindWordsTellNothing(t *testing.T) {
	a, b := testBlinder(), testBlinder()
	one := a.of("fr", "budget")
	if len(one) != blindSize || string(one) != string(a.of("fr", "budget")) {
		t.Errorf("a blind word is %x", one)
	}
	for name, other := range map[string][]byte{"another meeting": b.of("fr", "budget"), "another language": a.of("en", "budget"), "another word": a.of("fr", "budge")} {
		if string(one) == string(other) {
			t.Errorf("%s has the same blind word", name)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, typed := range []string{"réunion", `"a b" c`, "«", "“”", "\u0301", "🌻", "l'", "'s"} {
		f.Add(typed, "some text, du texte: l'été «à» \u0301")
	}
	f.Fuzz(func(t *testing.T, typed, text string) {
		q, err := parseQuery(typed)
		if err != nil {
			return
		}
		for lang := range words.Languages() {
			w, err := q.in(lang)
			if err != nil {
				continue
			}
			last := 0
			for _, s := range w.find(lang, text) {
				if s[0] < last || s[1] <= s[0] || s[1] > len([]rune(text)) {
					t.Fatalf("%q in %q (%s) gives the span %v", typed, text, lang, s)
				}
				last = s[1]
			}
		}
	})
}
