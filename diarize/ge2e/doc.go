// Package ge2e turns speech into vectors that say whose voice it is: the GE2E encoder of Resemblyzer, in Go.
//
// The network (Wan et al. 2018, https://arxiv.org/abs/1710.10467, in the form of Resemblyzer 0.1.4) takes 40 mel bands of
// power every 10 ms, without a logarithm, through three LSTM layers of 256; the last state, a linear layer and a ReLU give 256
// numbers. Because of the ReLU all vectors lie in one corner of the space: a fixed mean over many other speakers is taken off,
// and only then they are compared, by their cosine. That mean belongs to [ModelID], so vectors of one ID compare, of two never.
//
// Start reading at [Embedder]. Package nn has the layers.
package ge2e

import "errors"

// ModelID is stored with every vector. It changes with the weights, the front end and the mean.
const ModelID = "ge2e/1"

// Dim is the length of a vector.
const Dim = 256

// Errors of this package.
var (
	ErrModel  = errors.New("not the weights of the GE2E speaker encoder")
	ErrWindow = errors.New("a window has 0.4 to 3.2 s of samples, all of them finite")
)
