package sound

import (
	"errors"
	"math"
	"math/cmplx"
	"slices"
	"testing"
	"time"

	"souffleur/internal/timeline"
)

func heard(s Source, seconds float64) []float32 {
	pcm := make([]float32, samples(seconds))
	s.Read(pcm)
	return pcm
}

func rms(pcm []float32) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// transform is the discrete Fourier transform of a power of two of values.
func transform(x []complex128) []complex128 {
	n := len(x)
	if n == 1 {
		return []complex128{x[0]}
	}
	var even, odd []complex128
	for i := 0; i < n; i += 2 {
		even, odd = append(even, x[i]), append(odd, x[i+1])
	}
	e, o := transform(even), transform(odd)
	out := make([]complex128, n)
	for k := range n / 2 {
		turned := cmplx.Rect(1, -2*math.Pi*float64(k)/float64(n)) * o[k]
		out[k], out[k+n/2] = e[k]+turned, e[k]-turned
	}
	return out
}

const window = 8192

// spectrum is the mean power of each frequency of pcm, Rate/window apart.
func spectrum(pcm []float32) []float64 {
	mean := make([]float64, window/2)
	for at := 0; at+window <= len(pcm); at += window {
		x := make([]complex128, window)
		for i := range x {
			x[i] = complex(float64(pcm[at+i])*math.Sin(math.Pi*float64(i)/window), 0)
		}
		for k, c := range transform(x)[:window/2] {
			mean[k] += real(c)*real(c) + imag(c)*imag(c)
		}
	}
	return mean
}

// power is the mean power of a spectrum between two frequencies.
func power(spectrum []float64, from, to float64) float64 {
	sum, n := 0.0, 0
	for k, p := range spectrum {
		if f := float64(k) * Rate / window; f >= from && f < to {
			sum += p
			n++
		}
	}
	return sum / float64(n)
}

func TestLoudness(t *testing.T) {
	for _, c := range []struct {
		source      Source
		least, most float64
	}{
		{Silence{}, 0, 0},
		{NewHiss(1, 0.001), 0.0009, 0.0011},
		{NewPink(1, 0.05), 0.03, 0.07},
		{NewTyping(1), 0.005, 0.1},
		{NewMusic(1), 0.05, 0.3},
	} {
		if got := rms(heard(c.source, 4)); got < c.least || got > c.most {
			t.Errorf("%T: root mean square %v, want %v to %v", c.source, got, c.least, c.most)
		}
	}
}

func TestPowerOfPinkNoiseFallsByThreeDecibelsAnOctave(t *testing.T) {
	pink := spectrum(heard(NewPink(1, 0.05), 5))
	for f := 100.0; f < 6400; f *= 2 {
		if fall := 10 * math.Log10(power(pink, f, 2*f)/power(pink, 2*f, 4*f)); fall < 2 || fall > 4 {
			t.Errorf("from %v Hz on it falls by %.1f dB an octave", f, fall)
		}
	}
	white := spectrum(heard(NewHiss(1, 0.05), 5))
	if fall := 10 * math.Log10(power(white, 100, 200)/power(white, 3200, 6400)); math.Abs(fall) > 1 {
		t.Errorf("white noise falls by %.1f dB", fall)
	}
}

func TestTypingIsClicksWithSilenceBetween(t *testing.T) {
	pcm := heard(NewTyping(1), 20)
	loud, quiet := 0, 0
	for part := range slices.Chunk(pcm, samples(0.02)) {
		switch level := rms(part); {
		case level > 0.02:
			loud++
		case level < 0.0005:
			quiet++
		}
	}
	if loud < 60 || quiet < 300 {
		t.Errorf("of 1000 stretches of 20 ms %d are loud and %d silent", loud, quiet)
	}
}

func TestMusicHasItsChordAndItsBeat(t *testing.T) {
	pcm := heard(NewMusic(1), 2) // the first chord is C major
	tones := spectrum(pcm)
	for _, note := range []float64{hertz(-12), hertz(-8), hertz(-5)} {
		if on, off := power(tones, note-4, note+4), power(tones, note+9, note+14); on < 10*off {
			t.Errorf("%.0f Hz is %.1f times its surroundings", note, on/off)
		}
	}
	strike := rms(pcm[samples(0):samples(0.1)])
	if rest := rms(pcm[samples(0.8):samples(0.9)]); strike < 1.3*rest {
		t.Errorf("beat %v, between beats %v", strike, rest)
	}
}

func TestSoundsAreFunctionsOfTheirSeed(t *testing.T) {
	for i, s := range All(7) {
		whole := heard(s, 1)
		again := make([]float32, len(whole))
		other := All(7)[i]
		for part := range slices.Chunk(again, 777) {
			other.Read(part)
		}
		if !slices.Equal(whole, again) {
			t.Errorf("%s differs when it is read in other pieces", s.Name)
		}
		if s.Name != "digital silence" && slices.Equal(whole, heard(All(8)[i], 1)) {
			t.Errorf("%s is equal for another seed", s.Name)
		}
	}
}

func TestSoundSurvivesOpus(t *testing.T) {
	packets, err := Opus(t.Context(), NewPink(1, 0.05), 2*time.Second)
	if errors.Is(err, ErrNoEncoder) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(packets) < 100 || len(packets) > 102 {
		t.Fatalf("%d packets of two seconds", len(packets))
	}
	line := timeline.New()
	var pcm []float32
	for i, p := range packets {
		pcm = append(pcm, line.Append(timeline.Packet{Seq: uint64(i), RTP: uint64(i) * 960, Opus: p}).PCM...)
	}
	if got := rms(pcm[timeline.Rate/2:]); got < 0.02 || got > 0.08 {
		t.Errorf("root mean square %v after Opus, 0.05 before", got)
	}
}
