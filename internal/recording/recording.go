// Package recording reads recordings of speech, whatever their form, as 16 kHz mono: Ogg Opus, WAV, FLAC and MP3. What a file
// is, its first bytes say, never its name. Files are foreign input: memory is bounded by the length that the caller allows, and
// a damaged file is an error, also where a library panics on it.
//
// Start reading at [Decode]; resample.go brings any rate to 16 kHz.
package recording

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"souffleur/internal/ogg"
)

// Rate is the rate of all samples that this package returns, in hertz.
const Rate = 16000

// Bounds of what is read.
const (
	minRate     = 8000    // hertz
	maxRate     = 192_000 // hertz
	maxChannels = 8
)

// Errors of this package.
var (
	// ErrFormat says that a file is no recording that is read here, or is damaged.
	ErrFormat = errors.New("not a recording that can be read")
	// ErrTooLong says that a recording is longer than the caller allowed.
	ErrTooLong = ogg.ErrTooLong
)

// extensions of the files that [Known] recognises.
var extensions = []string{".ogg", ".opus", ".oga", ".wav", ".wave", ".flac", ".mp3"}

// Known says whether a file's name looks like that of a recording, for finding recordings in folders.
func Known(name string) bool { return slices.Contains(extensions, strings.ToLower(filepath.Ext(name))) }

// Read returns the samples of a file; see [Decode].
func Read(path string, limit time.Duration) ([]float32, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Decode(file, limit)
}

// Decode returns the samples of a recording, 16 kHz mono in [-1, 1], all of them finite: channels are mixed down, samples that
// are no numbers become silence. A recording longer than limit gives ErrTooLong, a file that is none gives ErrFormat.
func Decode(r io.Reader, limit time.Duration) ([]float32, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := skipTag(in)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("OggS")):
		return decodeOgg(in, limit)
	case bytes.HasPrefix(head, []byte("RIFF")), bytes.HasPrefix(head, []byte("RF64")):
		return collect(func() (source, error) { return openWAV(in) }, limit)
	case bytes.HasPrefix(head, []byte("fLaC")):
		return collect(func() (source, error) { return openFLAC(in) }, limit)
	case len(head) >= 2 && head[0] == 0xff && head[1]&0xe6 == 0xe2: // the sync word of MPEG audio, layer III
		return collect(func() (source, error) { return openMP3(in) }, limit)
	}
	return nil, fmt.Errorf("%w: neither Ogg Opus nor WAV, FLAC or MP3", ErrFormat)
}

// maxTags is how many ID3 tags may stand before the audio; each says its length.
const maxTags = 4

// skipTag passes ID3v2 tags (id3.org, ID3v2.4 §3.1), which hold titles and pictures, and returns the first bytes behind them.
func skipTag(in *bufio.Reader) ([]byte, error) {
	for range maxTags {
		head, err := in.Peek(10)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		if len(head) < 10 || !bytes.HasPrefix(head, []byte("ID3")) {
			return head, nil
		}
		size := 10
		for i, b := range head[6:10] {
			size += int(b&0x7f) << (7 * (3 - i))
		}
		if head[5]&0x10 != 0 { // a footer
			size += 10
		}
		if _, err := in.Discard(size); err != nil {
			return nil, fmt.Errorf("%w: it ends within its tag", ErrFormat)
		}
	}
	return nil, fmt.Errorf("%w: more than %d tags", ErrFormat, maxTags)
}

func decodeOgg(in io.Reader, limit time.Duration) ([]float32, error) {
	pcm, err := ogg.Decode(in, limit)
	if errors.Is(err, ogg.ErrFormat) {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	clean(pcm)
	return pcm, err
}

// source is an opened recording, decoded piece by piece.
type source interface {
	// format returns rate in hertz and number of channels; they do not change.
	format() (rate, channels int)
	// next returns the next samples, channels interleaved, valid until the next call; io.EOF after the last. Full scale is 1.
	next() ([]float32, error)
}

// collect opens a recording and reads all of it. Decoders of other people's formats panic on files that nobody thought of; that
// costs this recording and not the program.
func collect(open func() (source, error), limit time.Duration) (pcm []float32, err error) {
	defer func() {
		if p := recover(); p != nil {
			pcm, err = nil, fmt.Errorf("%w: its decoder gave up", ErrFormat)
		}
	}()
	s, err := open()
	if err != nil {
		return nil, err
	}
	rate, channels := s.format()
	if rate < minRate || rate > maxRate || channels < 1 || channels > maxChannels {
		return nil, fmt.Errorf("%w: %d channels at %d Hz; 1 to %d at %d to %d Hz are read", ErrFormat, channels, rate, maxChannels, minRate, maxRate)
	}
	most := int64(limit.Seconds() * float64(rate)) // samples of a channel
	to := newResampler(rate)
	var mono []float32
	for {
		piece, err := s.next()
		if err == io.EOF {
			return to.flush(), nil
		}
		if err != nil {
			return nil, err
		}
		mono = mixDown(mono[:0], piece, channels)
		if to.push(mono); to.taken > most {
			return nil, fmt.Errorf("%w: more than %v", ErrTooLong, limit)
		}
	}
}

// mixDown appends the mean of the channels to out. What is no number is silence.
func mixDown(out, piece []float32, channels int) []float32 {
	clean(piece)
	for ; len(piece) >= channels; piece = piece[channels:] {
		sum := float32(0)
		for _, v := range piece[:channels] {
			sum += v
		}
		out = append(out, sum/float32(channels))
	}
	return out
}

// clean brings samples into [-1, 1]: files of floating point numbers may hold anything.
func clean(pcm []float32) {
	for i, v := range pcm {
		switch {
		case math.IsNaN(float64(v)) || math.IsInf(float64(v), 0):
			pcm[i] = 0
		default:
			pcm[i] = min(max(v, -1), 1)
		}
	}
}
