//go:build cgo

package onnx

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"souffleur/diarize/cluster"
	"souffleur/diarize/pyannet"
	"souffleur/diarize/voices"
)

// libraryPath is an ONNX Runtime of this machine; without one the test is skipped.
func libraryPath(t testing.TB) string {
	t.Helper()
	path := os.Getenv("SOUFFLEUR_ONNX_RUNTIME")
	if path == "" {
		path = "../../build/real/onnx/libonnxruntime.so"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no ONNX Runtime: run scripts/real-onnx.sh, or set SOUFFLEUR_ONNX_RUNTIME: %v", err)
	}
	return path
}

func open(t testing.TB, dir string) (*Models, error) {
	t.Helper()
	m, err := Open(Config{Library: libraryPath(t), Models: dir})
	if err == nil {
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return m, err
}

func mustOpen(t testing.TB, dir string) *Models {
	t.Helper()
	m, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var (
	_ voices.Embedder = (*Embedder)(nil)
	_ interface {
		Segment(pcm []float32) ([][pyannet.Classes]float32, error)
	} = (*Segmenter)(nil)
)

func TestVectorsAreWhatTheNetworkMakesOfBands(t *testing.T) {
	e := mustOpen(t, folder(t, loudest(), nil, nil)).Embedder
	if e.Dim() != bands || e.Model() != "onnx:"+fileOf(loudest()).SHA256 || e.Thresholds() != nil {
		t.Errorf("%s, %d numbers, %v", e.Model(), e.Dim(), e.Thresholds())
	}
	var windows [][]float32
	for _, n := range []int{25600, 25600, 16000, 25600, MinWindow, MaxWindow} {
		w := hiss(n)
		for i := range w {
			w[i] *= float32(i) / float32(n)
		}
		windows = append(windows, w)
	}
	got, err := e.Embed(windows)
	if err != nil || len(got) != len(windows) {
		t.Fatal(len(got), err)
	}
	for i, w := range windows {
		features := make([]float32, Frames(len(w))*bands)
		NewFbank(Povey, Unit).Bands(features, w)
		want := slices.Clone(features[:bands])
		for k := range features {
			want[k%bands] = max(want[k%bands], features[k])
		}
		if want = cluster.Unit(want); cluster.Dot(got[i], want) < 0.99999 {
			t.Errorf("window %d: cosine %v", i, cluster.Dot(got[i], want))
		}
		if size := cluster.Dot(got[i], got[i]); math.Abs(float64(size)-1) > 1e-5 {
			t.Errorf("window %d: length %v", i, size)
		}
	}
}

func TestAMeanIsTakenOffAndNamesTheVectors(t *testing.T) {
	plain := mustOpen(t, folder(t, loudest(), nil, nil)).Embedder
	mean := []byte("[0.1" + strings.Repeat(", 0.1", bands-1) + "]")
	dir := folder(t, loudest(), nil, func(d *Description) { d.Embedding.Mean = fileOf(mean) })
	write(t, filepath.Join(dir, MeanFile), mean)
	centred := mustOpen(t, dir).Embedder
	window := hiss(25600)
	a, err := plain.Embed([][]float32{window})
	b, err2 := centred.Embed([][]float32{window})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(a[0])
	for k := range want {
		want[k] -= 0.1
	}
	if cluster.Dot(cluster.Unit(want), b[0]) < 0.99999 {
		t.Error("another vector")
	}
	if !strings.HasPrefix(centred.Model(), plain.Model()+"/") {
		t.Errorf("%s and %s would be compared", centred.Model(), plain.Model())
	}
	mean = []byte("[0.5, 0.5]")
	dir = folder(t, loudest(), nil, func(d *Description) { d.Embedding.Mean = fileOf(mean) })
	write(t, filepath.Join(dir, MeanFile), mean)
	_, err = open(t, dir)
	named(t, "a mean of another length", err, BadDescription)
}

func TestWindowsOutOfBoundsAreRefused(t *testing.T) {
	m := mustOpen(t, folder(t, loudest(), ups(0), nil))
	damaged := hiss(25600)
	damaged[7] = float32(math.NaN())
	for what, w := range map[string][]float32{"nothing": nil, "too short": hiss(MinWindow - 1), "too long": hiss(MaxWindow + 1), "no numbers": damaged} {
		if v, err := m.Embedder.Embed([][]float32{hiss(25600), w}); !errors.Is(err, ErrSound) || v != nil {
			t.Errorf("embedder, %s: %v", what, err)
		}
	}
	for what, w := range map[string][]float32{"nothing": nil, "too short": hiss(leastSound - 1), "too long": hiss(pyannet.Window + 1), "no numbers": damaged} {
		if v, err := m.Segmenter.Segment(w); !errors.Is(err, ErrSound) || v != nil {
			t.Errorf("segmenter, %s: %v", what, err)
		}
	}
}

func TestScoresOfClassesBecomeProbabilities(t *testing.T) {
	for _, samples := range []int{0, pyannet.Window} { // a free length, and a fixed one
		s := mustOpen(t, folder(t, nil, ups(samples), nil)).Segmenter
		for _, n := range []int{pyannet.Window, 3 * pyannet.Rate, leastSound} {
			pcm := hiss(n)
			rows, err := s.Segment(pcm)
			if err != nil || len(rows) != pyannet.Frames(n) {
				t.Fatalf("%d samples: %d frames, %v", n, len(rows), err)
			}
			for i, row := range rows {
				top := float64(slices.Max(pcm[i*pyannet.Step:][:pyannet.Reach]))
				up, down := math.Exp(top), math.Exp(-top)
				for k, p := range row {
					if want := []float64{up, down}[k%2] / (4*up + 3*down); math.Abs(float64(p)-want) > 1e-5 {
						t.Fatalf("%d samples, frame %d, class %d: %v, want %v", n, i, k, p, want)
					}
				}
			}
		}
	}
}

func TestProbabilitiesStayAsTheyAre(t *testing.T) {
	chances := model(value("x", float, 0, 1, 0), value("y", float, 0, 0, 7),
		node("MaxPool", []string{"x"}, "a", map[string]any{"kernel_shape": []int{991}, "strides": []int{270}}),
		node("Transpose", []string{"a"}, "b", map[string]any{"perm": []int{0, 2, 1}}),
		node("Neg", []string{"b"}, "c", nil),
		node("Concat", []string{"b", "c", "b", "c", "b", "c", "b"}, "d", map[string]any{"axis": 2}),
		node("Softmax", []string{"d"}, "y", map[string]any{"axis": 2}))
	scores := mustOpen(t, folder(t, nil, ups(0), nil)).Segmenter
	given := mustOpen(t, folder(t, nil, chances, nil)).Segmenter
	a, err := scores.Segment(hiss(pyannet.Window))
	b, err2 := given.Segment(hiss(pyannet.Window))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for i := range a {
		for k := range a[i] {
			if math.Abs(float64(a[i][k]-b[i][k])) > 1e-5 {
				t.Fatalf("frame %d: %v and %v", i, a[i], b[i])
			}
		}
	}
}

func TestNetworksOfAnotherKindAreRefused(t *testing.T) {
	pass := func(in, out proto) []byte { return model(in, out, node("Identity", []string{"feats"}, "embs", nil)) }
	for what, c := range map[string]struct {
		embedding, segmentation []byte
		want                    Name
	}{
		"no network":            {[]byte("not a network"), nil, BadModel},
		"half a network":        {loudest()[:len(loudest())/2], nil, BadModel},
		"an unknown operator":   {model(value("feats", float, 0, 0, 80), value("embs", float, 0, 80), node("Guess", []string{"feats"}, "embs", nil)), nil, BadModel},
		"40 bands":              {model(value("feats", float, 0, 0, 40), value("embs", float, 0, 40), node("ReduceMax", []string{"feats"}, "embs", map[string]any{"axes": []int{1}, "keepdims": 0})), nil, WrongShape},
		"double precision":      {pass(value("feats", double, 0, 0, 80), value("embs", double, 0, 0, 80)), nil, WrongShape},
		"no vectors":            {pass(value("feats", float, 0, 0, 80), value("embs", float, 0, 0, 80)), nil, WrongShape},
		"a fixed other length":  {model(value("feats", float, 0, 17, 80), value("embs", float, 0, 80), node("ReduceMax", []string{"feats"}, "embs", map[string]any{"axes": []int{1}, "keepdims": 0})), nil, WrongShape},
		"a mean, which is zero": {model(value("feats", float, 0, 0, 80), value("embs", float, 0, 80), node("ReduceMean", []string{"feats"}, "a", map[string]any{"axes": []int{1}, "keepdims": 0}), node("Sub", []string{"a", "a"}, "embs", nil)), nil, WrongShape},
		"other frames":          {nil, model(value("x", float, 0, 1, 0), value("y", float, 0, 1, 0), node("Identity", []string{"x"}, "y", nil)), WrongShape},
		"an embedder":           {nil, loudest(), WrongShape},
		"a segmenter":           {ups(0), nil, WrongShape},
	} {
		_, err := open(t, folder(t, c.embedding, c.segmentation, nil))
		named(t, what, err, c.want)
	}
}

func TestNoLibraryIsOpenedForFilesThatAreWrong(t *testing.T) {
	dir := folder(t, loudest(), nil, func(d *Description) { d.Embedding.Bytes++ })
	_, err := Open(Config{Library: "/nowhere/libonnxruntime.so", Models: dir})
	named(t, "a wrong file and no library", err, WrongFile)
	_, err = Open(Config{Library: "/nowhere/libonnxruntime.so", Models: folder(t, loudest(), nil, nil)})
	named(t, "no library", err, NoLibrary)
}

func TestASecondLibraryIsRefused(t *testing.T) {
	mustOpen(t, folder(t, loudest(), nil, nil))
	_, err := Open(Config{Library: compiled(t, oldSource), Models: folder(t, loudest(), nil, nil)})
	named(t, "another library", err, BadLibrary)
}

// asOld is the variable that makes the test binary open an old library.
const asOld = "SOUFFLEUR_TEST_OLD_LIBRARY"

func TestOldLibrariesThatCarryNoVersionAreRefused(t *testing.T) {
	if path := os.Getenv(asOld); path != "" { // in a process of its own: a process opens one library
		for range 2 {
			_, err := Open(Config{Library: path, Models: folder(t, loudest(), nil, nil)})
			named(t, "an old library", err, OldLibrary)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asOld+"="+compiled(t, oldSource))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestManyMayEmbedAndSegmentAtOnce(t *testing.T) {
	m := mustOpen(t, folder(t, loudest(), ups(0), nil))
	window := hiss(25600)
	want, err := m.Embedder.Embed([][]float32{window})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				got, err := m.Embedder.Embed([][]float32{window, window})
				if err != nil || !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[0]) {
					t.Errorf("another vector: %v", err)
				}
				if _, err := m.Segmenter.Segment(hiss(leastSound)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
