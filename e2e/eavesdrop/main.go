// Command eavesdrop joins a room as somebody without its key and looks at the media as the server has it: does it hear the
// tone that is played in the room, are pictures' key frames still to be told from others, does it look like SFrame? It
// prints what it found as JSON. The browser test runs it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/pion/opus"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/client"
	"souffleur/sfu/vp8"
)

const decodedRate = 16_000

// findings is what the command prints.
type findings struct {
	AudioPackets int `json:"audioPackets"` // with sound, so not the short ones of silence
	Undecodable  int `json:"undecodable"`  // of them
	Tone         int `json:"tone"`         // of them: nothing but the tone is in them
	AudioSealed  int `json:"audioSealed"`  // of them: an SFrame header follows the first byte
	KeyFrames    int `json:"keyFrames"`    // begin with VP8's start code
	VideoSealed  int `json:"videoSealed"`  // of them: an SFrame header follows the tenth byte
}

// ear takes the packets of all slots.
type ear struct {
	tone float64 // Hz

	mu       sync.Mutex // guards what follows
	found    findings
	decoders map[uint32]*opus.Decoder // by SSRC
}

func main() {
	url := flag.String("url", "", "link of the room")
	length := flag.Duration("for", 5*time.Second, "how long to listen")
	tone := flag.Float64("tone", 700, "frequency of the tone, Hz")
	e2ee := flag.Bool("e2ee", false, "say that we encrypt")
	flag.Parse()
	if err := run(*url, *length, *tone, *e2ee); err != nil {
		fmt.Fprintln(os.Stderr, "eavesdrop:", err)
		os.Exit(1)
	}
}

func run(url string, length time.Duration, tone float64, e2ee bool) error {
	e := &ear{tone: tone, decoders: map[uint32]*opus.Decoder{}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := client.Join(ctx, client.Config{URL: url, Name: "Eve", E2EE: e2ee, Media: e.take})
	if err != nil {
		return err
	}
	defer c.Close()
	select {
	case <-time.After(length):
	case <-c.Ended():
		return fmt.Errorf("out of the meeting: %w", c.Err())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return json.NewEncoder(os.Stdout).Encode(e.found)
}

func (e *ear) take(kind webrtc.RTPCodecType, p *rtp.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if kind == webrtc.RTPCodecTypeAudio {
		e.hear(p)
		return
	}
	e.see(p.Payload)
}

// soundBytes is what a packet with sound has at least.
const soundBytes = 40

func (e *ear) hear(p *rtp.Packet) {
	if len(p.Payload) < soundBytes {
		return
	}
	e.found.AudioPackets++
	if sealedAfter(p.Payload, 1) {
		e.found.AudioSealed++
	}
	pcm, err := e.decode(p)
	switch {
	case err != nil:
		e.found.Undecodable++
		delete(e.decoders, p.SSRC)
	case purity(pcm, e.tone) > 0.8:
		e.found.Tone++
	}
}

// decode turns a panic of the decoder into an error: what it gets may be no Opus at all.
func (e *ear) decode(p *rtp.Packet) (pcm []int16, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decode Opus packet: %v", r)
		}
	}()
	d := e.decoders[p.SSRC]
	if d == nil {
		made, err := opus.NewDecoderWithOutput(decodedRate, 1)
		if err != nil {
			return nil, err
		}
		d = &made
		e.decoders[p.SSRC] = d
	}
	pcm = make([]int16, decodedRate*120/1000)
	n, err := d.DecodeToInt16(p.Payload, pcm)
	return pcm[:n], err
}

// purity returns how much of the energy of pcm is in one frequency, 0 to 1.
func purity(pcm []int16, hz float64) float64 {
	var re, im, energy float64
	for i, s := range pcm {
		v, at := float64(s), 2*math.Pi*hz*float64(i)/decodedRate
		re += v * math.Cos(at)
		im += v * math.Sin(at)
		energy += v * v
	}
	if energy < float64(len(pcm))*100 { // silence
		return 0
	}
	return 2 * (re*re + im*im) / (float64(len(pcm)) * energy)
}

func (e *ear) see(payload []byte) {
	d, err := vp8.Parse(payload)
	if err != nil || !d.KeyFrame {
		return
	}
	frame := payload[d.Size:]
	if len(frame) < 20 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a { // RFC 6386, section 9.1
		return
	}
	e.found.KeyFrames++
	if sealedAfter(frame, 10) {
		e.found.VideoSealed++
	}
}

// sealedAfter says whether an SFrame header with a key ID of 8 bytes (RFC 9605, section 4.3) stands after n bytes. The first
// bit of the client's key IDs is set.
func sealedAfter(frame []byte, n int) bool {
	return len(frame) > n+1 && frame[n]>>4 == 0xF && frame[n+1]&0x80 != 0
}
