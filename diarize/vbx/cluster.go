package vbx

import "math"

const (
	gone   = 1e-7 // prior below which a speaker is dropped
	enough = 1e-3 // gain of evidence below which it ends
)

// Cluster finds the speakers of vectors, which are in the order of time. groups has the group of each, from 0. Time is in
// proportion to vectors times dimensions times groups; 8 bytes are taken for each vector and group. The error is [ErrInput].
func Cluster(vectors [][]float32, m Model, groups []int, o Options) (Result, error) {
	speakers, err := check(vectors, m, groups, o)
	if err != nil || len(vectors) == 0 {
		return Result{}, err
	}
	h := newHMM(vectors, m, groups, speakers, o)
	var r Result
	for i := range o.Iterations {
		h.learn()
		h.forward(h.weights())
		h.backward()
		r.Evidence = append(r.Evidence, h.evidence())
		h.drop()
		if i > 0 && r.Evidence[i]-r.Evidence[i-1] < enough {
			break
		}
	}
	r.Posteriors, r.Priors = h.posterior, h.prior
	return r, nil
}

// hmm is what is known between steps. Rows of speakers that were dropped are left as they are, and nothing reads them.
type hmm struct {
	o      Options
	across []float64
	root   []float64 // of across, times the scale
	x      [][]float32
	fixed  float64   // what all speakers have in common in the log-likelihood of all vectors [23]
	prior  []float64 // of each speaker; 0: dropped
	// Who each speaker is, by dimension: a normal distribution.
	mean, variance [][]float64
	posterior      [][]float32 // on the way forward: given the vectors so far
	likely         [][]float32 // of each vector given each speaker, over its likelihood given the vectors before
	total          float64     // log-likelihood of all vectors
}

func newHMM(vectors [][]float32, m Model, groups []int, speakers int, o Options) *hmm {
	h := &hmm{o: o, across: m.Across, root: make([]float64, len(m.Across)), x: vectors, prior: make([]float64, speakers)}
	for d, a := range m.Across {
		h.root[d] = m.Scale * math.Sqrt(a)
	}
	h.mean, h.variance = rows[float64](speakers, len(m.Across)), rows[float64](speakers, len(m.Across))
	h.posterior, h.likely = rows[float32](len(vectors), speakers), rows[float32](len(vectors), speakers)
	for s := range h.prior {
		h.prior[s] = 1 / float64(speakers)
	}
	other := math.Exp(-o.Smoothing)
	sum := 1 + other*float64(speakers-1)
	for t, v := range vectors {
		for s := range h.posterior[t] {
			h.posterior[t][s] = float32(other / sum)
		}
		h.posterior[t][groups[t]] = float32(1 / sum)
		for _, x := range v {
			y := m.Scale * float64(x)
			h.fixed -= 0.5 * (y*y + math.Log(2*math.Pi))
		}
	}
	return h
}

// rows are n rows in one piece of memory.
func rows[T any](n, width int) [][]T {
	all, out := make([]T, n*width), make([][]T, n)
	for i := range out {
		out[i] = all[i*width:][:width:width]
	}
	return out
}

// learn finds who the speakers are, given which vectors are theirs [16, 17].
func (h *hmm) learn() {
	scale := h.o.Fa / h.o.Fb
	for s, p := range h.prior {
		if p == 0 {
			continue
		}
		mean, variance := h.mean[s], h.variance[s]
		clear(mean)
		count := 0.0
		for t, v := range h.x {
			q := float64(h.posterior[t][s])
			if q < 1e-9 {
				continue // most are: it would change nothing
			}
			count += q
			for d, x := range v {
				mean[d] += q * float64(x)
			}
		}
		for d, a := range h.across {
			variance[d] = 1 / (1 + scale*count*a)
			mean[d] *= scale * variance[d] * h.root[d]
		}
	}
}

// weights are what the log-likelihood of a vector is, for each speaker: their product with it, less a constant [23].
func (h *hmm) weights() (weights [][]float64, less []float64) {
	weights, less = rows[float64](len(h.prior), len(h.across)), make([]float64, len(h.prior))
	for s, p := range h.prior {
		if p == 0 {
			continue
		}
		for d, a := range h.across {
			mean := h.mean[s][d]
			weights[s][d] = h.root[d] * mean
			less[s] += 0.5 * a * (h.variance[s][d] + mean*mean)
		}
	}
	return weights, less
}

// forward finds how likely each speaker is given the vectors so far [20], in place of logarithms over the likelihood of each
// vector, so that the way back needs no scale of its own.
func (h *hmm) forward(weights [][]float64, less []float64) {
	h.total = h.o.Fa * h.fixed
	likely, joint := make([]float64, len(h.prior)), make([]float64, len(h.prior))
	for t, v := range h.x {
		most := math.Inf(-1)
		for s, p := range h.prior {
			if p > 0 {
				likely[s] = h.o.Fa * (dot(v, weights[s]) - less[s])
				most = max(most, likely[s])
			}
		}
		sum := 0.0
		for s, p := range h.prior {
			if p == 0 {
				continue
			}
			likely[s] = math.Exp(likely[s] - most)
			before := p
			if t > 0 {
				before = h.o.Loop*float64(h.posterior[t-1][s]) + (1-h.o.Loop)*p
			}
			joint[s] = before * likely[s]
			sum += joint[s]
		}
		for s, p := range h.prior {
			if p > 0 {
				h.posterior[t][s], h.likely[t][s] = float32(joint[s]/sum), float32(likely[s]/sum)
			}
		}
		h.total += math.Log(sum) + most
	}
}

func dot(v []float32, w []float64) float64 {
	sum := 0.0
	for d, x := range v {
		sum += float64(x) * w[d]
	}
	return sum
}

// backward finds the posteriors given all vectors [19, 21] and the priors [24].
func (h *hmm) backward() {
	n := len(h.prior)
	back := make([]float64, n) // how much likelier what follows is given the speaker
	for s := range back {
		back[s] = 1
	}
	ahead, choices := make([]float64, n), make([]float64, n)
	for t := len(h.x) - 1; t >= 0; t-- {
		any := 0.0
		for s, p := range h.prior {
			if p == 0 {
				continue
			}
			h.posterior[t][s] = float32(float64(h.posterior[t][s]) * back[s])
			ahead[s] = float64(h.likely[t][s]) * back[s]
			any += p * ahead[s]
			if t > 0 {
				choices[s] += (1 - h.o.Loop) * p * ahead[s]
			} else {
				choices[s] += float64(h.posterior[t][s])
			}
		}
		for s := range back {
			back[s] = h.o.Loop*ahead[s] + (1-h.o.Loop)*any
		}
	}
	h.setPrior(choices)
}

// setPrior makes priors of parts.
func (h *hmm) setPrior(parts []float64) {
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	for s, p := range parts {
		h.prior[s] = p / sum
	}
}

// evidence is the bound that no iteration lowers [25].
func (h *hmm) evidence() float64 {
	out := h.total
	for s, p := range h.prior {
		if p == 0 {
			continue
		}
		for d, v := range h.variance[s] {
			out += h.o.Fb * 0.5 * (math.Log(v) - v - h.mean[s][d]*h.mean[s][d] + 1)
		}
	}
	return out
}

// drop leaves out the speakers whom nothing needs.
func (h *hmm) drop() {
	kept := make([]float64, len(h.prior))
	for s, p := range h.prior {
		if p >= gone {
			kept[s] = p
			continue
		}
		for t := range h.x {
			h.posterior[t][s] = 0
		}
	}
	h.setPrior(kept)
}
