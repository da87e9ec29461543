package cluster

import "math"

// Viterbi returns the likeliest sequence of states. scores[t][s] is the log-likelihood of what was seen at step t in state s;
// staying in a state is free, and a change costs change[t] more, before step t.
func Viterbi(scores [][]float64, change []float64) []int {
	if len(scores) == 0 {
		return nil
	}
	states := len(scores[0])
	from := make([][]int32, len(scores))
	total := append([]float64(nil), scores[0]...)
	for t := 1; t < len(scores); t++ {
		best, at := math.Inf(-1), 0
		for s, v := range total {
			if v > best {
				best, at = v, s
			}
		}
		from[t] = make([]int32, states)
		next := make([]float64, states)
		for s := range states {
			v, prev := total[s], s
			if other := best - change[t]; other > v {
				v, prev = other, at
			}
			next[s], from[t][s] = v+scores[t][s], int32(prev)
		}
		total = next
	}
	path := make([]int, len(scores))
	for s, v := range total {
		if v > total[path[len(path)-1]] {
			path[len(path)-1] = s
		}
	}
	for t := len(scores) - 1; t > 0; t-- {
		path[t-1] = int(from[t][path[t]])
	}
	return path
}
