// Package vbx decides how many people speak in a row of speaker vectors, and which vector is whose: Bayesian clustering by a
// hidden Markov model whose states are speakers (Landini, Profant, Diez, Burget: Bayesian HMM clustering of x-vector sequences
// (VBx) in speaker diarization, Computer Speech & Language 71, 2022, https://arxiv.org/abs/2012.14952; numbers in brackets are
// its equations).
//
// It begins at groups that the caller found, which may be too many: a speaker whom nothing needs loses all vectors and is
// dropped. What a group is worth depends on how much vectors vary within a speaker and between speakers, which a [Model] says.
//
// Start reading at [Cluster].
package vbx

import (
	"errors"
	"math"
	"slices"
)

// Model says how vectors vary (PLDA with two covariances): around zero between speakers, around their speaker within one, and
// in each dimension without regard to the others. Where that is not so, vectors are to be centred, whitened and turned first.
type Model struct {
	// Across is the variance between speakers in each dimension, where that within a speaker is one.
	Across []float64
	// Scale is what vectors are to be multiplied by so that it is one.
	Scale float64
}

// EvenModel is a model whose dimensions are all alike, of vectors whose variance in each is within a speaker and between speakers
// as given.
func EvenModel(dim int, within, between float64) Model {
	return Model{Across: slices.Repeat([]float64{between / within}, dim), Scale: 1 / math.Sqrt(within)}
}

// Options are what is believed before a vector is seen.
type Options struct {
	// Fa scales what a vector says. Vectors of windows that overlap are no independent witnesses, so it is below 1.
	Fa float64
	// Fb scales what a speaker costs: more of it leaves fewer speakers.
	Fb float64
	// Loop is the part of vectors behind which there is no choice of speaker: the next is of the same.
	Loop float64
	// Smoothing is how far the caller's groups are believed at first: the likelihood of others is exp(-Smoothing) of theirs.
	Smoothing float64
	// Iterations at most. It ends earlier where nothing changes any more.
	Iterations int
}

// Result is who said what.
type Result struct {
	// Posteriors[t][s] is how likely vector t is of speaker s. Speakers have the numbers of the caller's groups; one that was
	// dropped has zeros.
	Posteriors [][]float32
	// Priors is each speaker's part of all choices; zero for one that was dropped.
	Priors []float64
	// Evidence is the lower bound of the log-likelihood after each iteration [25]. It does not fall.
	Evidence []float64
}

// Labels returns the likeliest speaker of each vector.
func (r Result) Labels() []int {
	out := make([]int, len(r.Posteriors))
	for t, row := range r.Posteriors {
		for s, p := range row {
			if p > row[out[t]] {
				out[t] = s
			}
		}
	}
	return out
}

// ErrInput is for vectors, groups, models and options that do not fit together or are not finite.
var ErrInput = errors.New("vectors that VBx cannot cluster")
