package recording

import (
	"math"
	"math/rand/v2"
	"testing"
)

// resampled brings pcm to 16 kHz in pieces of random length.
func resampled(pcm []float32, rate int) []float32 {
	r := newResampler(rate)
	random := rand.New(rand.NewPCG(1, uint64(rate)))
	for len(pcm) > 0 {
		n := min(1+random.IntN(5000), len(pcm))
		r.push(pcm[:n])
		pcm = pcm[n:]
	}
	return r.flush()
}

func sine(rate int, hz, seconds float64) []float32 {
	pcm := make([]float32, int(seconds*float64(rate)))
	for i := range pcm {
		pcm[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return pcm
}

var rates = []int{8000, 11025, 12000, 16000, 16001, 22050, 24000, 32000, 44100, 48000, 96000, 176_400, 192_000}

func TestATonePassesUnchangedAndInTime(t *testing.T) {
	for _, rate := range rates {
		for _, hz := range []float64{100, 1000, 3300} {
			got, want := resampled(sine(rate, hz, 0.5), rate), sine(Rate, hz, 0.5)
			if math.Abs(float64(len(got)-len(want))) > 1 {
				t.Fatalf("%d Hz: %d samples, want %d", rate, len(got), len(want))
			}
			for i := 500; i < len(want)-500; i++ { // at its ends the tone is no tone
				if math.Abs(float64(got[i]-want[i])) > 0.001 {
					t.Errorf("%d Hz, a tone of %v Hz: sample %d is %v, want %v", rate, hz, i, got[i], want[i])
					break
				}
			}
		}
	}
}

func TestWhatCannotBeKeptIsNotHeardElsewhere(t *testing.T) {
	for _, rate := range rates {
		if rate < 22050 {
			continue // nothing above 8 kHz, or too little above it
		}
		for _, hz := range []float64{8100, 9500, float64(rate)/2 - 500} {
			got := resampled(sine(rate, hz, 0.5), rate)
			if loud := peak(got[500 : len(got)-500]); loud > 0.0005 { // 60 dB below the tone
				t.Errorf("%d Hz: a tone of %v Hz leaves %v", rate, hz, loud)
			}
		}
	}
}

func TestSpeechBandPasses(t *testing.T) {
	for _, rate := range []int{44100, 48000} {
		got := resampled(sine(rate, 6500, 0.5), rate)
		if loud := peak(got[500 : len(got)-500]); loud < 0.49 {
			t.Errorf("%d Hz: a tone of 6.5 kHz comes out at %v of 0.5", rate, loud)
		}
	}
}

func peak(pcm []float32) float64 {
	loudest := 0.0
	for _, v := range pcm {
		loudest = max(loudest, math.Abs(float64(v)))
	}
	return loudest
}

func TestPiecesMakeNoDifference(t *testing.T) {
	noise := make([]float32, 20_000)
	random := rand.New(rand.NewPCG(2, 3))
	for i := range noise {
		noise[i] = random.Float32() - 0.5
	}
	for _, rate := range rates {
		whole := newResampler(rate)
		whole.push(noise)
		want, got := whole.flush(), resampled(noise, rate)
		if len(got) != len(want) {
			t.Fatalf("%d Hz: %d samples in pieces, %d at once", rate, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%d Hz: sample %d is %v in pieces, %v at once", rate, i, got[i], want[i])
				break
			}
		}
	}
}

func TestShortRecordings(t *testing.T) {
	for _, rate := range rates {
		for _, n := range []int{0, 1, 2, 100} {
			if got := resampled(make([]float32, n), rate); len(got) != n*Rate/rate {
				t.Errorf("%d samples at %d Hz became %d", n, rate, len(got))
			}
		}
	}
}
