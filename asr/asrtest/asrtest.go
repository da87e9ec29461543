// Package asrtest has what tests of recognition need in place of people and engines: scripted speech whose words a program hears
// from its samples alone, a voice detector that needs no model, and how long an engine would take. It is for tests only.
//
// It does not import package asr, whose own tests use it: what hears here returns plain words, and each test wraps them in a
// recogniser.
//
// Start reading at [Drummer] and [Hear].
package asrtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"souffleur/asr/eval"
	"souffleur/internal/ogg"
)

const (
	// SampleRate is that of all samples, in hertz.
	SampleRate = 16000
	// HopSize is how many samples [Loudness] looks at.
	HopSize = 512
	// PacketTime is how long each packet of scripted speech sounds.
	PacketTime = 20 * time.Millisecond

	packetSamples = SampleRate * 20 / 1000
)

// SilentPacket is one of discontinuous transmission: it is written as digital silence.
var SilentPacket = []byte{0x78}

// Recording returns the Opus packets of a recording of testdata/speech, 20 ms each, from any folder of the repository.
func Recording(name string) ([][]byte, error) {
	dir, err := speechFolder()
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	r, err := ogg.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var all [][]byte
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, bytes.Clone(p.Opus))
	}
}

// speechFolder looks upwards from the working directory, which is that of the package under test.
func speechFolder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata", "speech"), nil
		}
	}
	return "", errors.New("no go.mod above the working directory")
}

// Loudness is a voice detector that remembers: it smooths the level, so what it says depends on where it began. Like a real
// one, it is a function of the windows since Reset alone. It fits asr.VoiceDetector.
type Loudness struct {
	Closed bool // set by Close

	level float64
}

// Probability looks at HopSize samples.
func (l *Loudness) Probability(window []float32) (float32, error) {
	if l.Closed || len(window) != HopSize {
		return 0, fmt.Errorf("window of %d samples, closed %v", len(window), l.Closed)
	}
	sum := 0.0
	for _, x := range window {
		sum += float64(x) * float64(x)
	}
	l.level = 0.4*l.level + 0.6*math.Sqrt(sum/HopSize)
	return float32(l.level / (l.level + 0.02)), nil
}

// Reset forgets what was heard.
func (l *Loudness) Reset() { l.level = 0 }

// Close notes that it was called.
func (l *Loudness) Close() error { l.Closed = true; return nil }

// Costs say how long a recognition takes: a base, and a part for each second of speech.
type Costs struct{ Partial, PartialSecond, Final, FinalSecond time.Duration }

// BaseCosts is what whisper-base q8_0 takes on one core of a 2-core x86 server with AVX512 (go test -bench Recognize
// ./asr/whisper), rounded: 0.16 to 0.3 s for a partial, 0.44 to 1 s for a final of 1 to 12 s.
var BaseCosts = Costs{150 * time.Millisecond, 12 * time.Millisecond, 400 * time.Millisecond, 50 * time.Millisecond}

// Of returns the cost of hearing so many samples.
func (c Costs) Of(samples int, partial bool) time.Duration {
	seconds := float64(samples) / SampleRate
	if partial {
		return c.Partial + time.Duration(seconds*float64(c.PartialSecond))
	}
	return c.Final + time.Duration(seconds*float64(c.FinalSecond))
}

// Spoken is a stretch of packets of 20 ms, and what is said in it. Times of Speech count from the first packet.
type Spoken struct {
	Packets [][]byte
	Speech  eval.Speech
}

// Voice gives what a speaker says next; false when that was all.
type Voice func() (Spoken, bool)
