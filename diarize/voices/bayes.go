package voices

import (
	"math"
	"slices"

	"souffleur/diarize/cluster"
	"souffleur/diarize/vbx"
)

// believed are the options of VBx that no embedder changes, tuned as the rest of [tuning] was, on rooms of 30 s to 40 minutes.
var believed = vbx.Options{Loop: 0.8, Smoothing: 7, Iterations: 20}

// cheaper is how many costs of a speaker are tried until there are as many as the headcount, each a quarter of the one before.
const cheaper = 3

// maxSeeds bounds the groups that VBx begins with, so that five hours take 9 MB: the largest are kept.
const maxSeeds = 32

// bayes replaces groups that may be too many, of which only centroids are known, by the speakers that the windows need. It reports
// false, and changes nothing, where these are fewer than the headcount or vectors are no numbers.
func (g *grouping) bayes(windows []window, headcount int) bool {
	vectors, groups := make([][]float32, len(windows)), make([]int, len(windows))
	for i := range windows {
		vectors[i] = windows[i].vec
		groups[i] = closest(windows[i].vec, g.centroids)
	}
	dim := len(windows[0].vec)
	model := vbx.EvenModel(dim, g.tuned.within/float64(dim), g.tuned.between/float64(dim))
	// A voice is no normal distribution, so the longer it is heard the more it seems to be two: what a speaker costs rises with the
	// length. One cost for all lengths either misses people in half a minute or splits them in an hour.
	options := believed
	options.Fa, options.Fb = g.tuned.fa, g.tuned.fb
	options.Fb *= math.Sqrt(float64(len(windows)))
	for range cheaper {
		r, err := vbx.Cluster(vectors, model, groups, options)
		if err != nil {
			return false
		}
		if labels, count := inOrder(r.Labels()); count >= headcount {
			g.labels, g.count = labels, count
			g.settle(windows)
			return true
		}
		options.Fb /= 4
	}
	return false
}

// inOrder numbers labels in the order in which they are heard.
func inOrder(labels []int) (out []int, count int) {
	var known []int
	out = make([]int, len(labels))
	for i, l := range labels {
		k := slices.Index(known, l)
		if k < 0 {
			k, known = len(known), append(known, l)
		}
		out[i] = k
	}
	return out, len(known)
}

// closest is the centroid that v is nearest to.
func closest(v []float32, centroids [][]float32) int {
	best, most := 0, float32(-2)
	for k, c := range centroids {
		if cosine := cluster.Dot(v, c); cosine > most {
			best, most = k, cosine
		}
	}
	return best
}
