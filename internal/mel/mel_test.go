package mel

import (
	"math"
	"testing"
)

// Values of librosa.filters.mel(sr=16000, n_fft=400, n_mels=80), as OpenAI published them with Whisper.
func TestMelFiltersAreThoseOfWhisper(t *testing.T) {
	filters := Filters(80)
	for _, c := range []struct {
		band, bin int
		want      float64
	}{
		{0, 0, 0},
		{0, 1, 0.02486259490251541},
		{1, 1, 0.001990821911022067},
		{1, 2, 0.022871771827340126},
		{40, 43, 0.014735566452145576},
		{79, 199, 0.0004487590049393475},
	} {
		got := float64(filters[c.band*Bins+c.bin])
		if math.Abs(got-c.want) > 2e-9 {
			t.Errorf("band %d, bin %d: %v, want %v", c.band, c.bin, got, c.want)
		}
	}
}

// The hash of a converted model covers the filters, so their last bit must not depend on the machine's maths library.
func TestMelFiltersDoNotDependOnTheLastBitsOfTheirEdges(t *testing.T) {
	for _, n := range []int{80, 128} {
		want := Filters(n)
		for _, shift := range []float64{-1e-15, -2e-16, 2e-16, 1e-15} {
			edges := melEdges(n)
			for i := range edges {
				edges[i] *= 1 + shift*float64(i%3)
			}
			for i, got := range filtersBetween(edges) {
				if got != want[i] {
					t.Fatalf("%d bands, edges off by %g: weight %d is %v, not %v", n, shift, i, got, want[i])
				}
			}
		}
	}
}
