package cluster

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// around returns unit vectors near one direction of n.
func around(r *rand.Rand, axis, n int, spread float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(spread * r.NormFloat64())
	}
	v[axis]++
	return Unit(v)
}

func TestAverageLinkageIsThatOfTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var vectors [][]float32
	var weights []float32
	for i := range 40 {
		vectors = append(vectors, around(r, i%4, 16, 0.1))
		weights = append(weights, 1+float32(i%3))
	}
	members := make([][]int, 40, 80)
	for i := range members {
		members[i] = []int{i}
	}
	last := float32(0)
	for _, m := range Tree(vectors, weights) {
		var sum, weight float32
		for _, a := range members[m.A] {
			for _, b := range members[m.B] {
				sum += weights[a] * weights[b] * (1 - Dot(vectors[a], vectors[b]))
				weight += weights[a] * weights[b]
			}
		}
		if d := sum/weight - m.Distance; d > 1e-4 || d < -1e-4 || m.Distance < last-1e-5 {
			t.Fatalf("a merge at %v, not %v; the last was at %v", m.Distance, sum/weight, last)
		}
		last = m.Distance
		members = append(members, append(slices.Clone(members[m.A]), members[m.B]...))
	}
	labels := Cut(40, Tree(vectors, weights), func(_ Merge, groups int) bool { return groups > 4 })
	for i, l := range labels {
		if l != labels[i%4] || slices.Max(labels) != 3 {
			t.Fatalf("labels %v", labels)
		}
	}
}

func TestAssignFindsTheBestMapping(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		rows, columns := 1+r.IntN(5), 1+r.IntN(5)
		gain := make([][]float64, rows)
		for i := range gain {
			gain[i] = make([]float64, columns)
			for j := range gain[i] {
				gain[i][j] = float64(r.IntN(10) - 2)
			}
		}
		got, used := 0.0, map[int]bool{}
		for i, j := range Assign(gain) {
			if j < 0 {
				continue
			}
			if used[j] {
				t.Fatal("a column twice")
			}
			used[j] = true
			got += gain[i][j]
		}
		if want := best(gain, 0, map[int]bool{}); got != want {
			t.Fatalf("gain %v, best %v of %v", got, want, gain)
		}
	}
}

// best tries all mappings.
func best(gain [][]float64, row int, used map[int]bool) float64 {
	if row == len(gain) {
		return 0
	}
	most := best(gain, row+1, used)
	for j, g := range gain[row] {
		if !used[j] && g > 0 {
			used[j] = true
			most = max(most, g+best(gain, row+1, used))
			used[j] = false
		}
	}
	return most
}

func TestViterbiPassesOverASingleDoubt(t *testing.T) {
	scores := [][]float64{{2, 0}, {2, 0}, {0, 1}, {2, 0}, {0, 5}, {0, 5}}
	change := []float64{1.5, 1.5, 1.5, 1.5, 1.5, 1.5}
	if got := Viterbi(scores, change); !slices.Equal(got, []int{0, 0, 0, 0, 1, 1}) {
		t.Errorf("%v", got)
	}
}
