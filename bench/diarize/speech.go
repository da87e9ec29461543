package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"souffleur/asr/eval/sound"
	"souffleur/internal/recording"
	"souffleur/internal/timeline"
)

const rate = recording.Rate

// speaker is what one person of LibriSpeech says: utterances without the silence around them.
type speaker struct {
	name       string
	utterances [][]float32
}

// loadSpeakers reads SPEAKER-CHAPTER-NNNN.flac of a folder.
func loadSpeakers(dir string) ([]speaker, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.flac"))
	if err != nil {
		return nil, err
	}
	var out []speaker
	for _, path := range paths { // sorted
		pcm, err := recording.Read(path, 10*time.Minute)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		i := slices.IndexFunc(out, func(s speaker) bool { return s.name == name })
		if i < 0 {
			out, i = append(out, speaker{name: name}), len(out)
		}
		if pcm = trim(pcm); len(pcm) > rate {
			out[i].utterances = append(out[i].utterances, pcm)
		}
	}
	if len(out) < 2 {
		return nil, fmt.Errorf("%w: no recordings of two speakers in %s", errNoSpeech, dir)
	}
	return out, nil
}

var errNoSpeech = errors.New("speech data are missing; set SOUFFLEUR_SPEECH or -speech")

// trim takes silence off both ends.
func trim(pcm []float32) []float32 {
	spans := active(pcm)
	if len(spans) == 0 {
		return nil
	}
	return pcm[spans[0][0]:spans[len(spans)-1][1]]
}

const (
	tick  = rate / 100 // samples of a frame of 10 ms
	pause = rate / 2   // what is shorter, and between what one person says, belongs to a turn
)

// levels are decibels of each frame of 10 ms, without rumble: one of the speakers sits over so much of it that his pauses would be
// speech.
func levels(pcm []float32) []float64 {
	out := make([]float64, len(pcm)/tick)
	var clear highPass
	for i := range out {
		sum := 1e-10
		for _, s := range pcm[i*tick:][:tick] {
			s = clear.next(s)
			sum += float64(s) * float64(s) / tick
		}
		out[i] = 10 * math.Log10(sum)
	}
	return out
}

// active are the stretches of clean speech of one person without long pauses, as samples: frames louder than a
// third of the way, in decibels, from the recording's floor to its loud parts. It is no voice detector of ours, so it can be a
// reference for one.
func active(pcm []float32) [][2]int {
	l := levels(pcm)
	if len(l) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(l))
	loud, floor := sorted[len(sorted)*95/100], sorted[len(sorted)*5/100]
	threshold := floor + 0.35*(loud-floor)
	var out [][2]int
	for i, v := range l {
		if v < threshold {
			continue
		}
		if n := len(out) - 1; n >= 0 && i*tick-out[n][1] < pause {
			out[n][1] = (i + 1) * tick
			continue
		}
		out = append(out, [2]int{i * tick, (i + 1) * tick})
	}
	return slices.DeleteFunc(out, func(s [2]int) bool { return s[1]-s[0] < rate/20 })
}

// coded is what is left of sound that a browser sent: Opus and back, decoded as meetings are.
func coded(pcm []float32) ([]float32, error) {
	packets, err := sound.Opus(context.Background(), &tripled{pcm: pcm}, time.Duration(len(pcm))*time.Second/rate)
	if err != nil {
		return nil, err
	}
	line := timeline.New()
	out := make([]float32, 0, len(pcm))
	for i, p := range packets {
		out = append(out, line.Append(timeline.Packet{Seq: uint64(i), RTP: uint64(i) * 960, Opus: p}).PCM...)
	}
	return out[:min(len(out), len(pcm))], nil
}

// tripled brings 16 kHz to the 48 kHz of Opus by straight lines; what that adds lies above 8 kHz and goes with the way back.
type tripled struct {
	pcm  []float32
	at   int
	last float32
}

// Read implements sound.Source.
func (t *tripled) Read(out []float32) {
	for i := 0; i+3 <= len(out); i += 3 {
		next := float32(0)
		if t.at < len(t.pcm) {
			next = t.pcm[t.at]
		}
		t.at++
		step := (next - t.last) / 3
		out[i], out[i+1], out[i+2] = t.last+step, t.last+2*step, next
		t.last = next
	}
}
