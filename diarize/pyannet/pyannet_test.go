package pyannet

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

	"souffleur/internal/models/modelstest"
	"souffleur/internal/recording"
)

// load reads the installed weights; without them the test is skipped.
func load(t testing.TB) *Net {
	t.Helper()
	n, err := Load(modelstest.Path(t, "pyannet"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// golden is what PyTorch 2.15 computed with the weights for the first 10 s of a recording, and for 3 s from its second second:
// every nineteenth frame.
type golden struct {
	Frames      int                `json:"frames"`
	Every       [][Classes]float64 `json:"every"`
	ShortFrames int                `json:"short_frames"`
	Short       [][Classes]float64 `json:"short"`
}

func reference(t testing.TB) (golden, []float32) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil || len(g.Every) != 31 {
		t.Fatal("read testdata/golden.json:", err)
	}
	pcm, err := recording.Read("../../testdata/speech/jfk.ogg", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return g, pcm
}

func TestProbabilitiesAreThoseOfTheReference(t *testing.T) {
	n := load(t)
	g, pcm := reference(t)
	for _, c := range []struct {
		pcm    []float32
		frames int
		every  [][Classes]float64
	}{{pcm[:Window], g.Frames, g.Every}, {pcm[2*Rate : 5*Rate], g.ShortFrames, g.Short}} {
		got, err := n.Segment(c.pcm)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != c.frames || Frames(len(c.pcm)) != c.frames {
			t.Fatalf("%d frames, %d expected, want %d", len(got), Frames(len(c.pcm)), c.frames)
		}
		for i, want := range c.every {
			for k, v := range want {
				if math.Abs(v-float64(got[19*i][k])) > 2e-4 {
					t.Errorf("frame %d of %d, class %d: %v, want %v", 19*i, c.frames, k, got[19*i][k], v)
				}
			}
		}
	}
}

func TestWindowsOutOfBoundsAreRefused(t *testing.T) {
	broken := make([]float32, Window)
	broken[7] = float32(math.Inf(1))
	for _, w := range [][]float32{nil, make([]float32, Rate-1), make([]float32, Window+1), broken} {
		if _, err := (&Net{}).Segment(w); !errors.Is(err, ErrWindow) {
			t.Errorf("%d samples: %v", len(w), err)
		}
	}
}

func TestSilenceIsNobody(t *testing.T) {
	n := load(t)
	got, err := n.Segment(make([]float32, Window))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		if !(p[0] > 0.5) {
			t.Fatalf("frame %d: %v", i, p)
		}
	}
}

func TestFilesThatAreNoWeightsAreRefused(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "this is not a model", "header only": "souffleur pyannet 1\n", "another version": "souffleur pyannet 2\n" + strings.Repeat("x", 5894060),
		"too long": "souffleur pyannet 1\n" + strings.Repeat("\x00", 5894061),
	} {
		path := filepath.Join(t.TempDir(), "pyannet.bin")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestManyMaySegmentAtOnce(t *testing.T) {
	n := load(t)
	_, pcm := reference(t)
	want, err := n.Segment(pcm[:3*Rate])
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			got, err := n.Segment(pcm[:3*Rate])
			if err != nil || got[100] != want[100] {
				t.Errorf("another result, error %v", err)
			}
		})
	}
	all.Wait()
}

func BenchmarkSegment(b *testing.B) {
	n := load(b)
	_, pcm := reference(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.Segment(pcm[:Window]); err != nil {
			b.Fatal(err)
		}
	}
}
