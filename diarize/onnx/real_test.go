//go:build cgo

package onnx

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"souffleur/diarize/cluster"
	"souffleur/diarize/pyannet"
	"souffleur/internal/models/modelstest"
	"souffleur/internal/recording"
)

// real opens the networks that scripts/real-onnx.sh makes; without them the test is skipped.
func real(t testing.TB) (*Models, []float32) {
	t.Helper()
	if testing.Short() {
		t.Skip("real networks take their time")
	}
	const dir = "../../build/real/onnx/models"
	if _, err := os.Stat(filepath.Join(dir, DescriptionFile)); err != nil {
		t.Skip("no networks: run scripts/real-onnx.sh")
	}
	pcm, err := recording.Read("../../testdata/speech/jfk.ogg", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, dir), pcm
}

// The reference is PyTorch with the authors' own code, and another implementation of Kaldi's front end: testdata/campplus.py.
func TestRealVectorsAreThoseOfTheReference(t *testing.T) {
	m, pcm := real(t)
	b, err := os.ReadFile("testdata/campplus.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float32
	if err := json.Unmarshal(b, &want); err != nil || len(want) != m.Embedder.Dim() {
		t.Fatal("read testdata/campplus.json:", err)
	}
	got, err := m.Embedder.Embed([][]float32{pcm[rate:][:16*rate/10]})
	if err != nil {
		t.Fatal(err)
	}
	if cosine := cluster.Dot(got[0], want); cosine < 0.99995 {
		t.Errorf("cosine %v to the reference", cosine)
	}
	if k := known[m.Embedder.Model()[len("onnx:"):]]; m.Embedder.Thresholds() == nil || *m.Embedder.Thresholds() != k.thresholds {
		t.Errorf("thresholds %+v", m.Embedder.Thresholds())
	}
}

// Package pyannet has the same network in Go, read from the same weights by other code.
func TestRealSegmentsAreThoseOfPyannet(t *testing.T) {
	m, pcm := real(t)
	net, err := pyannet.Load(modelstest.Path(t, "pyannet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{pyannet.Window, 4 * pyannet.Rate, pyannet.Rate} {
		got, err := m.Segmenter.Segment(pcm[:n])
		if err != nil {
			t.Fatal(err)
		}
		want, err := net.Segment(pcm[:n])
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			for k := range want[i] {
				if math.Abs(float64(got[i][k]-want[i][k])) > 2e-3 {
					t.Fatalf("%d samples, frame %d, class %d: %v, want %v", n, i, k, got[i][k], want[i][k])
				}
			}
		}
	}
}

func BenchmarkRealEmbed(b *testing.B) {
	m, pcm := real(b)
	windows := [][]float32{pcm[rate:][:16*rate/10], pcm[2*rate:][:16*rate/10]}
	for b.Loop() {
		if _, err := m.Embedder.Embed(windows); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRealSegment(b *testing.B) {
	m, pcm := real(b)
	for b.Loop() {
		if _, err := m.Segmenter.Segment(pcm[:pyannet.Window]); err != nil {
			b.Fatal(err)
		}
	}
}
