// Package pyannet says who of up to three speakers is heard when in a few seconds of sound, with two of them at once: the
// network segmentation-3.0 of pyannote.audio, in Go.
//
// The network (Plaquet and Bredin 2023, https://arxiv.org/abs/2310.13025; PyanNet of pyannote.audio 3) takes the samples through
// band-pass filters (SincNet, Ravanelli and Bengio 2018) and two convolutions to 59 frames a second, and these through four
// LSTM layers in both directions to the probabilities of seven classes. Which speaker is the first, second or third is chosen
// anew for each call: only within one call a number means a person.
//
// Start reading at [Net.Segment]. Package nn has the layers.
package pyannet

import (
	"errors"
	"math"
)

// Shapes.
const (
	Rate    = 16000     // hertz
	Window  = 10 * Rate // samples that the network was trained on
	Classes = 7         // nobody; 1; 2; 3; 1 and 2; 1 and 3; 2 and 3
	Step    = 270       // samples from frame to frame
	// Reach is how many samples a frame looks at; frame i looks at those from i times Step on.
	Reach = 991
)

// ModelID names these weights.
const ModelID = "pyannet/1"

// Errors of this package.
var (
	ErrModel  = errors.New("not the weights of the segmentation network")
	ErrWindow = errors.New("a window has 1 to 10 s of samples, all of them finite")
)

// Frames is how many frames a window of samples has.
func Frames(samples int) int {
	for _, l := range []struct{ kernel, stride int }{{251, 10}, {3, 3}, {5, 1}, {3, 3}, {5, 1}, {3, 3}} {
		samples = (samples-l.kernel)/l.stride + 1
	}
	return samples
}

// slope is that of leaky ReLUs below zero.
const slope = 0.01

func leaky(x float32) float32 { return max(x, slope*x) }

// softmax turns logits into probabilities.
func softmax(logits []float32) (out [Classes]float32) {
	top, sum := logits[0], 0.0
	for _, v := range logits[:Classes] {
		top = max(top, v)
	}
	var e [Classes]float64
	for i, v := range logits[:Classes] {
		e[i] = math.Exp(float64(v - top))
		sum += e[i]
	}
	for i := range out {
		out[i] = float32(e[i] / sum)
	}
	return out
}
