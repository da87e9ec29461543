//go:build whisper && cgo

package vad

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"souffleur/asr"
	"souffleur/internal/models/modelstest"
	"souffleur/internal/ogg"
)

func load(t *testing.T) *Model {
	t.Helper()
	m, err := Load(modelstest.Path(t, "silero-vad"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newDetector(t *testing.T, m *Model) *Detector {
	t.Helper()
	d, err := m.NewDetector()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// speech is 11 s of one voice, with pauses.
func speech(t *testing.T) []float32 {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "testdata", "speech", "jfk.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pcm, err := ogg.Decode(file, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func probabilities(t *testing.T, d *Detector, pcm []float32) []float32 {
	t.Helper()
	var all []float32
	for window := range slices.Chunk(pcm[:len(pcm)/asr.HopSize*asr.HopSize], asr.HopSize) {
		p, err := d.Probability(window)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// The four stretches of speech that whisper.cpp's own segmentation finds in this recording, in seconds.
func TestSpeechAndPausesAreToldApart(t *testing.T) {
	p := probabilities(t, newDetector(t, load(t)), speech(t))
	const hop = float64(asr.HopSize) / asr.SampleRate
	within := func(from, to float64) []float32 { return p[int(from/hop):int(to/hop)] }
	for _, stretch := range [][2]float64{{0.29, 2.27}, {3.27, 4.41}, {5.38, 7.71}, {8.16, 10.62}} {
		mean := 0.0
		voiced := within(stretch[0]+0.1, stretch[1]-0.1)
		for _, v := range voiced {
			mean += float64(v) / float64(len(voiced))
		}
		if mean < 0.8 {
			t.Errorf("speech from %v to %v s: mean probability %.2f", stretch[0], stretch[1], mean)
		}
	}
	for _, pause := range [][2]float64{{2.5, 3.1}, {4.6, 5.2}, {7.9, 8.0}} {
		if least := slices.Min(within(pause[0], pause[1])); least > 0.35 {
			t.Errorf("pause from %v to %v s: least probability %.2f", pause[0], pause[1], least)
		}
	}
}

func TestSilenceAndHumAreNotSpeech(t *testing.T) {
	d := newDetector(t, load(t))
	if most := slices.Max(probabilities(t, d, make([]float32, 5*asr.SampleRate))); most > 0.2 {
		t.Errorf("silence: %.2f", most)
	}
	d.Reset()
	hum := make([]float32, 5*asr.SampleRate)
	for i := range hum {
		hum[i] = float32(0.1 * math.Sin(2*math.Pi*50*float64(i)/asr.SampleRate))
	}
	if most := slices.Max(probabilities(t, d, hum)[10:]); most > 0.3 {
		t.Errorf("hum of 50 Hz: %.2f", most)
	}
}

func TestResetForgetsAndDetectorsShareNothing(t *testing.T) {
	m := load(t)
	d := newDetector(t, m)
	first := probabilities(t, d, speech(t))
	d.Reset()
	if again := probabilities(t, d, speech(t)); !slices.Equal(again, first) {
		t.Error("after a reset it hears differently")
	}
	other := newDetector(t, m)
	d.Reset()
	for i, window := range slices.Collect(slices.Chunk(speech(t)[:100*asr.HopSize], asr.HopSize)) {
		if p, err := d.Probability(window); err != nil || p != first[i] {
			t.Fatalf("window %d: %v, error %v; want %v", i, p, err, first[i])
		}
		if _, err := other.Probability(make([]float32, asr.HopSize)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongWindowsAreRefused(t *testing.T) {
	d := newDetector(t, load(t))
	broken := make([]float32, asr.HopSize)
	broken[511] = float32(math.NaN())
	for _, window := range [][]float32{nil, make([]float32, 511), make([]float32, 1024), broken} {
		if _, err := d.Probability(window); !errors.Is(err, ErrWindow) {
			t.Errorf("%d samples: %v", len(window), err)
		}
	}
	d.Close()
	d.Close()
	d.Reset()
	if _, err := d.Probability(make([]float32, asr.HopSize)); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestFilesThatAreNoModelAreRefused(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty":           nil,
		"text":            []byte("this is not a model"),
		"header only":     []byte("lmgg\x0a\x00\x00\x00silero-16k"),
		"without weights": append([]byte("lmgg\x0a\x00\x00\x00silero-16k"), make([]byte, 1000)...),
	} {
		path := filepath.Join(t.TempDir(), "model.bin")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func BenchmarkProbability(b *testing.B) {
	m, err := Load(modelstest.Path(b, "silero-vad"))
	if err != nil {
		b.Fatal(err)
	}
	d, err := m.NewDetector()
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	window := make([]float32, asr.HopSize)
	for b.Loop() {
		if _, err := d.Probability(window); err != nil {
			b.Fatal(err)
		}
	}
}
