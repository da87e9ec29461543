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
	// lengthiest are the bytes of such a sentence: what has more is no sentence, and nobody would read it.
	lengthiest = 1_000
	// lengthCost is how much the words of a sentence count against what it adds.
	lengthCost = 0.6
	// rankShare is how much of a sentence's gain its rank decides.
	rankShare = 0.7
	// bigramWeight is what two stems in a row count, beside one: they are rarer, and tell more.
	bigramWeight = 1.5
	// onceWeight is what a concept counts that was said once: it only decides where nothing else does.
	onceWeight = 0.05
	// askedWeight is what a question counts beside a statement: without its answer it tells little.
	askedWeight = 0.5
	// manySegments are more than a sentence that can stand by itself is spread over.
	manySegments = 6
)

// Picker picks sentences that together tell most of a meeting. It remembers what was told: a later pick tells something else.
type Picker struct {
	sentences []prose.Sentence
	rank      []float64
	concepts  [][]int32 // of each sentence, each once: its stems, and pairs of stems in a row
	weight    []float64 // of each concept
	told      []bool    // by concept
}

// NewPicker returns a picker of sentences; rank is that of [Rank].
func NewPicker(sentences []prose.Sentence, rank []float64) *Picker {
	p := &Picker{sentences: sentences, rank: rank, concepts: make([][]int32, len(sentences))}
	stems, pairs := map[string]int32{}, map[[2]int32]int32{}
	for i := range sentences {
		var own []int32
		last := int32(-1)
		for _, stem := range sentences[i].Stems {
			at, ok := stems[stem]
			if !ok {
				at = p.concept()
				stems[stem] = at
			}
			own = append(own, at)
			if last >= 0 {
				pair, ok := pairs[[2]int32{last, at}]
				if !ok {
					pair = p.concept()
					pairs[[2]int32{last, at}] = pair
				}
				own = append(own, pair)
			}
			last = at
		}
		slices.Sort(own)
		p.concepts[i] = slices.Clip(slices.Compact(own))
		for _, c := range p.concepts[i] {
			p.weight[c]++
		}
	}
	for c, said := range p.weight {
		if said < 2 {
			p.weight[c] = onceWeight
		}
	}
	for _, pair := range pairs {
		p.weight[pair] *= bigramWeight
	}
	p.told = make([]bool, len(p.weight))
	return p
}

func (p *Picker) concept() int32 {
	p.weight = append(p.weight, 0)
	return int32(len(p.weight) - 1)
}

// Forget makes the picker tell again what it told.
func (p *Picker) Forget() { clear(p.told) }

// Limits say how much a pick may tell.
type Limits struct {
	Least, Most int // sentences; least holds beyond the budget
	Words       int // budget
}

// Pick returns the places of some of the sentences at from, in the order of the meeting: those that together add most to what was told.
// Sentences that cannot stand by themselves, or add nothing, are none of them, so there may be fewer than asked for.
func (p *Picker) Pick(from []int, l Limits) []int {
	queue := make(gains, 0, len(from))
	for _, i := range from {
		if stands(&p.sentences[i]) {
			queue = append(queue, gain{at: i, value: p.worth(i)})
		}
	}
	heap.Init(&queue)
	var picked []int
	for len(queue) > 0 && len(picked) < l.Most {
		best := queue[0]
		// Gains only fall as more is told, so the first whose gain is still right is the best.
		if now := p.worth(best.at); now < best.value {
			queue[0].value = now
			heap.Fix(&queue, 0)
			continue
		}
		if best.value <= 0 {
			break
		}
		heap.Pop(&queue)
		length := p.sentences[best.at].Words
		if length > l.Words && len(picked) >= l.Least {
			continue
		}
		l.Words -= length
		picked = append(picked, best.at)
		for _, c := range p.concepts[best.at] {
			p.told[c] = true
		}
	}
	slices.Sort(picked)
	return picked
}

// stands says whether a sentence can stand by itself.
func stands(s *prose.Sentence) bool {
	return s.Words >= shortest && s.Words <= longest && len(s.Text) <= lengthiest && len(s.Segments) <= manySegments
}

// worth is what a sentence adds to what has been told, for its length.
func (p *Picker) worth(i int) float64 {
	sum := 0.0
	for _, c := range p.concepts[i] {
		if !p.told[c] {
			sum += p.weight[c]
		}
	}
	if p.sentences[i].Asks {
		sum *= askedWeight
	}
	return sum / math.Pow(float64(p.sentences[i].Words), lengthCost) * (1 - rankShare + rankShare*p.rank[i])
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
