package eval

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// spoken gives each word of text half a second, from a moment on.
func spoken(from time.Duration, text string) []Word {
	var out []Word
	for i, w := range strings.Fields(text) {
		at := from + time.Duration(i)*500*ms
		out = append(out, Word{w, Span{at, at + 500*ms}})
	}
	return out
}

func shownAt(at time.Duration, segment, text string, stable int, final bool) Shown {
	return Shown{Update: Update{Segment: segment, Lang: "en", Text: text, Stable: stable, Final: final}, At: at, Says: Span{0, 10 * time.Second}}
}

func TestLagsOfWords(t *testing.T) {
	cases := []struct {
		name      string
		reference string
		shown     []Shown
		want      WordLags
	}{
		{"a final alone", "and so my", []Shown{shownAt(3000*ms, "s", "And so my", 0, true)},
			WordLags{First: Lags{2500 * ms, 2000 * ms, 1500 * ms}, Committed: Lags{2500 * ms, 2000 * ms, 1500 * ms}, Final: Lags{2500 * ms, 2000 * ms, 1500 * ms}}},
		{"partials come first, stable text between", "and so my", []Shown{
			shownAt(1000*ms, "s", "and", 0, false), shownAt(1500*ms, "s", "and so", 3, false), shownAt(3000*ms, "s", "And so my", 9, true)},
			WordLags{First: Lags{500 * ms, 500 * ms, 1500 * ms}, Committed: Lags{1000 * ms, 2000 * ms, 1500 * ms}, Final: Lags{2500 * ms, 2000 * ms, 1500 * ms}}},
		{"a wrong word is not seen", "ask not what", []Shown{
			shownAt(1500*ms, "s", "ask knot", 0, false), shownAt(2000*ms, "s", "ask not what", 0, true)},
			WordLags{First: Lags{1000 * ms, 1000 * ms, 500 * ms}, Committed: Lags{1500 * ms, 1000 * ms, 500 * ms}, Final: Lags{1500 * ms, 1000 * ms, 500 * ms}}},
		{"a word that the final lost does not count", "ask not what", []Shown{
			shownAt(1500*ms, "s", "ask not", 0, false), shownAt(2000*ms, "s", "ask what", 0, true)},
			WordLags{First: Lags{1000 * ms, 500 * ms}, Committed: Lags{1500 * ms, 500 * ms}, Final: Lags{1500 * ms, 500 * ms}, Missed: 1}},
		{"a partial is a beginning: its word is the first of two equal ones", "you can and you", []Shown{
			shownAt(1000*ms, "s", "you", 0, false), shownAt(3000*ms, "s", "you can and you", 0, true)},
			WordLags{First: Lags{500 * ms, 2000 * ms, 1500 * ms, 1000 * ms}, Committed: Lags{2500 * ms, 2000 * ms, 1500 * ms, 1000 * ms}, Final: Lags{2500 * ms, 2000 * ms, 1500 * ms, 1000 * ms}}},
		{"a segment that has no final", "and so", []Shown{shownAt(1000*ms, "s", "and so", 6, false)}, WordLags{Missed: 2}},
		{"nothing shown", "and so", nil, WordLags{Missed: 2}},
		{"nothing said", "", []Shown{shownAt(1000*ms, "s", "thank you", 0, true)}, WordLags{}},
		{"a final replaced counts from its first", "and so", []Shown{shownAt(1000*ms, "s", "and sew", 0, true), shownAt(9000*ms, "s", "and so", 0, true)},
			WordLags{First: Lags{500 * ms, 8000 * ms}, Committed: Lags{500 * ms, 8000 * ms}, Final: Lags{500 * ms, 8000 * ms}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := FollowWords(spoken(0, c.reference), c.shown)
			if !slices.Equal(got.First, c.want.First) || !slices.Equal(got.Committed, c.want.Committed) || !slices.Equal(got.Final, c.want.Final) || got.Missed != c.want.Missed {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestEachSegmentHasItsOwnWords(t *testing.T) {
	reference := append(spoken(0, "yes we can"), spoken(5*time.Second, "yes we do")...)
	say := func(at, from time.Duration, segment, text string, final bool) Shown {
		s := shownAt(at, segment, text, 0, final)
		s.Says = Span{from, from + time.Second}
		return s
	}
	got := FollowWords(reference, []Shown{
		say(5600*ms, 5*time.Second, "b", "yes", false), // before the final of the first segment
		say(6000*ms, 0, "a", "yes we can", true),
		say(8000*ms, 5*time.Second, "b", "yes we do", true),
	})
	want := Lags{5500 * ms, 5000 * ms, 4500 * ms, 100 * ms, 2000 * ms, 1500 * ms}
	if !slices.Equal(got.First, want) || got.Missed != 0 {
		t.Errorf("first seen after %v, missed %d; want %v", got.First, got.Missed, want)
	}
}

func TestAlignPairsWithTheFewestErrors(t *testing.T) {
	for _, c := range []struct {
		reference, hypothesis string
		open                  bool
		want                  []int
	}{
		{"a b c", "a b c", false, []int{0, 1, 2}},
		{"a b c", "a c", false, []int{0, -1, 1}},
		{"a c", "a b c", false, []int{0, 2}},
		{"a b c", "a x c", false, []int{0, 1, 2}},
		{"a b c d", "a b", true, []int{0, 1, -1, -1}},
		{"you can and you", "you", true, []int{0, -1, -1, -1}},
		{"a b c d", "b", true, []int{-1, 0, -1, -1}},
		{"a b", "", true, []int{-1, -1}},
		{"", "a b", false, []int{}},
	} {
		if got := align(strings.Fields(c.reference), strings.Fields(c.hypothesis), c.open); !slices.Equal(got, c.want) {
			t.Errorf("%q with %q: %v, want %v", c.reference, c.hypothesis, got, c.want)
		}
	}
}

func TestAlignmentOfHugeTextsIsBounded(t *testing.T) {
	huge := slices.Repeat([]string{"a"}, 3_000_000)
	if got := align(huge, huge, false); len(got) != len(huge) || got[0] < 0 {
		t.Errorf("%d partners, the first %d", len(got), got[0])
	}
}

func TestTimesAreSpreadOverUtterancesByCharacters(t *testing.T) {
	// 20 units of characters and gaps in 2 s of voice: a tenth of a second each.
	got := Timed("en", "abcd efgh, abcd efgh", []Span{{1000 * ms, 2000 * ms}, {5000 * ms, 6000 * ms}})
	want := []Word{
		{"abcd", Span{1000 * ms, 1500 * ms}}, {"efgh", Span{1500 * ms, 2000 * ms}},
		{"abcd", Span{5000 * ms, 5500 * ms}}, {"efgh", Span{5500 * ms, 6000 * ms}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := Timed("en", "", nil); len(got) != 0 {
		t.Errorf("no words: %v", got)
	}
	if got := Timed("en", "word", nil); len(got) != 1 || got[0].Span != (Span{}) {
		t.Errorf("a word without speech: %v", got)
	}
}

func TestPercentiles(t *testing.T) {
	l := Lags{50, 10, 40, 20, 30}
	if l.At(50) != 30 || l.At(95) != 50 || l.At(0) != 10 || l.Mean() != 30 {
		t.Errorf("p50 %d, p95 %d, p0 %d, mean %d", l.At(50), l.At(95), l.At(0), l.Mean())
	}
	if Lags(nil).At(50) != 0 || Lags(nil).Mean() != 0 {
		t.Error("no lags")
	}
	if l[0] != 50 {
		t.Error("the lags were sorted in place")
	}
}
