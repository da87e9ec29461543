package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/rtp"

	"souffleur/internal/ogg"
)

// Source gives Opus packets and how long each sounds; io.EOF after the last.
type Source interface {
	Next() (opus []byte, length time.Duration, err error)
}

// Recording gives the packets of an Ogg Opus recording.
func Recording(r *ogg.Reader) Source { return recording{r} }

type recording struct{ r *ogg.Reader }

const opusRate = 48000 // samples a second that Ogg Opus counts in, RFC 7845

// Next implements Source.
func (s recording) Next() ([]byte, time.Duration, error) {
	p, err := s.r.Next()
	if err != nil {
		return nil, 0, err
	}
	return p.Opus, time.Duration(p.Samples) * time.Second / opusRate, nil
}

// opusSilence is one 20 ms frame of silence (RFC 6716: CELT, full band, code 0).
var opusSilence = []byte{0xf8, 0xff, 0xfe}

const (
	silenceFrame = 20 * time.Millisecond
	// tail is how long silence is sent after the recording, as an open microphone would, before it is switched off.
	tail = 2 * time.Second
)

// Speak switches the microphone on, sends src at real speed from the moment the media path stands, then two seconds of
// silence, and switches the microphone off. started is called with the time at which the first packet was sent.
// While the client is reconnecting, the recording goes on unheard, as a person's voice would. One recording at a time.
func (c *Client) Speak(ctx context.Context, src Source, started func(time.Time)) error {
	c.mu.Lock()
	up := c.connected
	c.mu.Unlock()
	select {
	case <-up:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ended:
		return fmt.Errorf("out of the meeting: %w", c.gone)
	}
	c.speaking.Lock()
	defer c.speaking.Unlock()
	c.SetMicrophone(true)
	p := pacer{c: c, begin: time.Now(), out: &c.sent}
	started(p.begin)
	for {
		opus, length, err := src.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the recording: %w", err)
		}
		if err := p.send(ctx, opus, length); err != nil {
			return err
		}
	}
	for range tail / silenceFrame {
		if err := p.send(ctx, opusSilence, silenceFrame); err != nil {
			return err
		}
	}
	c.SetMicrophone(false)
	return nil
}

// rtpClock is where the microphone's RTP stream stands. Like a browser's it stands still while nothing is sent, and goes
// on with the next recording: one SSRC never repeats a sequence number.
type rtpClock struct {
	seq uint16
	ts  uint32
}

// pacer sends packets when they are due.
type pacer struct {
	c     *Client
	begin time.Time
	at    time.Duration // position of the next packet
	out   *rtpClock
}

func (p *pacer) send(ctx context.Context, opus []byte, length time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.c.ended:
		return fmt.Errorf("out of the meeting: %w", p.c.gone)
	case <-time.After(time.Until(p.begin.Add(p.at))):
	}
	err := p.c.track.WriteRTP(&rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: p.out.seq, Timestamp: p.out.ts},
		Payload: opus,
	})
	p.out.seq++
	p.out.ts += uint32(length * 48 / time.Millisecond)
	p.at += length
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("send audio: %w", err)
	}
	return nil
}
