package extract

import (
	"math"
	"slices"

	"souffleur/summarize/prose"
)

const (
	damping    = 0.85
	iterations = 30
	// everywhere is in how many sentences a stem may be before it says nothing of any: it also bounds the work.
	everywhere = 400
)

// link is a neighbour of a sentence, with how much they share.
type link struct {
	to     int32
	weight float32
}

// Rank returns for each sentence how central it is, 0 to 1: one that shares words with many, which themselves do, is.
func Rank(sentences []prose.Sentence) []float64 {
	links := shared(sentences)
	n := len(sentences)
	if n == 0 {
		return nil
	}
	total := make([]float64, n)
	for i, of := range links {
		for _, l := range of {
			total[i] += float64(l.weight)
		}
	}
	rank := make([]float64, n)
	for i := range rank {
		rank[i] = 1
	}
	next := make([]float64, n)
	for range iterations {
		for i, of := range links {
			sum := 0.0
			for _, l := range of {
				sum += float64(l.weight) / total[l.to] * rank[l.to]
			}
			next[i] = 1 - damping + damping*sum
		}
		rank, next = next, rank
	}
	if most := slices.Max(rank); most > 0 {
		for i := range rank {
			rank[i] /= most
		}
	}
	return rank
}

// shared returns the links of every sentence: stems in common, over the logarithms of both lengths.
func shared(sentences []prose.Sentence) [][]link {
	at := index(sentences)
	links := make([][]link, len(sentences))
	common := make([]int32, len(sentences)) // stems in common with the present one
	var touched []int32
	for i := range sentences {
		for _, stem := range distinct(sentences[i].Stems) {
			where := at[stem]
			if len(where) > everywhere {
				continue
			}
			for _, j := range where {
				if int(j) == i {
					continue
				}
				if common[j] == 0 {
					touched = append(touched, j)
				}
				common[j]++
			}
		}
		own := make([]link, 0, len(touched))
		for _, j := range touched {
			length := math.Log(float64(1+len(sentences[i].Stems))) + math.Log(float64(1+len(sentences[j].Stems)))
			own = append(own, link{to: j, weight: float32(float64(common[j]) / length)})
			common[j] = 0
		}
		links[i], touched = own, touched[:0]
	}
	return links
}

// index returns the sentences in which each stem is.
func index(sentences []prose.Sentence) map[string][]int32 {
	at := make(map[string][]int32)
	for i := range sentences {
		for _, stem := range distinct(sentences[i].Stems) {
			at[stem] = append(at[stem], int32(i))
		}
	}
	return at
}

// distinct returns each stem once, in order of first appearance.
func distinct(stems []string) []string {
	out := make([]string, 0, len(stems))
	for _, s := range stems {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
