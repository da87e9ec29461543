package whispercpp

import (
	"errors"
	"math"
	"testing"
)

func TestSpeechOutOfBoundsIsRefused(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		pcm := make([]float32, 1000)
		pcm[999] = float32(bad)
		if err := CheckSpeech(pcm); !errors.Is(err, ErrNotFinite) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := CheckSpeech(make([]float32, MaxSamples+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("a sample over 30 s: %v", err)
	}
	if err := errors.Join(CheckSpeech(nil), CheckSpeech(make([]float32, MaxSamples))); err != nil {
		t.Error(err)
	}
}

func TestShortSpeechIsFollowedBySilence(t *testing.T) {
	var p Padding
	p.AtLeast(5, []float32{1, 2, 3, 4}) // must not be heard in the next
	got := p.AtLeast(5, []float32{7, 8})
	for i, want := range []float32{7, 8, 0, 0, 0} {
		if got[i] != want {
			t.Fatalf("padded to %v", got)
		}
	}
	long := []float32{1, 2, 3}
	if got := p.AtLeast(3, long); &got[0] != &long[0] || len(got) != 3 {
		t.Error("speech that is long enough was copied")
	}
}
