package whispercpp

import (
	"math"
	"path/filepath"
	"strings"

	"souffleur/asr"
)

// MaxSamples is the longest speech of one request, 30 s.
const MaxSamples = 30 * asr.SampleRate

// FileMagic begins every ggml file, as a little-endian number.
const FileMagic = 0x67676d6c

// CheckSpeech checks what the library takes for granted: at most [MaxSamples], all of them finite. Its errors are
// [ErrTooLong] and [ErrNotFinite].
func CheckSpeech(pcm []float32) error {
	if len(pcm) > MaxSamples {
		return ErrTooLong
	}
	for _, s := range pcm {
		if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
			return ErrNotFinite
		}
	}
	return nil
}

// Padding is room for speech that is too short for an engine. The zero value is ready. One goroutine owns it.
type Padding struct{ room []float32 }

// AtLeast returns speech of n samples or more: pcm itself, or pcm and silence behind it, which is valid until the next call.
func (p *Padding) AtLeast(n int, pcm []float32) []float32 {
	if len(pcm) >= n {
		return pcm
	}
	if len(p.room) != n {
		p.room = make([]float32, n)
	}
	clear(p.room[copy(p.room, pcm):])
	return p.room
}

// ModelName is what users call the model of a file: its name without the extension.
func ModelName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
