package onnx

import (
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"souffleur/internal/recording"
)

// The reference is kaldi-native-fbank, another implementation of Kaldi's; testdata/fbank.py asks it.
func TestBandsAreThoseOfKaldi(t *testing.T) {
	b, err := os.ReadFile("testdata/fbank.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Window Window
		Scale  Scale
		Offset float32
		Frames int
		Rows   [][bands]float64
	}
	if err := json.Unmarshal(b, &cases); err != nil || len(cases) != 4 {
		t.Fatal("read testdata/fbank.json:", err)
	}
	pcm, err := recording.Read("../../testdata/speech/jfk.ogg", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	pcm = pcm[rate:][:16*rate/10]
	for _, c := range cases {
		shifted := make([]float32, len(pcm))
		for i, s := range pcm {
			shifted[i] = s + c.Offset
		}
		out := make([]float32, Frames(len(pcm))*bands)
		if Frames(len(pcm)) != c.Frames {
			t.Fatalf("%d frames, want %d", Frames(len(pcm)), c.Frames)
		}
		NewFbank(c.Window, c.Scale).Bands(out, shifted)
		for r, frame := range []int{0, 40, c.Frames - 1} {
			for k, want := range c.Rows[r] {
				if got := float64(out[frame*bands+k]); math.Abs(got-want) > 2e-3 {
					t.Errorf("%s, %s, offset %v: band %d of frame %d is %.4f, want %.4f", c.Window, c.Scale, c.Offset, k, frame, got, want)
				}
			}
		}
	}
}

func TestSilenceHasBandsOfZero(t *testing.T) {
	out := make([]float32, Frames(rate)*bands)
	NewFbank(Povey, Unit).Bands(out, make([]float32, rate))
	for _, x := range out {
		if x != 0 {
			t.Fatalf("%v", x)
		}
	}
}

func TestFramesAreWhole(t *testing.T) {
	for samples, want := range map[int]int{0: 0, 399: 0, 400: 1, 559: 1, 560: 2, 25600: 158} {
		if got := Frames(samples); got != want {
			t.Errorf("%d samples: %d frames, want %d", samples, got, want)
		}
	}
}

func BenchmarkBands(b *testing.B) {
	pcm, f := hiss(16*rate/10), NewFbank(Povey, Unit)
	out := make([]float32, Frames(len(pcm))*bands)
	for b.Loop() {
		f.Bands(out, pcm)
	}
}
