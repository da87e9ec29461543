package whisper

import (
	"math"
	"strings"
	"testing"

	"souffleur/asr"
	"souffleur/internal/whispercpp"
)

// heard is an attempt that gave text.
func heard(text string, logProb float64, end int) attempt {
	a := attempt{Result: asr.Result{LogProb: logProb}, end: end}
	for _, w := range strings.Fields(text) {
		a.Words = append(a.Words, asr.RecognizedWord{Text: w})
	}
	return a
}

// hum is seconds of a tone, then seconds of near silence.
func hum(loud, quiet int) []float32 {
	pcm := make([]float32, (loud+quiet)*asr.SampleRate)
	for i := range pcm {
		amplitude := 0.3
		if i >= loud*asr.SampleRate {
			amplitude = 0.003
		}
		pcm[i] = float32(amplitude * math.Sin(float64(i)/10))
	}
	return pcm
}

func TestRepetitionIsFound(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                   false,
		"non non non":                        false, // people say that
		"non non non non":                    true,
		"Non non NON non":                    true,
		"je sais je sais je sais":            false,
		"je sais je sais je sais je sais":    true,
		"well a b c a b c a b c a b c end":   true,
		"a b c d a b c d a b c d a b c d":    true,
		"a b c a b c a b x a b c":            false,
		"one two three four five six seven":  false,
		"no no yes yes no no yes yes no no!": false,
	} {
		if got := loops(heard(text, 0, 0).Words); got != want {
			t.Errorf("%q loops: %v", text, got)
		}
	}
}

func TestALostEndIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		pcm  []float32
		end  int // seconds
		want bool
	}{
		"heard all":        {hum(5, 0), 5, false},
		"stopped early":    {hum(5, 0), 3, true},
		"a pause is left":  {hum(3, 2), 3, false},
		"imprecise time":   {hum(7, 0), 6, false},
		"behind the end":   {hum(5, 0), 30, false},
		"nobody said when": {hum(5, 0), -1, false},
	} {
		if got := heard("x", -0.1, c.end*asr.SampleRate).lostTail(c.pcm); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheBetterAttemptIsKept(t *testing.T) {
	pcm := hum(5, 0)
	end := len(pcm)
	for name, c := range map[string]struct{ better, worse attempt }{
		"no loop":    {heard("a b", -0.9, end), heard("a a a a", -0.1, end)},
		"whole":      {heard("a b", -0.9, end), heard("a b c", -0.1, end/2)},
		"some words": {heard("a", -0.9, end), heard("", 0, end)},
		"surer":      {heard("a", -0.2, end), heard("b", -0.3, end)},
	} {
		if !c.better.betterThan(c.worse, pcm) || c.worse.betterThan(c.better, pcm) {
			t.Errorf("%s: the order is wrong", name)
		}
	}
}

func TestAFinalIsDecodedAgainWhenUnsure(t *testing.T) {
	pcm := hum(5, 0)
	if heard("a b", -0.5, len(pcm)).failed(pcm) {
		t.Error("a good one failed")
	}
	if !heard("a b", -1.1, len(pcm)).failed(pcm) {
		t.Error("an unsure one passed")
	}
}

func TestEncoderContextCoversTheSpeech(t *testing.T) {
	for n := minSamples; n <= whispercpp.MaxSamples; n += 997 {
		for _, c := range []leeway{partialLeeway, finalLeeway, patientLeeway} {
			if got := audioContext(n, c); got*positionSamples < n || got > maxPositions || got < c.floor {
				t.Fatalf("%d samples, %+v: %d positions", n, c, got)
			}
		}
	}
	if got := audioContext(5*16000, partialLeeway); got != 320 {
		t.Errorf("a partial of 5 s: %d", got)
	}
	if got := audioContext(10*16000, finalLeeway); got != 640 {
		t.Errorf("a final of 10 s: %d", got)
	}
	if got := audioContext(16000, patientLeeway); got != maxPositions {
		t.Errorf("a recording: %d", got)
	}
}
