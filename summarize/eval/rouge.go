package eval

import (
	"strings"
	"unicode"
)

// Overlap is how much a text and its reference have in common: 0 to 1.
type Overlap struct{ Precision, Recall, F1 float64 }

// Rouge are the measures of Lin 2004 ("ROUGE: A Package for Automatic Evaluation of Summaries"): words, pairs of words, and the longest
// common subsequence of the whole texts.
type Rouge struct{ R1, R2, RL Overlap }

// RougeOf compares a text with its reference. Words are runs of letters and digits in lower case; they are not stemmed. It gives what
// the reference implementation gives (rouge-score, by Google), but that letters with accents are letters.
func RougeOf(text, reference string) Rouge {
	got, want := rougeWords(text), rougeWords(reference)
	return Rouge{R1: grams(got, want, 1), R2: grams(got, want, 2), RL: overlap(common(got, want), len(got), len(want))}
}

func rougeWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func overlap(both, got, want int) Overlap {
	if both == 0 {
		return Overlap{}
	}
	p, r := float64(both)/float64(got), float64(both)/float64(want)
	return Overlap{Precision: p, Recall: r, F1: 2 * p * r / (p + r)}
}

// grams compares runs of n words: one that stands twice counts twice, if it does in both.
func grams(got, want []string, n int) Overlap {
	left := map[string]int{}
	for i := 0; i+n <= len(want); i++ {
		left[strings.Join(want[i:i+n], " ")]++
	}
	both := 0
	for i := 0; i+n <= len(got); i++ {
		if g := strings.Join(got[i:i+n], " "); left[g] > 0 {
			left[g]--
			both++
		}
	}
	return overlap(both, max(0, len(got)-n+1), max(0, len(want)-n+1))
}

// common returns the length of the longest common subsequence.
func common(a, b []string) int {
	above, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for i := range a {
		for j := range b {
			if a[i] == b[j] {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(row[j], above[j+1])
			}
		}
		above, row = row, above
	}
	return above[len(b)]
}
