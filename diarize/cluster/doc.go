// Package cluster groups unit vectors by their cosine: what is left of "who spoke" once speech has become vectors. It knows
// nothing of sound or time.
//
// [Tree] builds the whole tree of average linkage; where it is cut is the caller's decision. [Viterbi] finds the likeliest
// sequence of groups, [Assign] the best one-to-one mapping.
package cluster

import "math"

// Dot returns the inner product of two vectors of equal length: of unit vectors, their cosine.
func Dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a) && i+4 <= len(b); i += 4 {
		x, y := (*[4]float32)(a[i:]), (*[4]float32)(b[i:])
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a) && i < len(b); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// Unit returns v at length one; zero stays zero.
func Unit(v []float32) []float32 {
	out := make([]float32, len(v))
	size := math.Sqrt(float64(Dot(v, v)))
	if size == 0 {
		return out
	}
	for i, x := range v {
		out[i] = x / float32(size)
	}
	return out
}

// Normalise makes v of length one in place; zero stays zero.
func Normalise(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
}

// Add adds weight times v to sum.
func Add(sum, v []float32, weight float32) {
	for i, x := range v {
		sum[i] += weight * x
	}
}
