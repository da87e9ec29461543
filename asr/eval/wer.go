package eval

import "fmt"

// Errors counts the word errors of a text.
type Errors struct {
	Substitutions int
	Deletions     int // words of the reference that are missing
	Insertions    int // words that nobody said
	Words         int // of the reference
}

// Score compares words of a hypothesis with those of a reference, with the fewest errors; among equal alignments it
// prefers substitutions.
func Score(reference, hypothesis []string) Errors {
	// Each cell holds the errors of the best alignment of the reference so far with the first j words of the hypothesis.
	row := make([]Errors, len(hypothesis)+1)
	for j := range row {
		row[j] = Errors{Insertions: j}
	}
	for _, word := range reference {
		diagonal := row[0]
		row[0].Deletions++
		for j, guess := range hypothesis {
			best := diagonal
			if word != guess {
				best.Substitutions++
			}
			if d := row[j+1]; d.total()+1 < best.total() {
				best = d
				best.Deletions++
			}
			if i := row[j]; i.total()+1 < best.total() {
				best = i
				best.Insertions++
			}
			diagonal, row[j+1] = row[j+1], best
		}
	}
	e := row[len(hypothesis)]
	e.Words = len(reference)
	return e
}

func (e Errors) total() int { return e.Substitutions + e.Deletions + e.Insertions }

// Add sums the errors of several texts. The rate of the sum is the corpus rate, in which long texts weigh more.
func (e Errors) Add(f Errors) Errors {
	return Errors{
		Substitutions: e.Substitutions + f.Substitutions,
		Deletions:     e.Deletions + f.Deletions,
		Insertions:    e.Insertions + f.Insertions,
		Words:         e.Words + f.Words,
	}
}

// WER is the word error rate: errors by words of the reference. It may exceed 1; without reference it is 0.
func (e Errors) WER() float64 {
	if e.Words == 0 {
		return 0
	}
	return float64(e.total()) / float64(e.Words)
}

// String gives the rate in percent and the counts: "12.5 % (S 3, D 1, I 0 of 32)".
func (e Errors) String() string {
	return fmt.Sprintf("%.1f %% (S %d, D %d, I %d of %d)", 100*e.WER(), e.Substitutions, e.Deletions, e.Insertions, e.Words)
}
