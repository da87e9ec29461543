package onnx

import (
	"fmt"
	"math"
)

// What segmentation-3.0 of pyannote takes and gives.
const (
	SegmentSamples = 10 * rate
	SegmentFrames  = 589 // 270 samples apart
	Classes        = 7   // nobody; 1; 2; 3; 1 and 2; 1 and 3; 2 and 3
)

// Segmenter says who of up to three speakers is heard when in ten seconds of sound, by segmentation.onnx. It is safe for
// concurrent use.
type Segmenter struct {
	net    *network
	chance bool // the network gives probabilities; otherwise their logarithms, or scores whose softmax they are
}

// newSegmenter loads the network of a folder and lets it hear ten seconds.
func newSegmenter(f *Folder, slots chan struct{}) (*Segmenter, error) {
	net, err := load(f.segmentation, slots, []int64{-1, 1, SegmentSamples})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", SegmentationFile, err)
	}
	s := &Segmenter{net: net}
	raw, err := s.raw(hiss(SegmentSamples))
	if err != nil {
		_ = net.close() // there is an error to tell already
		return nil, fmt.Errorf("%s: %w", SegmentationFile, wrongShape(err))
	}
	s.chance = areChances(raw)
	return s, nil
}

func (s *Segmenter) raw(pcm []float32) ([]float32, error) {
	return s.net.answer(pcm, []int64{1, 1, SegmentSamples}, []int64{1, SegmentFrames, Classes})
}

// areChances says whether rows of classes are probabilities already.
func areChances(rows []float32) bool {
	for ; len(rows) >= Classes; rows = rows[Classes:] {
		sum := float32(0)
		for _, p := range rows[:Classes] {
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

// Segment takes 160,000 samples, 16 kHz mono in [-1, 1], and returns the probabilities of the 7 classes for each of 589 frames of 270
// samples. The error is [ErrSound] for other sound, [ErrFailed] if the network fails.
func (s *Segmenter) Segment(pcm []float32) ([][Classes]float32, error) {
	if len(pcm) != SegmentSamples || !finite(pcm) {
		return nil, ErrSound
	}
	raw, err := s.raw(pcm)
	if err != nil {
		return nil, err
	}
	out := make([][Classes]float32, SegmentFrames)
	for i := range out {
		copy(out[i][:], raw[i*Classes:])
		if !s.chance {
			softmax(&out[i])
		}
	}
	return out, nil
}

// softmax turns scores into probabilities. Logarithms of probabilities are such scores.
func softmax(v *[Classes]float32) {
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
