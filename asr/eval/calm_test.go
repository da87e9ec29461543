package eval

import "testing"

func TestFollow(t *testing.T) {
	partial := func(text string, stable int) Update {
		return Update{Segment: "s", Lang: "en", Text: text, Stable: stable}
	}
	final := func(text string) Update { return Update{Segment: "s", Lang: "en", Text: text, Final: true} }
	cases := []struct {
		name    string
		updates []Update
		want    Calm
	}{
		{"grows", []Update{partial("and", 0), partial("and so my", 4), final("And so, my fellow")}, Calm{StableWords: 1, FinalWords: 4}},
		{"the tail moves", []Update{partial("and sew", 0), partial("and so my", 0), final("and so my")}, Calm{Erased: 1, FinalWords: 3}},
		{"a stable word moves", []Update{partial("and sew", 7), partial("and so", 7), final("and so")},
			Calm{StableChanged: 2, StableWords: 2, Erased: 1, FinalWords: 2}},
		{"the final rewrites", []Update{partial("ask knot what", 9), final("ask not what")},
			Calm{StableWords: 2, Rewritten: 1, Erased: 2, FinalWords: 3}},
		{"withdrawn", []Update{partial("thank you", 0), partial("", 0)}, Calm{Erased: 2}},
		{"a corrected final", []Update{final("ask knot"), final("ask not what")}, Calm{Erased: 1, FinalWords: 3}},
		{"two segments in turns", []Update{partial("one", 0), {Segment: "t", Lang: "en", Text: "two"}, final("one")}, Calm{FinalWords: 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Follow(c.updates); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	if e := (Calm{Erased: 3, FinalWords: 12}).Erasure(); e != 0.25 {
		t.Errorf("erasure %v", e)
	}
}
