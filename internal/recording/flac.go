package recording

import (
	"errors"
	"fmt"
	"io"

	"github.com/mewkiz/flac"
)

// flacStream reads the samples of a FLAC file.
type flacStream struct {
	stream  *flac.Stream
	samples []float32
}

func openFLAC(in io.Reader) (source, error) {
	stream, err := flac.New(in)
	if err != nil {
		return nil, fmt.Errorf("%w: FLAC: %w", ErrFormat, err)
	}
	if bits := stream.Info.BitsPerSample; bits < 4 || bits > 32 {
		return nil, fmt.Errorf("%w: FLAC of %d bits a sample", ErrFormat, bits)
	}
	return &flacStream{stream: stream}, nil
}

func (f *flacStream) format() (rate, channels int) {
	return int(f.stream.Info.SampleRate), int(f.stream.Info.NChannels)
}

// next decodes a frame, whose own header must agree with the stream's.
func (f *flacStream) next() ([]float32, error) {
	frame, err := f.stream.ParseNext()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // what is there of a file that was cut off is read
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("%w: FLAC: %w", ErrFormat, err)
	}
	_, channels := f.format()
	if len(frame.Subframes) != channels {
		return nil, fmt.Errorf("%w: FLAC with a changing number of channels", ErrFormat)
	}
	scale := 1 / float32(int64(1)<<(f.stream.Info.BitsPerSample-1))
	f.samples = f.samples[:0]
	for i := range len(frame.Subframes[0].Samples) {
		for _, sub := range frame.Subframes {
			if i >= len(sub.Samples) {
				return nil, fmt.Errorf("%w: FLAC with channels of different length", ErrFormat)
			}
			f.samples = append(f.samples, float32(sub.Samples[i])*scale)
		}
	}
	return f.samples, nil
}
