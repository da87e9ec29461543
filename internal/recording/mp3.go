package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	mp3 "github.com/hajimehoshi/go-mp3"
)

// mp3Stream reads the samples of an MP3 file. Its decoder writes every file as stereo of 16 bits.
type mp3Stream struct {
	decoder *mp3.Decoder
	raw     [4 * 2304]byte
	samples []float32
}

// onlyReader hides that a reader can do more: the decoder would read a file it can seek in twice, to know its length.
type onlyReader struct{ io.Reader }

func openMP3(in io.Reader) (source, error) {
	d, err := mp3.NewDecoder(onlyReader{in})
	if err != nil {
		return nil, fmt.Errorf("%w: MP3: %w", ErrFormat, err)
	}
	return &mp3Stream{decoder: d}, nil
}

func (m *mp3Stream) format() (rate, channels int) { return m.decoder.SampleRate(), 2 }

func (m *mp3Stream) next() ([]float32, error) {
	n, err := io.ReadFull(m.decoder, m.raw[:])
	if n -= n % 4; n == 0 {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("%w: MP3: %w", ErrFormat, err)
	}
	m.samples = m.samples[:0]
	for b := m.raw[:n]; len(b) > 0; b = b[2:] {
		m.samples = append(m.samples, float32(int16(binary.LittleEndian.Uint16(b)))/(1<<15))
	}
	return m.samples, nil
}
