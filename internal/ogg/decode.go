package ogg

import (
	"errors"
	"fmt"
	"io"
	"time"

	"souffleur/internal/timeline"
)

// ErrTooLong says that a recording is longer than the caller allowed.
var ErrTooLong = errors.New("recording is too long")

// Decode returns the samples of an Ogg Opus recording, 16 kHz mono in [-1, 1], without pre-skip and end padding. A
// recording longer than limit gives ErrTooLong, a file that is none gives ErrFormat.
func Decode(r io.Reader, limit time.Duration) ([]float32, error) {
	o, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	line := timeline.New()
	var pcm []float32
	for {
		p, err := o.Next()
		if err == io.EOF {
			return pcm, nil
		}
		if err != nil {
			return nil, err
		}
		if time.Duration(p.Pos/48)*time.Millisecond > limit {
			return nil, fmt.Errorf("%w: more than %v", ErrTooLong, limit)
		}
		chunk := line.Append(timeline.Packet{RTP: uint64(p.Pos + int64(o.header.PreSkip)), Opus: p.Opus})
		pcm = append(pcm, audible(p, chunk.PCM)...)
	}
}

// audible cuts pre-skip and end padding from the samples of p.
func audible(p Packet, pcm []float32) []float32 {
	if skip := int(-p.Pos / 3); skip > 0 {
		pcm = pcm[min(skip, len(pcm)):]
	}
	return pcm[:len(pcm)-min(p.Discard/3, len(pcm))]
}
