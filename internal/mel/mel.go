// Package mel computes the filters that turn a power spectrum into mel bands, as speech models were trained with: Whisper's
// 80 or 128, GE2E's 40.
package mel

import "math"

// Bins is the length of the spectrum that all filters are for: 16 kHz audio, Fourier transform of 400 samples.
const Bins = 201 // 400/2 + 1

const (
	melMaxHertz = 8000
	binHertz    = 40.0
)

// Filters returns n triangular filters of Bins weights each: Slaney's mel scale and area norm, 0 to 8 kHz, as
// librosa.filters.mel computes them and OpenAI trained with.
func Filters(n int) []float32 { return filtersBetween(melEdges(n)) }

// melEdges returns where n filters begin, peak and end, in hertz: each begins where the one before it peaks.
func melEdges(n int) []float64 {
	edges := make([]float64, n+2)
	for i := range edges {
		edges[i] = melToHertz(hertzToMel(melMaxHertz) * float64(i) / float64(n+1))
	}
	return edges
}

func filtersBetween(edges []float64) []float32 {
	n := len(edges) - 2
	filters := make([]float32, n*Bins)
	for i := range n {
		low, peak, high := edges[i], edges[i+1], edges[i+2]
		norm := 2 / (high - low)
		for bin := range Bins {
			hertz := binHertz * float64(bin)
			weight := min((hertz-low)/(peak-low), (high-hertz)/(high-peak))
			filters[i*Bins+bin] = float32(norm * max(0, weight))
		}
	}
	return filters
}

// Slaney's scale is linear up to 1 kHz, 15 mels, and logarithmic above.
const (
	melHertz    = 200.0 / 3
	logMel      = 15.0
	logMelHertz = 1000.0
)

var melLogStep = math.Log(6.4) / 27

func hertzToMel(hertz float64) float64 {
	if hertz < logMelHertz {
		return hertz / melHertz
	}
	return logMel + math.Log(hertz/logMelHertz)/melLogStep
}

func melToHertz(mel float64) float64 {
	if mel < logMel {
		return mel * melHertz
	}
	return logMelHertz * math.Exp(melLogStep*(mel-logMel))
}
