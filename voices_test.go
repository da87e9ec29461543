package main

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"souffleur/diarize"
	"souffleur/internal/recording"
)

// needVoices skips a test that needs the models that tell voices apart where they are not installed, and with -short.
func needVoices(t *testing.T) *trackers {
	t.Helper()
	if testing.Short() {
		t.Skip("telling voices apart takes its time")
	}
	tr, err := modelFlags{Models: defaultModelsDir()}.trackers(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Skipf("fetch them with souffleur models pull ge2e and pyannet: %v", err)
	}
	return tr
}

// speech is a recording of testdata.
func speech(t testing.TB, name string) []float32 {
	t.Helper()
	pcm, err := recording.Read(filepath.Join("testdata", "speech", name+".ogg"), maxRecording)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// taller plays speech faster or slower: pitch and formants move together, as of somebody with another throat.
func taller(pcm []float32, by float64) []float32 {
	out := make([]float32, int(float64(len(pcm)-1)/by))
	for i := range out {
		at := float64(i) * by
		k := int(at)
		f := float32(at - float64(k))
		out[i] = pcm[k]*(1-f) + pcm[k+1]*f
	}
	return out
}

// hear has a tracker hear sound, as the worker does.
func hear(t testing.TB, tr *trackers, room bool, headcount int, pcm []float32) diarize.Tracker {
	t.Helper()
	one, err := tr.tracker(room, headcount)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close() })
	const step = recording.Rate / 10
	for at := 0; at < len(pcm); at += step {
		one.Push(int64(at)*1000/recording.Rate, pcm[at:min(len(pcm), at+step)])
	}
	return one
}

func voicesIn(turns []diarize.Turn) map[int]int64 {
	out := map[int]int64{}
	for _, v := range turns {
		out[v.Voice] += v.T1 - v.T0
	}
	return out
}

// twoPeople is a conversation of somebody with somebody else.
func twoPeople(t testing.TB) []float32 {
	one := speech(t, "jfk")
	other := taller(one, 1.4)
	var pcm []float32
	for range 2 {
		pcm = append(append(pcm, one...), other...)
	}
	return pcm
}

// keepWAV writes a recording of 16 bits.
func keepWAV(t testing.TB, path string, pcm []float32) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("RIFF")
	binary.Write(&b, binary.LittleEndian, uint32(36+2*len(pcm)))
	b.WriteString("WAVEfmt ")
	binary.Write(&b, binary.LittleEndian, struct {
		Size             uint32
		Format, Channels uint16
		Rate, ByteRate   uint32
		Align, Bits      uint16
	}{16, 1, 1, recording.Rate, 2 * recording.Rate, 2, 16})
	b.WriteString("data")
	binary.Write(&b, binary.LittleEndian, uint32(2*len(pcm)))
	for _, x := range pcm {
		binary.Write(&b, binary.LittleEndian, int16(max(-1, min(1, x))*32767))
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
