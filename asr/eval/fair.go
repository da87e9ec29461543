package eval

import "time"

// leastLag is the median delay below which nobody sees a difference: smaller ones count as this.
const leastLag = 100 * time.Millisecond

// Fairness compares the delays of speakers who talked at once: ratio is the largest median over the smallest, 1 for equal and
// for fewer than two speakers. starved counts speakers without any delay because nothing of theirs was shown; they are not in
// the ratio.
func Fairness(speakers []Lags) (ratio float64, starved int) {
	var least, most time.Duration
	for _, l := range speakers {
		if len(l) == 0 {
			starved++
			continue
		}
		median := max(l.At(50), leastLag)
		if least == 0 || median < least {
			least = median
		}
		most = max(most, median)
	}
	if least == 0 {
		return 1, starved
	}
	return float64(most) / float64(least), starved
}

// Untranscribed counts the utterances that no final overlaps. Finals may lie a little beside the speech they write, because
// engines time words loosely: slack is how much.
func Untranscribed(spoken, finals []Span, slack time.Duration) int {
	n := 0
	for _, u := range spoken {
		heard := false
		for _, f := range finals {
			heard = heard || u.overlaps(Span{f.From - slack, f.To + slack})
		}
		if !heard {
			n++
		}
	}
	return n
}

// Invented counts words that were written while nobody spoke: shown are those that appeared on screen in partials, each time
// one appeared; stored are those of the last final of each segment. updates stand in the order in which they were shown.
func Invented(updates []Update) (shown, stored int) {
	last := make(map[string][]string)
	kept := make(map[string]int)
	for _, u := range updates {
		words := Normalize(u.Lang, u.Text)
		if u.Final {
			kept[u.Segment] = len(words)
			continue
		}
		shown += len(words) - commonPrefix(last[u.Segment], words)
		last[u.Segment] = words
	}
	for _, n := range kept {
		stored += n
	}
	return shown, stored
}
