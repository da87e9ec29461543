package sound

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"souffleur/internal/ogg"
)

// ErrNoEncoder says that there is no Opus encoder on this machine.
var ErrNoEncoder = errors.New("no Opus encoder: install opusenc (Debian: apt install opus-tools)")

// bitrate is what browsers send a voice at, in kbit/s.
const bitrate = "32"

// Opus returns the next length of a sound as Opus packets of 20 ms. The encoder is libopus in the program opusenc, which is
// what browsers encode with; without it the error is [ErrNoEncoder].
func Opus(ctx context.Context, s Source, length time.Duration) ([][]byte, error) {
	path, err := exec.LookPath("opusenc")
	if err != nil {
		return nil, ErrNoEncoder
	}
	cmd := exec.CommandContext(ctx, path, "--quiet", "--raw", "--raw-rate", "48000", "--raw-chan", "1", "--raw-bits", "16",
		"--bitrate", bitrate, "--framesize", "20", "-", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("pipe to opusenc: %w", err)
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start opusenc: %w", err)
	}
	written := write(in, s, int(length.Seconds()*Rate))
	if err := errors.Join(written, in.Close()); err != nil {
		return nil, fmt.Errorf("give a sound to opusenc: %w", errors.Join(err, cmd.Wait()))
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("encode with opusenc: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return packets(&out)
}

// write writes n samples of s as 16 bits each, little-endian.
func write(to io.Writer, s Source, n int) error {
	w := bufio.NewWriter(to)
	pcm := make([]float32, Rate/50)
	var raw []byte
	for ; n > 0; n -= len(pcm) {
		pcm, raw = pcm[:min(n, len(pcm))], raw[:0]
		s.Read(pcm)
		for _, x := range pcm {
			raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(x*32767)))
		}
		if _, err := w.Write(raw); err != nil {
			return err
		}
	}
	return w.Flush()
}

func packets(file io.Reader) ([][]byte, error) {
	r, err := ogg.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("read what opusenc wrote: %w", err)
	}
	var all [][]byte
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read what opusenc wrote: %w", err)
		}
		all = append(all, bytes.Clone(p.Opus))
	}
}
