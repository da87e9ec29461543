package eval

import (
	"testing"
	"time"
)

func TestFairness(t *testing.T) {
	for _, c := range []struct {
		name    string
		of      []Lags
		ratio   float64
		starved int
	}{
		{"nobody", nil, 1, 0},
		{"one", []Lags{{time.Second}}, 1, 0},
		{"equal", []Lags{{time.Second}, {time.Second}}, 1, 0},
		{"medians count", []Lags{{time.Second, time.Second, 9 * time.Second}, {2 * time.Second}}, 2, 0},
		{"somebody is never shown", []Lags{{time.Second}, nil}, 1, 1},
		{"what is too small to see is equal", []Lags{{-time.Second}, {50 * ms}, {100 * ms}}, 1, 0},
	} {
		if ratio, starved := Fairness(c.of); ratio != c.ratio || starved != c.starved {
			t.Errorf("%s: %v, %d starved; want %v, %d", c.name, ratio, starved, c.ratio, c.starved)
		}
	}
}

func TestUtterancesWithoutAFinal(t *testing.T) {
	spoken := []Span{{0, 1000 * ms}, {2000 * ms, 3000 * ms}, {4000 * ms, 5000 * ms}}
	for _, c := range []struct {
		name   string
		finals []Span
		slack  time.Duration
		want   int
	}{
		{"none", nil, 0, 3},
		{"one over two", []Span{{500 * ms, 2100 * ms}}, 0, 1},
		{"beside", []Span{{1000 * ms, 2000 * ms}}, 0, 3},
		{"beside, with slack", []Span{{1000 * ms, 2000 * ms}}, 100 * ms, 1},
		{"all", []Span{{0, 9000 * ms}}, 0, 0},
	} {
		if got := Untranscribed(spoken, c.finals, c.slack); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestInventedWords(t *testing.T) {
	partial := func(segment, text string) Update { return Update{Segment: segment, Lang: "en", Text: text} }
	final := func(segment, text string) Update {
		return Update{Segment: segment, Lang: "en", Text: text, Final: true}
	}
	for _, c := range []struct {
		name          string
		updates       []Update
		shown, stored int
	}{
		{"nothing", nil, 0, 0},
		{"a partial grows", []Update{partial("s", "thank"), partial("s", "thank you")}, 2, 0},
		{"a partial changes", []Update{partial("s", "thank you"), partial("s", "thank them")}, 3, 0},
		{"withdrawn", []Update{partial("s", "thank you"), partial("s", "")}, 2, 0},
		{"stored", []Update{partial("s", "thank"), final("s", "Thank you."), final("t", "Bye.")}, 1, 3},
		{"a final withdrawn", []Update{final("s", "Thank you."), final("s", "")}, 0, 0},
	} {
		if shown, stored := Invented(c.updates); shown != c.shown || stored != c.stored {
			t.Errorf("%s: %d shown, %d stored; want %d, %d", c.name, shown, stored, c.shown, c.stored)
		}
	}
}

func TestTongueOfATextIsJudgedByItsFunctionWords(t *testing.T) {
	for text, want := range map[string]string{
		"L'été, les enfants sont dans le jardin et ne pensent pas à l'école.":                             "fr",
		"In the summer the children are in the garden and they do not think of school.":                   "en",
		"Im Sommer sind die Kinder in dem Garten und denken nicht an die Schule.":                         "de",
		"En verano los niños están en el jardín y no piensan en la escuela, pero se ríen con los perros.": "es",
		"No verão as crianças estão no jardim e não pensam na escola, mas riem com os seus cães.":         "pt",
		"Bonjour.": "", // too little to tell
		"":         "",
	} {
		if got := Tongue(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
