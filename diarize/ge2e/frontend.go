package ge2e

import (
	"math"

	"souffleur/diarize/nn"
	"souffleur/internal/mel"
)

// The front end of Resemblyzer's audio.py and hparams.py.
const (
	Rate     = 16000 // hertz
	hop      = 160   // samples between frames
	frameLen = 400   // samples of a frame, and of the Fourier transform
	bands    = 40
	padding  = frameLen / 2 // zeros before and behind a window: frames are centred
)

// frontEnd computes mel bands. It is fixed once made.
type frontEnd struct {
	transform *nn.Matrix // the periodic Hann window, then cosines and sines: bin i's stand at 2i and 2i+1
	filters   [bands]filter
}

// filter is one mel band: weights of the bins from first on.
type filter struct {
	first   int
	weights []float32
}

func newFrontEnd() *frontEnd {
	f := &frontEnd{transform: nn.NewMatrix(frameLen, 2*mel.Bins, func(i, j int) float32 {
		window := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/frameLen)
		sin, cos := math.Sincos(2 * math.Pi * float64(i*(j/2)%frameLen) / frameLen)
		if j%2 == 0 {
			return float32(window * cos)
		}
		return float32(window * sin)
	})}
	all := mel.Filters(bands)
	for b := range f.filters {
		row := all[b*mel.Bins:][:mel.Bins]
		first, end := 0, mel.Bins
		for row[first] == 0 {
			first++
		}
		for row[end-1] == 0 {
			end--
		}
		f.filters[b] = filter{first, row[first:end]}
	}
	return f
}

// frames is how many frames a window of samples has.
func frames(samples int) int { return samples / hop }

// bandsOf writes the bands of each frame of pcm to out, frame t at out[t*step:]. The last frame of librosa's, which is centred
// behind the window, is left out, as the reference does.
func (f *frontEnd) bandsOf(out []float32, step int, pcm []float32, s *scratch) {
	n, width := frames(len(pcm)), f.transform.Width()
	s.padded = append(s.padded[:0], make([]float32, padding)...)
	s.padded = append(append(s.padded, pcm...), make([]float32, padding)...)
	spectrum := nn.Resize(s.spectrum, n*width)
	clear(spectrum)
	f.transform.AddEvery(spectrum, s.padded, hop, n)
	s.spectrum = spectrum
	for t := range n {
		f.frame(out[t*step:][:bands], spectrum[t*width:][:2*mel.Bins])
	}
}

// frame sums the power of a spectrum's bins by bands.
func (f *frontEnd) frame(out, spectrum []float32) {
	for b := range f.filters {
		sum := float32(0)
		for i, w := range f.filters[b].weights {
			re, im := spectrum[2*(f.filters[b].first+i)], spectrum[2*(f.filters[b].first+i)+1]
			sum += w * (re*re + im*im)
		}
		out[b] = sum
	}
}
