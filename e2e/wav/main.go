// Command wav makes a file for Chromium's fake microphone from Ogg Opus recordings: silence, the recordings one after
// the other with pauses between, silence; 48 kHz mono 16 bit. It prints as JSON where speech begins and ends, so that the
// browser test can tell how late a caption is. The browser test runs it.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"souffleur/internal/ogg"
)

const (
	decodedRate = 16_000
	upsampling  = 3 // to 48 kHz
	limit       = 5 * time.Minute
	// speechShare of the loudest 10 ms is what 10 ms must reach to count as speech: recordings differ in level by 30 dB.
	speechShare = 0.08
)

// clip says where the speech of one recording lies in the file.
type clip struct {
	StartMS int `json:"startMs"`
	EndMS   int `json:"endMs"`
}

// layout is what the command prints.
type layout struct {
	LengthMS int    `json:"lengthMs"`
	Clips    []clip `json:"clips"`
}

func main() {
	out := flag.String("out", "", "file to write")
	lead := flag.Duration("lead", 2*time.Second, "silence before the first recording")
	gap := flag.Duration("gap", 1500*time.Millisecond, "silence between recordings")
	tail := flag.Duration("tail", 4*time.Second, "silence after the last recording")
	longest := flag.Duration("longest-pause", time.Minute, "pauses inside recordings are shortened to this")
	flag.Parse()
	if err := run(*out, flag.Args(), *lead, *gap, *tail, *longest); err != nil {
		fmt.Fprintln(os.Stderr, "wav:", err)
		os.Exit(1)
	}
}

func run(out string, files []string, lead, gap, tail, longest time.Duration) error {
	pcm := silence(lead)
	var l layout
	for i, file := range files {
		if i > 0 {
			pcm = append(pcm, silence(gap)...)
		}
		file, speed, err := spedUp(file)
		if err != nil {
			return err
		}
		speech, err := decode(file)
		if err != nil {
			return err
		}
		speech = atSpeed(speech, speed)
		speech = atSpeakingLevel(hurried(speech, longest))
		c := speechIn(speech)
		offset := len(pcm) * 1000 / decodedRate
		l.Clips = append(l.Clips, clip{offset + c.StartMS, offset + c.EndMS})
		pcm = append(pcm, speech...)
	}
	pcm = append(pcm, silence(tail)...)
	l.LengthMS = len(pcm) * 1000 / decodedRate
	if err := os.WriteFile(out, encode(pcm), 0o600); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(l)
}

// spedUp cuts the speed off an argument: "FILE@0.8" is four fifths as fast, and as high.
func spedUp(argument string) (file string, speed float64, err error) {
	file, text, found := strings.Cut(argument, "@")
	if !found {
		return argument, 1, nil
	}
	speed, err = strconv.ParseFloat(text, 64)
	if err != nil || speed < 0.5 || speed > 2 {
		return "", 0, fmt.Errorf("speed %q of %s: use 0.5 to 2", text, file)
	}
	return file, speed, nil
}

// atSpeed plays samples faster or slower, by straight lines between them. The voice is another one then.
func atSpeed(pcm []float32, speed float64) []float32 {
	if speed == 1 {
		return pcm
	}
	out := make([]float32, int(float64(len(pcm))/speed))
	for i := range out {
		at := float64(i) * speed
		k := int(at)
		if k+1 >= len(pcm) {
			return out[:i]
		}
		part := float32(at - float64(k))
		out[i] = pcm[k]*(1-part) + pcm[k+1]*part
	}
	return out
}

func silence(d time.Duration) []float32 { return make([]float32, int(d.Seconds()*decodedRate)) }

func decode(file string) ([]float32, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	defer f.Close()
	pcm, err := ogg.Decode(f, limit)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", file, err)
	}
	return pcm, nil
}

const window = decodedRate / 100 // samples of 10 ms

// loudWindows says which windows of a recording are loud beside the loudest.
func loudWindows(pcm []float32) []bool {
	var levels []float64
	for at := 0; at+window <= len(pcm); at += window {
		levels = append(levels, loudness(pcm[at:at+window]))
	}
	loud := make([]bool, len(levels))
	for i, level := range levels {
		loud[i] = level >= speechShare*slices.Max(levels)
	}
	return loud
}

// speechIn finds the first and the last 10 ms of speech.
func speechIn(pcm []float32) clip {
	loud := loudWindows(pcm)
	first := slices.Index(loud, true)
	if first < 0 {
		return clip{}
	}
	slices.Reverse(loud)
	last := len(loud) - slices.Index(loud, true)
	return clip{StartMS: 10 * first, EndMS: 10 * last}
}

// hurried shortens the pauses of a recording: a speaker who does not stop to breathe makes long utterances.
func hurried(pcm []float32, longest time.Duration) []float32 {
	var out []float32
	quiet := time.Duration(0)
	for i, loud := range loudWindows(pcm) {
		quiet += 10 * time.Millisecond
		if loud {
			quiet = 0
		}
		if quiet <= longest {
			out = append(out, pcm[i*window:][:window]...)
		}
	}
	return out
}

// Level of somebody who speaks into a headset. Some recordings of the optional folder peak at 100 steps of 16 bits: through a
// sound card, echo cancellation and Opus that is noise, which no microphone with a gain control delivers.
const (
	speakingLevel = 0.1 // root mean square of what is loud
	mostPeak      = 0.9
)

// atSpeakingLevel makes speech as loud as people are.
func atSpeakingLevel(pcm []float32) []float32 {
	var loud []float32
	for i, l := range loudWindows(pcm) {
		if l {
			loud = append(loud, pcm[i*window:][:window]...)
		}
	}
	if len(loud) == 0 || loudness(loud) == 0 {
		return pcm
	}
	gain := float32(speakingLevel / loudness(loud))
	for _, v := range pcm {
		gain = min(gain, mostPeak/max(v, -v, 1e-6))
	}
	out := make([]float32, len(pcm))
	for i, v := range pcm {
		out[i] = gain * v
	}
	return out
}

func loudness(pcm []float32) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// encode returns a WAV file of pcm, with the samples between interpolated.
func encode(pcm []float32) []byte {
	samples := make([]int16, 0, len(pcm)*upsampling)
	for i, v := range pcm {
		next := v
		if i+1 < len(pcm) {
			next = pcm[i+1]
		}
		for step := range upsampling {
			between := v + (next-v)*float32(step)/upsampling
			samples = append(samples, int16(max(-1, min(1, between))*math.MaxInt16))
		}
	}
	const rate = decodedRate * upsampling
	size := uint32(2 * len(samples))
	var b bytes.Buffer
	for _, v := range []any{
		[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), // PCM, mono
		uint32(rate), uint32(2 * rate), uint16(2), uint16(16), []byte("data"), size, samples,
	} {
		_ = binary.Write(&b, binary.LittleEndian, v) // a buffer takes everything
	}
	return b.Bytes()
}
