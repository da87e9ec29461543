package numbers

import (
	"slices"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		want       []float64
	}{
		{"en", "twenty-five percent of 1,200 people", []float64{25, 1200}},
		{"en", "two hundred and five, then three", []float64{205, 3}},
		{"en", "two and three", []float64{2, 3}},
		{"en", "three thousand four hundred", []float64{3400}},
		{"en", "2 million euros and 3.5 billion", []float64{2e6, 3.5e9}},
		{"en", "one of them said that no one came", nil},
		{"en", "twenty one", []float64{21}},
		{"en", "on the 3rd of May at 10:30", []float64{3, 10}},
		{"en", "the third one", []float64{3}},
		{"en", "nineteen eighty four", []float64{19, 84}},
		{"en", "ten thousand five hundred and twelve", []float64{10512}},
		{"en", "0.125 or 1.000,5", []float64{0.125, 1000.5}},
		{"fr", "quatre-vingt-douze mille euros", []float64{92000}},
		{"fr", "92 000 euros", []float64{92000}},
		{"fr", "soixante et onze", []float64{71}},
		{"fr", "vingt et un", []float64{21}},
		{"fr", "quatre-vingt-dix-neuf", []float64{99}},
		{"fr", "cent vingt-cinq et deux cents", []float64{125, 200}},
		{"fr", "mille neuf cent quatre-vingt-quatre", []float64{1984}},
		{"fr", "un budget d'une année", nil},
		{"fr", "3,5 millions", []float64{3.5e6}},
		{"fr", "à 14h30 le 1er mars", []float64{14, 1}},
		{"fr", "septante-deux", []float64{72}},
		{"fr", "deux trois personnes", []float64{2, 3}},
		{"de", "zwanzig oder 30", []float64{30}},
		{"", "", nil},
	} {
		if got := Of(c.lang, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q has %v, want %v", c.lang, c.text, got, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	if m := Missing("en", "25 % of 40 people", "twenty five percent, forty people, fifty chairs"); len(m) > 0 {
		t.Errorf("missing %v", m)
	}
	if m := Missing("fr", "le 12 mai, 300 euros", "le douze mai, trois cents quarante euros"); !slices.Equal(m, []float64{300}) {
		t.Errorf("missing %v, want 300", m)
	}
}

func FuzzOf(f *testing.F) {
	f.Add("en", "twenty-five 1,0.0,0 10:30:")
	f.Add("fr", "quatre-vingt cent mille millions 9 999 999")
	f.Fuzz(func(t *testing.T, lang, text string) { Of(lang, text) })
}
