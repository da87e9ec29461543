package onnx

import (
	"fmt"
	"slices"

	"souffleur/diarize/cluster"
	"souffleur/diarize/voices"
)

// Bounds of a window, in samples.
const (
	MinWindow = rate * 4 / 10
	MaxWindow = 10 * rate
)

// maxBatch is how many windows go through the network together; more take more memory, and save little on one thread.
const maxBatch = 8

// Embedder turns windows of speech into unit vectors, by embedding.onnx. It is safe for concurrent use.
type Embedder struct {
	net        *network
	front      *Fbank
	mean       []float32 // taken off; nil: none
	id         string
	dim        int
	batched    bool // the network takes several windows at once
	thresholds *voices.Thresholds
}

// newEmbedder loads the network of a folder and lets it hear windows of two lengths.
func newEmbedder(f *Folder, slots chan struct{}) (*Embedder, error) {
	net, err := load(f.embedding, slots, []int64{1, -1, bands})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EmbeddingFile, err)
	}
	e := &Embedder{
		net: net, front: NewFbank(f.Embedding.Fbank.Window, f.Embedding.Fbank.Scale), mean: f.mean, thresholds: f.Thresholds,
		id: modelID(f.Embedding.SHA256), batched: net.input.shape[0] <= 0,
	}
	if e.mean != nil { // vectors of another mean do not compare
		e.id += "/" + f.Embedding.Mean.SHA256[:12]
	}
	if err := e.try(); err != nil {
		_ = net.close() // there is an error to tell already
		return nil, fmt.Errorf("%s: %w", EmbeddingFile, err)
	}
	return e, nil
}

// try learns the length of vectors from a first run, and hears windows as tracks have them: two lengths, two at once.
func (e *Embedder) try() error {
	window := hiss(16 * rate / 10)
	features := make([]float32, Frames(len(window))*bands)
	e.front.Bands(features, window)
	shape := []int64{1, int64(Frames(len(window))), bands}
	_, got, err := e.net.run(features, shape)
	if err != nil {
		return badModel(err)
	}
	if len(got) != 2 || got[0] != 1 || got[1] < 2 || got[1] > maxDim {
		return wrongShape(fmt.Errorf("%v comes out for one window, not one vector of 2 to %d numbers", got, maxDim))
	}
	if e.dim = int(got[1]); e.mean != nil && len(e.mean) != e.dim {
		return &Problem{
			BadDescription, fmt.Errorf("%s has %d numbers, and a vector %d", MeanFile, len(e.mean), e.dim),
			"Compute the mean with this very network, or take \"mean\" out of models.json.",
		}
	}
	vectors, err := e.Embed([][]float32{window, window, window[:rate]})
	if err != nil {
		return wrongShape(err)
	}
	if !slices.ContainsFunc(vectors[0], func(x float32) bool { return x != 0 }) {
		return wrongShape(fmt.Errorf("the vector of a window is zero"))
	}
	return nil
}

// hiss is sound that is not silence, the same each time.
func hiss(n int) []float32 {
	out := make([]float32, n)
	state := uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223 // Numerical Recipes' generator
		out[i] = (float32(state>>8)/(1<<24) - 0.5) / 10
	}
	return out
}

// Model returns "onnx:" and the SHA-256 of the network's file, and with a mean "/" and the beginning of its file's.
func (e *Embedder) Model() string { return e.id }

// Dim returns the length of a vector.
func (e *Embedder) Dim() int { return e.dim }

// Thresholds are what this embedder's cosines are compared with; nil if nobody measured any.
func (e *Embedder) Thresholds() *voices.Thresholds { return e.thresholds }

// Embed returns a unit vector for each window of 0.4 to 10 s: 16 kHz mono in [-1, 1], as loud as you like. Equal lengths in a row
// go through the network together. The error is [ErrSound], and no vector, for a window that is out of bounds; [ErrFailed] if the network fails.
func (e *Embedder) Embed(windows [][]float32) ([][]float32, error) {
	for _, w := range windows {
		if len(w) < MinWindow || len(w) > MaxWindow || !finite(w) {
			return nil, ErrSound
		}
	}
	out := make([][]float32, 0, len(windows))
	for len(windows) > 0 {
		n := 1
		for e.batched && n < len(windows) && n < maxBatch && len(windows[n]) == len(windows[0]) {
			n++
		}
		vectors, err := e.batch(windows[:n])
		if err != nil {
			return nil, err
		}
		out, windows = append(out, vectors...), windows[n:]
	}
	return out, nil
}

// batch embeds windows of one length.
func (e *Embedder) batch(windows [][]float32) ([][]float32, error) {
	n, frames := len(windows), Frames(len(windows[0]))
	features := make([]float32, n*frames*bands)
	for i, w := range windows {
		e.front.Bands(features[i*frames*bands:][:frames*bands], w)
	}
	all, err := e.net.answer(features, []int64{int64(n), int64(frames), bands}, []int64{int64(n), int64(e.dim)})
	if err != nil {
		return nil, err
	}
	out := make([][]float32, n)
	for i := range out {
		out[i] = slices.Clone(all[i*e.dim:][:e.dim])
		cluster.Normalise(out[i])
		if e.mean != nil {
			for k, m := range e.mean {
				out[i][k] -= m
			}
			cluster.Normalise(out[i])
		}
	}
	return out, nil
}
