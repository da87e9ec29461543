package cluster

import (
	"cmp"
	"slices"
)

// MaxVectors bounds a tree: its half matrix takes 2*n*n bytes, 18 MB at most.
const MaxVectors = 3000

// Merge joins two groups at a distance. Groups 0 to n-1 are the vectors; merge k makes group n+k.
type Merge struct {
	A, B     int
	Distance float32 // 1 minus the mean cosine between the groups
}

// Tree returns the n-1 merges of average linkage, in the order of their distance. Vectors are of unit length, weights
// positive: a vector of weight 2 counts as two. It takes O(n*n) time by chains of nearest neighbours (Murtagh 1983) and
// n*n/2 float32. More than [MaxVectors] vectors are a mistake of the caller.
func Tree(vectors [][]float32, weights []float32) []Merge {
	if len(vectors) > MaxVectors {
		panic("cluster: more than MaxVectors vectors")
	}
	if len(vectors) < 2 {
		return nil
	}
	t := newTree(vectors, weights)
	for len(t.merges) < len(vectors)-1 {
		t.follow()
	}
	return t.ordered(len(vectors))
}

// tree is a tree under construction. A group lives in the row of one of its vectors.
type tree struct {
	half   []float32 // distances: row i has those to 0 … i-1
	weight []float32
	alive  []bool
	chain  []int
	merges []Merge // between rows, in the order found
}

func newTree(vectors [][]float32, weights []float32) *tree {
	n := len(vectors)
	t := &tree{half: make([]float32, n*(n-1)/2), weight: slices.Clone(weights), alive: make([]bool, n)}
	for i := range vectors {
		t.alive[i] = true
		for j := range i {
			*t.at(i, j) = 1 - Dot(vectors[i], vectors[j])
		}
	}
	return t
}

func (t *tree) at(i, j int) *float32 {
	if i < j {
		i, j = j, i
	}
	return &t.half[i*(i-1)/2+j]
}

// follow goes from neighbour to nearest neighbour until two are each other's, and merges them. Ties go to the one before in the
// chain, then to the lower row, so the chain ends.
func (t *tree) follow() {
	if len(t.chain) == 0 {
		t.chain = append(t.chain, slices.Index(t.alive, true))
	}
	for {
		last := t.chain[len(t.chain)-1]
		before := -1
		best, distance := -1, float32(0)
		if len(t.chain) > 1 {
			before = t.chain[len(t.chain)-2]
			best, distance = before, *t.at(last, before)
		}
		for j, alive := range t.alive {
			if alive && j != last && (best < 0 || *t.at(last, j) < distance) {
				best, distance = j, *t.at(last, j)
			}
		}
		if best == before {
			t.chain = t.chain[:len(t.chain)-2]
			t.merge(last, before, distance)
			return
		}
		t.chain = append(t.chain, best)
	}
}

// merge puts the group of row b into that of row a (Lance and Williams' formula for the mean).
func (t *tree) merge(a, b int, distance float32) {
	t.merges = append(t.merges, Merge{a, b, distance})
	t.alive[b] = false
	wa, wb := t.weight[a], t.weight[b]
	for j, alive := range t.alive {
		if alive && j != a {
			d := t.at(a, j)
			*d = (wa**d + wb**t.at(b, j)) / (wa + wb)
		}
	}
	t.weight[a] += wb
}

// ordered sorts the merges and names groups instead of rows.
func (t *tree) ordered(n int) []Merge {
	slices.SortStableFunc(t.merges, func(a, b Merge) int { return cmp.Compare(a.Distance, b.Distance) })
	group := make([]int, n) // of each row; rows are joined below as sets
	for i := range group {
		group[i] = i
	}
	parent := slices.Clone(group)
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	out := make([]Merge, len(t.merges))
	for k, m := range t.merges {
		a, b := find(m.A), find(m.B)
		out[k] = Merge{group[a], group[b], m.Distance}
		parent[b] = a
		group[a] = n + k
	}
	return out
}

// Cut returns the group of each of n vectors, numbered from 0 in the order of their first vector, after those merges for which
// apply is true; apply is asked with how many groups there are before the merge. It stops at the first merge not applied.
func Cut(n int, merges []Merge, apply func(m Merge, groups int) bool) []int {
	parent := make([]int, n+len(merges))
	for i := range parent {
		parent[i] = i
	}
	groups := n
	for k, m := range merges {
		if !apply(m, groups) {
			break
		}
		parent[m.A], parent[m.B] = n+k, n+k
		groups--
	}
	labels := make([]int, n)
	names := map[int]int{}
	for i := range labels {
		root := i
		for parent[root] != root {
			root = parent[root]
		}
		if _, known := names[root]; !known {
			names[root] = len(names)
		}
		labels[i] = names[root]
	}
	return labels
}
