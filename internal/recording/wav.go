package recording

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Sample formats of WAV files (Microsoft, mmreg.h).
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xfffe // the format proper stands at the beginning of a GUID
)

// wav reads the samples of a WAV file: PCM of 8, 16, 24 or 32 bits, or floating point of 32 or 64.
type wav struct {
	in       *bufio.Reader
	rate     int
	channels int
	float    bool
	size     int   // bytes of a sample
	left     int64 // bytes of samples still to come
	raw      []byte
	samples  []float32
}

// wavPiece is how many frames are decoded at once.
const wavPiece = 4096

// toTheEnd is a length that no file has: recorders that write into a pipe, or crash, leave the length open.
const toTheEnd = math.MaxInt64

// openWAV reads the header up to the samples. Chunks in other places and of other kinds are passed.
func openWAV(in *bufio.Reader) (source, error) {
	var head [12]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("%w: damaged WAV header", ErrFormat)
	}
	w := &wav{in: in}
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(in, chunk[:]); err != nil {
			return nil, fmt.Errorf("%w: a WAV file without samples", ErrFormat)
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			if err := w.readFormat(size); err != nil {
				return nil, err
			}
		case "data":
			if w.size == 0 {
				return nil, fmt.Errorf("%w: WAV samples without a format", ErrFormat)
			}
			w.left = size
			if size == 0 || size == math.MaxUint32 {
				w.left = toTheEnd
			}
			return w, nil
		default:
			if err := w.skip(size + size%2); err != nil {
				return nil, err
			}
		}
	}
}

// Lengths of a format chunk in bytes: the fields that are read, and with the GUID.
const (
	formatSize     = 16
	extensibleSize = 26
	maxFormatSize  = 4096
)

// readFormat reads a format chunk of size bytes.
func (w *wav) readFormat(size int64) error {
	if size < formatSize || size > maxFormatSize {
		return fmt.Errorf("%w: damaged WAV format", ErrFormat)
	}
	b := make([]byte, size+size%2)
	if _, err := io.ReadFull(w.in, b); err != nil {
		return fmt.Errorf("%w: it ends within the WAV format", ErrFormat)
	}
	kind := binary.LittleEndian.Uint16(b)
	if kind == wavExtensible && size >= extensibleSize {
		kind = binary.LittleEndian.Uint16(b[24:])
	}
	w.channels = int(binary.LittleEndian.Uint16(b[2:]))
	w.rate = int(min(binary.LittleEndian.Uint32(b[4:]), math.MaxInt32))
	bits := int(binary.LittleEndian.Uint16(b[14:]))
	w.float, w.size = kind == wavFloat, bits/8
	switch {
	case kind == wavPCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32):
	case kind == wavFloat && (bits == 32 || bits == 64):
	default:
		return fmt.Errorf("%w: WAV of kind %d with %d bits a sample; PCM of 8 to 32 bits and floating point are read", ErrFormat, kind, bits)
	}
	if w.channels < 1 || w.channels > maxChannels {
		return fmt.Errorf("%w: WAV of %d channels", ErrFormat, w.channels)
	}
	return nil
}

func (w *wav) skip(n int64) error {
	if _, err := io.CopyN(io.Discard, w.in, n); err != nil {
		return fmt.Errorf("%w: a WAV file without samples", ErrFormat)
	}
	return nil
}

func (w *wav) format() (rate, channels int) { return w.rate, w.channels }

// next decodes up to wavPiece frames. A file may end before it says; a frame that is not whole is dropped.
func (w *wav) next() ([]float32, error) {
	frame := w.size * w.channels
	if w.raw == nil {
		w.raw = make([]byte, wavPiece*frame)
	}
	n, err := io.ReadFull(w.in, w.raw[:min(int64(len(w.raw)), w.left)])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	w.left -= int64(n)
	if n -= n % frame; n == 0 {
		return nil, io.EOF
	}
	w.samples = w.samples[:0]
	for b := w.raw[:n]; len(b) > 0; b = b[w.size:] {
		w.samples = append(w.samples, w.sample(b))
	}
	return w.samples, nil
}

// sample returns the first sample of b, full scale 1. Samples of 8 bits have no sign, longer ones do.
func (w *wav) sample(b []byte) float32 {
	le := binary.LittleEndian
	switch {
	case w.float && w.size == 8:
		return float32(math.Float64frombits(le.Uint64(b)))
	case w.float:
		return math.Float32frombits(le.Uint32(b))
	case w.size == 1:
		return (float32(b[0]) - 128) / 128
	case w.size == 2:
		return float32(int16(le.Uint16(b))) / (1 << 15)
	case w.size == 3:
		return float32(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
	}
	return float32(int32(le.Uint32(b))) / (1 << 31)
}
