package main

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"souffleur/diarize"
	"souffleur/diarize/voices"
	"souffleur/internal/recording"
)

// needVoices skips a test that needs the models that tell voices apart where they are not installed, and with -short.
func needVoices(t *testing.T) *trackers {
	t.Helper()
	if testing.Short() {
		t.Skip("telling voices apart takes its time")
	}
	tr, err := modelFlags{Models: defaultModelsDir()}.trackers(t.Context(), ownVoiceFlags{}, slog.New(slog.DiscardHandler))
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

// chords are three notes with vibrato, changed every second, and a drum.
func chords(seconds int) []float32 {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([]float32, seconds*recording.Rate)
	for i := range out {
		t := float64(i) / recording.Rate
		root := 130.8 * math.Pow(2, float64([]int{0, 5, 7, 9}[int(t)%4])/12)
		for _, third := range []float64{1, 1.26, 1.5} {
			phase := 2*math.Pi*root*third*t + 3*math.Sin(2*math.Pi*5.5*t)
			out[i] += float32(0.06*math.Sin(phase) + 0.03*math.Sin(2*phase) + 0.015*math.Sin(3*phase))
		}
		if beat := math.Mod(t, 0.5); beat < 0.08 {
			out[i] += float32(0.2 * math.Exp(-60*beat) * r.NormFloat64())
		}
	}
	return out
}

// telephone leaves what a telephone line does: 300 to 3400 Hz, 8000 samples a second and back.
func telephone(pcm []float32) []float32 {
	const taps = 127
	var kernel [taps]float64
	for i := range kernel {
		x := float64(i - taps/2)
		window := 0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/(taps-1))
		low := func(hz float64) float64 {
			if x == 0 {
				return 2 * hz / recording.Rate
			}
			return math.Sin(2*math.Pi*hz*x/recording.Rate) / (math.Pi * x)
		}
		kernel[i] = window * (low(3400) - low(300))
	}
	band := make([]float32, len(pcm))
	for i := range pcm {
		sum := 0.0
		for k, h := range kernel {
			if j := i + k - taps/2; j >= 0 && j < len(pcm) {
				sum += h * float64(pcm[j])
			}
		}
		band[i] = float32(sum)
	}
	for i := 1; i+1 < len(band); i += 2 { // every second sample never travelled
		band[i] = (band[i-1] + band[i+1]) / 2
	}
	return band
}

func TestBadSoundHasOneVoiceAndIsNamed(t *testing.T) {
	tr := needVoices(t)
	for name, c := range map[string]struct {
		pcm  []float32
		want []string // one of these; none: nothing to warn of
		most int      // voices
	}{
		"silence":    {make([]float32, 20*recording.Rate), []string{"no-speech"}, 0},
		"music":      {chords(20), []string{"no-speech", "too-short"}, 1},
		"one second": {speech(t, "jfk-1")[:recording.Rate], []string{"no-speech", "too-short"}, 1},
	} {
		one := hear(t, tr, true, 0, c.pcm)
		heard := voicesIn(one.End(0))
		if got := one.Warnings(); len(heard) > c.most || len(got) != 1 || !slices.Contains(c.want, got[0]) {
			t.Errorf("%s: voices %v, warnings %q", name, heard, got)
		}
	}
}

func TestATelephoneLineIsOnePerson(t *testing.T) {
	tr := needVoices(t)
	one := hear(t, tr, false, 0, telephone(append(speech(t, "jfk"), speech(t, "jfk")...)))
	if live, end := voicesIn(one.Turns(0)), voicesIn(one.End(0)); len(live) != 1 || len(end) != 1 || end[1] < 10_000 || !one.Alone() {
		t.Errorf("live %v, at the end %v", live, end)
	}
}

// Forty people are more than can have numbers: whatever is heard of them, nothing breaks and the numbers stay within bounds.
func TestFortyVoicesStayWithinBounds(t *testing.T) {
	tr := needVoices(t)
	said := speech(t, "jfk")[:4*recording.Rate]
	var pcm []float32
	for i := range 40 {
		pcm = append(append(pcm, taller(said, 0.7+0.025*float64(i))...), make([]float32, recording.Rate/2)...)
	}
	one := hear(t, tr, true, 0, pcm)
	live, end := voicesIn(one.Turns(0)), voicesIn(one.End(0))
	if len(live) == 0 || len(live) > voices.DefaultVoices || len(end) == 0 || len(end) > voices.MaxVoices {
		t.Errorf("live %v, at the end %v, warnings %q", live, end, one.Warnings())
	}
}
