package cluster

// Viterbi returns the likeliest sequence of states. scores[t][s] is the log-likelihood of what was seen at step t in state s;
// before step t a change of state costs change[t], which may be negative: then it is staying that costs.
func Viterbi(scores [][]float64, change []float64) []int {
	if len(scores) == 0 {
		return nil
	}
	states := len(scores[0])
	back := make([][]int32, len(scores))
	total := append([]float64(nil), scores[0]...)
	for t := 1; t < len(scores); t++ {
		best, second := topTwo(total)
		back[t] = make([]int32, states)
		next := make([]float64, states)
		for s := range states {
			v, prev, from := total[s], s, best
			if from == s {
				from = second
			}
			if from >= 0 && total[from]-change[t] > v {
				v, prev = total[from]-change[t], from
			}
			next[s], back[t][s] = v+scores[t][s], int32(prev)
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
		path[t-1] = int(back[t][path[t]])
	}
	return path
}

// topTwo are where the largest and the second largest value stand; -1 where there is none.
func topTwo(values []float64) (first, second int) {
	first, second = -1, -1
	for i, v := range values {
		switch {
		case first < 0 || v > values[first]:
			first, second = i, first
		case second < 0 || v > values[second]:
			second = i
		}
	}
	return first, second
}
