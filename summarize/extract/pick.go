package extract

import (
	"container/heap"
	"math"
	"slices"

	"souffleur/summarize/prose"
)

const (
	// shortest and longest are the words of a sentence that can stand by itself.
	shortest = 6
	longest  = 60
	// lengthCost is how much the words of a sentence count against what it adds.
	lengthCost = 0.6
	// rankShare is how much of a sentence's gain its rank decides.
	rankShare = 0.7
	// bigramWeight is what two stems in a row count, beside one: they are rarer, and tell more.
	bigramWeight = 1.5
)

// Pick returns the places of sentences that together tell most, in the order of the meeting: as many as fit into budget words. rank is
// that of [Rank]. Sentences for which may is false are left out; nil takes all.
func Pick(sentences []prose.Sentence, rank []float64, budget int, may func(i int) bool) []int {
	weight := concepts(sentences)
	queue := make(gains, 0, len(sentences))
	for i := range sentences {
		s := &sentences[i]
		if s.Words < shortest || s.Words > longest || may != nil && !may(i) {
			continue
		}
		queue = append(queue, gain{at: i, value: worth(s, weight, nil, rank[i])})
	}
	heap.Init(&queue)
	told := map[string]bool{}
	var picked []int
	for len(queue) > 0 {
		best := queue[0]
		s := &sentences[best.at]
		// Gains only fall as more is told, so the first whose gain is still right is the best.
		if now := worth(s, weight, told, rank[best.at]); now < best.value {
			queue[0].value = now
			heap.Fix(&queue, 0)
			continue
		}
		if best.value <= 0 {
			break
		}
		heap.Pop(&queue)
		if s.Words > budget {
			continue
		}
		budget -= s.Words
		picked = append(picked, best.at)
		for c := range conceptsOf(s) {
			told[c] = true
		}
	}
	slices.Sort(picked)
	return picked
}

// worth is what a sentence adds to what has been told, for its length.
func worth(s *prose.Sentence, weight map[string]float64, told map[string]bool, rank float64) float64 {
	sum := 0.0
	for c := range conceptsOf(s) {
		if !told[c] {
			sum += weight[c]
		}
	}
	return sum / math.Pow(float64(s.Words), lengthCost) * (1 - rankShare + rankShare*rank)
}

// concepts returns the weight of every concept: how often it was said, if more than once.
func concepts(sentences []prose.Sentence) map[string]float64 {
	said := map[string]int{}
	for i := range sentences {
		for c := range conceptsOf(&sentences[i]) {
			said[c]++
		}
	}
	weight := make(map[string]float64, len(said))
	for c, n := range said {
		switch {
		case n < 2:
		case isBigram(c):
			weight[c] = bigramWeight * float64(n)
		default:
			weight[c] = float64(n)
		}
	}
	return weight
}

const bigramMark = "\x00"

// conceptsOf yields each concept of a sentence once: its stems, and pairs of stems in a row.
func conceptsOf(s *prose.Sentence) map[string]struct{} {
	all := make(map[string]struct{}, 2*len(s.Stems))
	for i, stem := range s.Stems {
		all[stem] = struct{}{}
		if i > 0 {
			all[s.Stems[i-1]+bigramMark+stem] = struct{}{}
		}
	}
	return all
}

func isBigram(c string) bool {
	for i := range len(c) {
		if c[i] == bigramMark[0] {
			return true
		}
	}
	return false
}

type gain struct {
	at    int
	value float64
}

// gains is a heap with the largest gain first; of equal ones the earlier sentence.
type gains []gain

func (g gains) Len() int { return len(g) }
func (g gains) Less(i, j int) bool {
	if g[i].value != g[j].value {
		return g[i].value > g[j].value
	}
	return g[i].at < g[j].at
}
func (g gains) Swap(i, j int) { g[i], g[j] = g[j], g[i] }

// Push implements heap.Interface.
func (g *gains) Push(x any) { *g = append(*g, x.(gain)) }

// Pop implements heap.Interface.
func (g *gains) Pop() any {
	last := (*g)[len(*g)-1]
	*g = (*g)[:len(*g)-1]
	return last
}
