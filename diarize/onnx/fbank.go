package onnx

import (
	"math"
	"sync"

	"souffleur/diarize/nn"
)

// Kaldi's compute-fbank-feats as speaker embedders were trained with it: 16 kHz, 25 ms every 10 ms, no dither, 80 bands.
const (
	rate     = 16000 // hertz
	frameLen = 400   // samples
	frameHop = 160
	fftLen   = 512
	bins     = fftLen / 2 // Kaldi leaves out the one at 8 kHz
	bands    = 80
	lowest   = 20.0 // hertz, where the first band begins
	preemph  = 0.97
)

// epsilon is the least energy of a band: that of float32, as in Kaldi.
const epsilon = 1.1920929e-07

// Window is the shape by which a frame is weighted.
type Window string

// The windows. Which one an embedder was trained with stands in its recipe.
const (
	Hamming Window = "hamming" // WeSpeaker
	Povey   Window = "povey"   // Kaldi's default, and 3D-Speaker's
)

// Scale is how large samples are.
type Scale string

// The scales. Both give the same bands but for the softest, because a constant factor goes with the mean.
const (
	Int16 Scale = "int16" // -32768 to 32767
	Unit  Scale = "unit"  // -1 to 1
)

// Fbank is a front end: log mel energies of frames, less their mean over the window. It is fixed once made.
type Fbank struct {
	transform *nn.Matrix // of a frame of samples to its spectrum: bin i's cosine and sine stand at 2i and 2i+1
	filters   [bands]band
	gain      float32
	spectra   sync.Pool // *[]float32
}

// band is a triangle over the bins from first on.
type band struct {
	first   int
	weights []float32
}

// NewFbank makes a front end. Its bands are those of Kaldi with dither 0, "snip edges" and a power spectrum, natural logarithm.
func NewFbank(w Window, s Scale) *Fbank {
	f := &Fbank{transform: frameTransform(w), filters: melBands(), gain: 1}
	f.spectra.New = func() any { return new([]float32) }
	if s == Int16 {
		f.gain = 32768
	}
	return f
}

// Frames is how many frames that many samples have.
func Frames(samples int) int {
	if samples < frameLen {
		return 0
	}
	return 1 + (samples-frameLen)/frameHop
}

// Bands writes the bands of all frames of pcm, 80 each, to out, which has room for [Frames] of them: 16 kHz mono in [-1, 1].
func (f *Fbank) Bands(out, pcm []float32) {
	n, width := Frames(len(pcm)), f.transform.Width()
	buffer := f.spectra.Get().(*[]float32)
	defer f.spectra.Put(buffer)
	*buffer = nn.Resize(*buffer, n*width)
	spectra := *buffer
	clear(spectra)
	f.transform.AddEvery(spectra, pcm, frameHop, n)
	power := f.gain * f.gain
	for t := range n {
		spectrum := spectra[t*width:][:2*bins]
		for b := range f.filters {
			sum := float32(0)
			for i, w := range f.filters[b].weights {
				re, im := spectrum[2*(f.filters[b].first+i)], spectrum[2*(f.filters[b].first+i)+1]
				sum += w * (re*re + im*im)
			}
			out[t*bands+b] = float32(math.Log(float64(max(power*sum, epsilon))))
		}
	}
	subtractMean(out[:n*bands])
}

// subtractMean takes the mean over all frames off each band.
func subtractMean(frames []float32) {
	n := len(frames) / bands
	for b := range bands {
		sum := 0.0
		for t := range n {
			sum += float64(frames[t*bands+b])
		}
		mean := float32(sum / float64(max(n, 1)))
		for t := range n {
			frames[t*bands+b] -= mean
		}
	}
}

// frameTransform is what Kaldi does with a frame, in one matrix, because all of it is linear: the frame's mean is taken off,
// neighbours are subtracted (pre-emphasis), the window is laid over, and a Fourier transform of 512 points is taken.
func frameTransform(w Window) *nn.Matrix {
	shape := windowShape(w)
	wave := func(i, j int) float64 {
		if i >= frameLen {
			return 0
		}
		sin, cos := math.Sincos(2 * math.Pi * float64(i*(j/2)%fftLen) / fftLen)
		if j%2 == 0 {
			return shape[i] * cos
		}
		return shape[i] * sin
	}
	emphasised := func(i, j int) float64 {
		own := 1.0
		if i == 0 {
			own -= preemph // the sample before the first is the first
		}
		return own*wave(i, j) - preemph*wave(i+1, j)
	}
	mean := make([]float64, 2*bins)
	for j := range mean {
		for i := range frameLen {
			mean[j] += emphasised(i, j) / frameLen
		}
	}
	return nn.NewMatrix(frameLen, 2*bins, func(i, j int) float32 { return float32(emphasised(i, j) - mean[j]) })
}

// windowShape is the weight of each sample of a frame; both windows are symmetric.
func windowShape(w Window) []float64 {
	out := make([]float64, frameLen)
	for i := range out {
		cos := math.Cos(2 * math.Pi * float64(i) / (frameLen - 1))
		if out[i] = 0.54 - 0.46*cos; w == Povey {
			out[i] = math.Pow(0.5-0.5*cos, 0.85)
		}
	}
	return out
}

// melBands are triangles of equal width on the scale 1127 ln(1 + f/700), from 20 Hz to 8 kHz.
func melBands() (out [bands]band) {
	mel := func(hertz float64) float64 { return 1127 * math.Log(1+hertz/700) }
	low := mel(lowest)
	step := (mel(rate/2) - low) / (bands + 1)
	for b := range out {
		left := low + float64(b)*step
		for i := range bins {
			at := (mel(float64(i)*rate/fftLen) - left) / step
			if weight := min(at, 2-at); weight > 0 {
				if out[b].weights == nil {
					out[b].first = i
				}
				out[b].weights = append(out[b].weights, float32(weight))
			}
		}
	}
	return out
}
