package eval

// maxCells bounds the memory of an alignment to 48 MB. Two texts of 2,000 words fit; what is behind what fits has no partner.
const maxCells = 4 << 20

// cell is the best alignment of a beginning of the reference with a beginning of the hypothesis.
type cell struct {
	errors, equal int32 // equal words decide between alignments with as many errors
	step          step
}

// step is how an alignment ends.
type step uint8

const (
	begins  step = iota
	pairs        // a word of each
	misses       // a word of the reference alone
	invents      // a word of the hypothesis alone
)

func (c cell) better(d cell) bool {
	return c.errors < d.errors || c.errors == d.errors && c.equal > d.equal
}

// align pairs the words of a reference with those of a hypothesis, in order, with the fewest errors (Levenshtein distance over
// words). For each word of the reference it returns the index of its partner, equal or not, -1 for none. With open, the
// hypothesis is a beginning: words of the reference behind its last partner cost nothing.
func align(reference, hypothesis []string, open bool) []int {
	partners := make([]int, len(reference))
	for i := range partners {
		partners[i] = -1
	}
	hypothesis = hypothesis[:min(len(hypothesis), maxCells/2-1)]
	reference = reference[:min(len(reference), maxCells/(len(hypothesis)+1)-1)]
	table := alignments(reference, hypothesis)
	width := len(hypothesis) + 1
	i, j := len(reference), len(hypothesis)
	if open {
		for k := i - 1; k >= 0; k-- {
			if !table[i*width+j].better(table[k*width+j]) {
				i = k
			}
		}
	}
	for i > 0 || j > 0 {
		switch table[i*width+j].step {
		case pairs:
			i, j = i-1, j-1
			partners[i] = j
		case misses:
			i--
		default:
			j--
		}
	}
	return partners
}

// alignments fills the table of best alignments, by words of the reference, then of the hypothesis.
func alignments(reference, hypothesis []string) []cell {
	width := len(hypothesis) + 1
	table := make([]cell, (len(reference)+1)*width)
	for j := 1; j < width; j++ {
		table[j] = cell{int32(j), 0, invents}
	}
	for i := 1; i <= len(reference); i++ {
		above, row := table[(i-1)*width:i*width], table[i*width:(i+1)*width]
		row[0] = cell{above[0].errors + 1, 0, misses}
		for j := 1; j < width; j++ {
			best := cell{above[j-1].errors + 1, above[j-1].equal, pairs}
			if reference[i-1] == hypothesis[j-1] {
				best = cell{above[j-1].errors, above[j-1].equal + 1, pairs}
			}
			if c := (cell{above[j].errors + 1, above[j].equal, misses}); c.better(best) {
				best = c
			}
			if c := (cell{row[j-1].errors + 1, row[j-1].equal, invents}); c.better(best) {
				best = c
			}
			row[j] = best
		}
	}
	return table
}
