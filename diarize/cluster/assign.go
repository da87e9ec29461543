package cluster

import "math"

// Assign returns, for each row of a matrix of gains, the column that it is given, -1 for none: no column twice, and the sum of
// the gains as large as can be (the Hungarian method in the form of shortest augmenting paths, O(n*n*n)). Rows are of equal
// length. A gain of zero or less is no reason to assign.
func Assign(gain [][]float64) []int {
	rows := len(gain)
	if rows == 0 {
		return nil
	}
	n := max(rows, len(gain[0]))
	cost := func(i, j int) float64 { // of a square matrix, filled up with zeros
		if i < rows && j < len(gain[i]) {
			return -max(gain[i][j], 0)
		}
		return 0
	}
	owner := make([]int, n+1) // row of each column, from 1; column 0 is where a search begins
	u, v := make([]float64, n+1), make([]float64, n+1)
	for i := 1; i <= n; i++ {
		augment(i, n, cost, owner, u, v)
	}
	out := make([]int, rows)
	for i := range out {
		out[i] = -1
	}
	for j := 1; j <= n; j++ {
		i := owner[j] - 1
		if i >= 0 && i < rows && j-1 < len(gain[i]) && gain[i][j-1] > 0 {
			out[i] = j - 1
		}
	}
	return out
}

// augment gives row i a column by the shortest path of reduced costs, and moves others on it.
func augment(i, n int, cost func(i, j int) float64, owner []int, u, v []float64) {
	owner[0] = i
	least, way, used := make([]float64, n+1), make([]int, n+1), make([]bool, n+1)
	for j := range least {
		least[j] = math.Inf(1)
	}
	j0 := 0
	for owner[j0] != 0 {
		used[j0] = true
		i0, delta, j1 := owner[j0], math.Inf(1), 0
		for j := 1; j <= n; j++ {
			if used[j] {
				continue
			}
			if c := cost(i0-1, j-1) - u[i0] - v[j]; c < least[j] {
				least[j], way[j] = c, j0
			}
			if least[j] < delta {
				delta, j1 = least[j], j
			}
		}
		for j := range used {
			if used[j] {
				u[owner[j]] += delta
				v[j] -= delta
			} else {
				least[j] -= delta
			}
		}
		j0 = j1
	}
	for j0 != 0 {
		owner[j0] = owner[way[j0]]
		j0 = way[j0]
	}
}
