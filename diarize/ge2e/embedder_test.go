package ge2e

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/diarize/cluster"
	"souffleur/internal/models/modelstest"
	"souffleur/internal/recording"
)

func load(t testing.TB) *Embedder {
	t.Helper()
	e, err := Load(modelstest.Path(t, "ge2e"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// golden is what the reference computed for windows of one recording: librosa's mel spectrogram and PyTorch's weights, run by
// numpy in double precision.
type golden struct {
	Windows []struct {
		Start  int       `json:"start"`
		Length int       `json:"length"`
		First  []float32 `json:"mel_first"`
		Frame  []float32 `json:"mel_40"`
		Last   []float32 `json:"mel_last"`
		Vector []float32 `json:"vector"`
	} `json:"windows"`
}

func reference(t *testing.T) (golden, []float32) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil || len(g.Windows) != 4 {
		t.Fatal("read testdata/golden.json:", err)
	}
	pcm, err := recording.Read("../../testdata/speech/jfk.ogg", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return g, pcm
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestFramesAreThoseOfTheReference(t *testing.T) {
	g, pcm := reference(t)
	front := newFrontEnd()
	for _, w := range g.Windows {
		n := frames(w.Length)
		got := make([]float32, n*bands)
		front.bandsOf(got, bands, pcm[w.Start:w.Start+w.Length], &scratch{})
		for at, want := range map[int][]float32{0: w.First, 40: w.Frame, n - 1: w.Last} {
			var far, size float64
			for b, v := range want {
				far += math.Pow(float64(v-got[at*bands+b]), 2)
				size += float64(v) * float64(v)
			}
			if math.Sqrt(far/size) > 1e-4 {
				t.Errorf("window at %d, frame %d: off by %.2g of its size", w.Start, at, math.Sqrt(far/size))
			}
		}
	}
}

func TestVectorsAreThoseOfTheReference(t *testing.T) {
	e := load(t)
	g, pcm := reference(t)
	var windows [][]float32
	for _, w := range g.Windows {
		windows = append(windows, pcm[w.Start:w.Start+w.Length])
	}
	got, err := e.raw(windows)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range g.Windows {
		if c := cosine(got[i], w.Vector); c < 0.9999 {
			t.Errorf("window at %d: cosine %.6f", w.Start, c)
		}
	}
}

func TestWindowsOutOfBoundsAreRefused(t *testing.T) {
	e := newEmbedder(&network{})
	broken := make([]float32, Window)
	broken[7] = float32(math.NaN())
	for _, w := range [][]float32{nil, make([]float32, MinWindow-1), make([]float32, MaxWindow+1), broken} {
		if _, err := e.Embed([][]float32{w}); !errors.Is(err, ErrWindow) {
			t.Errorf("%d samples: %v", len(w), err)
		}
	}
}

func TestFilesThatAreNoWeightsAreRefused(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "this is not a model", "header only": "souffleur ge2e 1\n", "another version": "souffleur ge2e 2\n" + strings.Repeat("x", 5694464),
		"too long": "souffleur ge2e 1\n" + strings.Repeat("\x00", 5694465),
	} {
		path := filepath.Join(t.TempDir(), "ge2e.bin")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheMeanIsWhole(t *testing.T) {
	size := math.Sqrt(float64(cluster.Dot(mean(), mean())))
	if size < 0.6 || size > 0.75 {
		t.Errorf("the mean has the length %v", size)
	}
}

func TestManyMayEmbedAtOnce(t *testing.T) {
	e := load(t)
	_, pcm := reference(t)
	windows := [][]float32{pcm[6400:][:Window], pcm[86400:][:Window]}
	want, err := e.Embed(windows)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got, err := e.Embed(windows)
			if err != nil || cosine(got[1], want[1]) < 0.99999 {
				t.Errorf("another vector, error %v", err)
			}
		})
	}
	all.Wait()
}
