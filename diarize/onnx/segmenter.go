package onnx

import (
	"fmt"
	"math"

	"souffleur/diarize/pyannet"
)

// Segmenter says who of up to three speakers is heard when in some seconds of sound, by segmentation.onnx: an export of
// segmentation-3.0, or a network that gives the same classes in the same frames. It is safe for concurrent use.
type Segmenter struct {
	net    *network
	id     string
	fixed  bool // the network takes windows of 10 s only
	chance bool // it gives probabilities; otherwise their logarithms, or scores whose softmax they are
}

// leastSound is the shortest window, in samples.
const leastSound = pyannet.Rate

// newSegmenter loads the network of a folder and lets it hear windows of two lengths.
func newSegmenter(f *Folder, slots chan struct{}) (*Segmenter, error) {
	net, err := load(f.segmentation, slots, []int64{1, 1, pyannet.Window})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", SegmentationFile, err)
	}
	s := &Segmenter{net: net, id: modelID(f.Segmentation.SHA256), fixed: net.input.shape[2] > 0}
	raw, err := s.raw(hiss(pyannet.Window))
	if err == nil {
		s.chance = areChances(raw)
		_, err = s.Segment(hiss(leastSound))
	}
	if err != nil {
		_ = net.close() // there is an error to tell already
		return nil, fmt.Errorf("%s: %w", SegmentationFile, wrongShape(err))
	}
	return s, nil
}

// Model returns "onnx:" and the SHA-256 of the network's file.
func (s *Segmenter) Model() string { return s.id }

// raw runs the network, and returns a row of classes for each frame.
func (s *Segmenter) raw(pcm []float32) ([]float32, error) {
	n := int64(len(pcm))
	return s.net.answer(pcm, []int64{1, 1, n}, []int64{1, int64(pyannet.Frames(len(pcm))), pyannet.Classes})
}

// areChances says whether rows of classes are probabilities already.
func areChances(rows []float32) bool {
	for ; len(rows) >= pyannet.Classes; rows = rows[pyannet.Classes:] {
		sum := float32(0)
		for _, p := range rows[:pyannet.Classes] {
			if p < 0 {
				return false
			}
			sum += p
		}
		if sum < 0.99 || sum > 1.01 {
			return false
		}
	}
	return true
}

// Segment takes 1 to 10 s of samples, 16 kHz mono in [-1, 1], and returns the probabilities of the classes for each frame, as
// [pyannet.Net.Segment] does: 589 frames for 160,000 samples. The error is [ErrSound] for other sound, [ErrFailed] if the network fails.
func (s *Segmenter) Segment(pcm []float32) ([][pyannet.Classes]float32, error) {
	if len(pcm) < leastSound || len(pcm) > pyannet.Window || !finite(pcm) {
		return nil, ErrSound
	}
	heard := pcm
	if s.fixed && len(pcm) < pyannet.Window {
		heard = append(make([]float32, 0, pyannet.Window), pcm...)[:pyannet.Window]
	}
	raw, err := s.raw(heard)
	if err != nil {
		return nil, err
	}
	out := make([][pyannet.Classes]float32, pyannet.Frames(len(pcm)))
	for i := range out {
		copy(out[i][:], raw[i*pyannet.Classes:])
		if !s.chance {
			softmax(&out[i])
		}
	}
	return out, nil
}

// softmax turns scores into probabilities. Logarithms of probabilities are such scores.
func softmax(v *[pyannet.Classes]float32) {
	most, sum := v[0], float32(0)
	for _, x := range v {
		most = max(most, x)
	}
	for i, x := range v {
		v[i] = float32(math.Exp(float64(x - most)))
		sum += v[i]
	}
	for i := range v {
		v[i] /= sum
	}
}
