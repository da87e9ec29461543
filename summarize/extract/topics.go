package extract

import (
	"math"
	"slices"

	"souffleur/summarize/prose"
)

// Topic is a stretch of a meeting about one thing: sentences from First up to, not including, End.
type Topic struct{ First, End int }

const (
	// leastTopic is how long a topic lasts at least, ms.
	leastTopic = 120_000
	// window is how many sentences before and after a place are compared.
	window = 12
	// longPause is a silence that counts as much as a change of words, ms.
	longPause = 8_000
	// mostTopics bounds the topics of a meeting: more would not be read.
	mostTopics = 24
)

// Topics cuts a meeting where the words change and people pause (after TextTiling, Hearst 1997). At least one if there is a sentence.
func Topics(sentences []prose.Sentence) []Topic {
	if len(sentences) == 0 {
		return nil
	}
	depth := depths(cohesion(sentences))
	order := make([]int, 0, len(depth))
	for i, d := range depth {
		if d > 0 {
			order = append(order, i)
		}
	}
	mean, deviation := spread(depth)
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case depth[a] > depth[b]:
			return -1
		case depth[a] < depth[b]:
			return 1
		}
		return 0
	})
	cuts := []int{0, len(sentences)}
	for _, at := range order {
		if len(cuts) > mostTopics || depth[at] < mean+deviation/2 {
			break
		}
		if farFrom(sentences, cuts, at) {
			cuts = append(cuts, at)
		}
	}
	slices.Sort(cuts)
	topics := make([]Topic, 0, len(cuts)-1)
	for i := 1; i < len(cuts); i++ {
		topics = append(topics, Topic{First: cuts[i-1], End: cuts[i]})
	}
	return topics
}

// farFrom says whether a cut before sentence at leaves at least leastTopic on both sides.
func farFrom(sentences []prose.Sentence, cuts []int, at int) bool {
	when := func(i int) int64 {
		if i == len(sentences) {
			return sentences[i-1].T1
		}
		return sentences[i].T0
	}
	for _, c := range cuts {
		if d := when(at) - when(c); d < leastTopic && d > -leastTopic {
			return false
		}
	}
	return true
}

// cohesion returns for each sentence how much the window before it has in common with the window from it on, 0 to 1; less after a pause.
func cohesion(sentences []prose.Sentence) []float64 {
	c := make([]float64, len(sentences))
	for i := range sentences {
		if i == 0 {
			c[i] = 1
			continue
		}
		before, after := bag(sentences[max(0, i-window):i]), bag(sentences[i:min(len(sentences), i+window)])
		c[i] = cosine(before, after)
		if pause := sentences[i].T0 - sentences[i-1].T1; pause > longPause {
			c[i] /= 2
		}
	}
	return c
}

func bag(sentences []prose.Sentence) map[string]float64 {
	b := map[string]float64{}
	for i := range sentences {
		for _, stem := range sentences[i].Stems {
			b[stem]++
		}
	}
	return b
}

func cosine(a, b map[string]float64) float64 {
	if len(b) < len(a) {
		a, b = b, a
	}
	dot, na, nb := 0.0, 0.0, 0.0
	for stem, n := range a {
		dot += n * b[stem]
		na += n * n
	}
	for _, n := range b {
		nb += n * n
	}
	if na == 0 || nb == 0 {
		return 0
	}
	return dot / math.Sqrt(na*nb)
}

// depths returns how deep each valley of c is, measured from the hills on both sides; 0 where it is none.
func depths(c []float64) []float64 {
	d := make([]float64, len(c))
	for i := 1; i+1 < len(c); i++ {
		if c[i] > c[i-1] || c[i] > c[i+1] {
			continue
		}
		left, right := c[i], c[i]
		for j := i - 1; j >= 0 && c[j] >= left; j-- {
			left = c[j]
		}
		for j := i + 1; j < len(c) && c[j] >= right; j++ {
			right = c[j]
		}
		d[i] = left + right - 2*c[i]
	}
	return d
}

// spread returns mean and standard deviation of what is not 0.
func spread(d []float64) (mean, deviation float64) {
	n := 0.0
	for _, v := range d {
		if v > 0 {
			mean += v
			n++
		}
	}
	if n == 0 {
		return 0, 0
	}
	mean /= n
	for _, v := range d {
		if v > 0 {
			deviation += (v - mean) * (v - mean)
		}
	}
	return mean, math.Sqrt(deviation / n)
}
