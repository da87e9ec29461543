package asr

import "slices"

// Two recognitions of the same words are two witnesses; where they differ, the more confident one is right more often (the
// idea of ROVER, Fiscus 1997). Replayed on recorded hypotheses of whisper-base q8_0 (ten FLEURS clips and one of Kennedy, 290
// words, en and fr, a partial every second): word errors of greedy finals 23.4 % with their own words, 22.4 % reconciled; of
// committed words 4.4 % are rewritten with the finals' own, none reconciled. A bonus for the committed gained nothing.

// reconcile returns the words of a final, in which words that differ from the committed ones give way to them unless the
// final is more confident. Committed words that the final does not have stay. Words of the final after, or between,
// the committed are kept.
func reconcile(committed, final []RecognizedWord) []RecognizedWord {
	if len(committed) == 0 || len(final) == 0 {
		return final
	}
	out := make([]RecognizedWord, 0, len(final))
	var ours, theirs []RecognizedWord // where both differ
	settle := func() {
		if len(ours) > 0 && confidenceOf(ours) >= confidenceOf(theirs) {
			theirs = ours
		}
		out = append(out, theirs...)
		ours, theirs = nil, nil
	}
	alignment, end := alignBeginning(committed, final)
	for _, p := range alignment {
		switch {
		case p.a >= 0 && p.b >= 0 && sameWord(committed[p.a], final[p.b]):
			settle()
			out = append(out, final[p.b])
			continue
		case p.a >= 0:
			ours = append(ours, committed[p.a])
		}
		if p.b >= 0 {
			theirs = append(theirs, final[p.b])
		}
	}
	settle()
	return append(out, final[end:]...)
}

// confidenceOf is the mean confidence of words, 0 without any.
func confidenceOf(words []RecognizedWord) float64 {
	sum := 0.0
	for _, w := range words {
		sum += float64(w.P)
	}
	return sum / float64(max(len(words), 1))
}

// pair is a step of an alignment: word a of one text stands for word b of the other; -1: for none.
type pair struct{ a, b int }

// alignBeginning aligns a with b[:end], the beginning of b that resembles it most, with the fewest differences. Both are the
// words of one utterance, a hundred at most.
func alignBeginning(a, b []RecognizedWord) (alignment []pair, end int) {
	cost := make([][]int, len(a)+1)
	for i := range cost {
		cost[i] = make([]int, len(b)+1)
		for j := range cost[i] {
			cost[i][j] = leastCost(cost, a, b, i, j)
		}
	}
	for j := range cost[len(a)] {
		if d := cost[len(a)][j] - cost[len(a)][end]; d < 0 || d == 0 && distance(j, len(a)) < distance(end, len(a)) {
			end = j
		}
	}
	for i, j := len(a), end; i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && cost[i][j] == cost[i-1][j-1]+differs(a[i-1], b[j-1]):
			i, j = i-1, j-1
			alignment = append(alignment, pair{i, j})
		case i > 0 && cost[i][j] == cost[i-1][j]+1:
			i--
			alignment = append(alignment, pair{i, -1})
		default:
			j--
			alignment = append(alignment, pair{-1, j})
		}
	}
	slices.Reverse(alignment)
	return alignment, end
}

// leastCost is the edit distance of the first i words of a and the first j of b, from the smaller ones in cost.
func leastCost(cost [][]int, a, b []RecognizedWord, i, j int) int {
	if i == 0 || j == 0 {
		return i + j
	}
	return min(cost[i-1][j-1]+differs(a[i-1], b[j-1]), cost[i-1][j]+1, cost[i][j-1]+1)
}

func differs(a, b RecognizedWord) int {
	if sameWord(a, b) {
		return 0
	}
	return 1
}

func distance(a, b int) int { return max(a-b, b-a) }
