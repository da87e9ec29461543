//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/sfu/sfutest"
)

// What both servers and all receivers agree on: the codecs, and the order of SRTP's ciphers. The first is what pion and
// Chrome settle on.
var (
	opusCodec = webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}}
	vp8Codec = webrtc.RTPCodecParameters{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}},
	}}
	profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
)

// film is the shape of a video stream. Sizes are those of real cameras; the bytes are random, as encrypted ones would be.
type film struct {
	Rate    time.Duration // between two frames
	Packets []int         // in each frame, over and over
}

var (
	camera    = film{Rate: time.Second / 30, Packets: []int{3, 2, 4, 3}} // 90 packets a second, 0.7 Mb/s
	mainTile  = film{Rate: time.Second / 30, Packets: []int{5, 4, 6, 5}} // 150 packets a second, 1.2 Mb/s
	thumbnail = film{Rate: time.Second / 15, Packets: []int{1, 2, 2}}    // 25 packets a second, 0.2 Mb/s
)

const (
	keyPackets  = 30   // of a key frame: 32 kB
	videoBytes  = 1100 // of a payload; the last of a frame is shorter
	audioBytes  = 120  // of a payload: 48 kb/s
	burst       = 8    // packets that leave at once; then comes a pause, as browsers pace what they send
	burstPause  = 4 * time.Millisecond
	audioFrame  = 20 * time.Millisecond
	silenceGap  = 400 * time.Millisecond // between two packets of a silent microphone (Opus DTX)
	silenceStep = 100 * time.Millisecond // after which a silent one looks whether it is to talk
	silenceSize = 3
	loud        = 20 // minus dBov
)

// stampBytes is the size of the send time that ends every payload.
const stampBytes = 8

// stamp writes the send time into the end of a payload.
func stamp(payload []byte) {
	binary.BigEndian.PutUint64(payload[len(payload)-stampBytes:], uint64(time.Now().UnixNano()))
}

// sentAt reads it.
func sentAt(payload []byte) (time.Time, bool) {
	if len(payload) < stampBytes {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(payload[len(payload)-stampBytes:]))), true
}

// microphone sends Opus-sized packets.
type microphone struct {
	out     *sfutest.Source
	payload []byte
	seq     uint16
	ts      uint32
	talks   atomic.Bool
}

func newMicrophone(out *sfutest.Source) *microphone {
	m := &microphone{out: out, payload: noise(audioBytes)}
	m.talks.Store(true)
	return m
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// prime sends one packet of silence, so that the server knows the stream.
func (m *microphone) prime() error { return m.write(silenceSize+stampBytes, 127, audioFrame) }

func (m *microphone) write(size int, level uint8, length time.Duration) error {
	payload := m.payload[:size]
	stamp(payload)
	m.seq++
	m.ts += uint32(length / time.Millisecond * 48)
	return m.out.WriteAudio(m.seq, m.ts, level, payload)
}

// run talks, or is silent, until ctx ends.
func (m *microphone) run(ctx context.Context, phase time.Duration) error {
	next := time.Now().Add(phase)
	for {
		wait(ctx, next)
		if ctx.Err() != nil {
			return nil
		}
		size, level, length := audioBytes, uint8(loud), audioFrame
		if !m.talks.Load() {
			size, level, length = silenceSize+stampBytes, 127, silenceGap
		}
		if err := m.write(size, level, length); err != nil {
			return fmt.Errorf("send audio: %w", err)
		}
		for until := next.Add(length); next.Before(until) && ctx.Err() == nil; {
			next = next.Add(min(length, silenceStep))
			if m.talks.Load() {
				break // whoever begins to talk does so in the next step
			}
			wait(ctx, next)
		}
	}
}

// filmer sends VP8-shaped frames.
type filmer struct {
	out     *sfutest.Source
	film    film
	payload []byte
	seq     uint16
	ts      uint32
	picture uint16
	tl0     uint8
	frames  int
	asked   int
}

func newFilmer(out *sfutest.Source, f film) *filmer {
	return &filmer{out: out, film: f, payload: noise(videoBytes)}
}

// prime sends a small frame, so that the server knows the stream.
func (f *filmer) prime() error { return f.write(context.Background(), 1, true) }

// run films until ctx ends: a key frame whenever the server asks, else delta frames.
func (f *filmer) run(ctx context.Context, phase time.Duration) error {
	next := time.Now().Add(phase)
	for {
		wait(ctx, next)
		next = next.Add(f.film.Rate)
		if ctx.Err() != nil {
			return nil
		}
		asked := f.out.KeyFrameRequests()
		key := asked > f.asked
		f.asked = asked
		packets := f.film.Packets[f.frames%len(f.film.Packets)]
		if key {
			packets = keyPackets
		}
		if err := f.write(ctx, packets, key); err != nil {
			return fmt.Errorf("send video: %w", err)
		}
	}
}

// write sends one frame.
func (f *filmer) write(ctx context.Context, packets int, key bool) error {
	f.picture++
	f.tl0++
	f.frames++
	f.ts += uint32(f.film.Rate * 90000 / time.Second)
	for i := range packets {
		if i > 0 && i%burst == 0 {
			wait(ctx, time.Now().Add(burstPause))
		}
		size := videoBytes
		if i == packets-1 {
			size = 300 + (f.frames*97)%(videoBytes-300)
		}
		payload := f.payload[:size]
		f.describe(payload, i == 0, key)
		stamp(payload)
		f.seq++
		packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: f.seq, Timestamp: f.ts, Marker: i == packets-1}, Payload: payload}
		if err := f.out.Write(packet); err != nil {
			return err
		}
	}
	return nil
}

// describe writes the VP8 payload descriptor as libwebrtc does, with 15-bit picture IDs, and the frame's first byte.
func (f *filmer) describe(payload []byte, first, key bool) {
	payload[0], payload[1] = 0x80, 0xC0
	if first {
		payload[0] = 0x90
	}
	payload[2], payload[3], payload[4], payload[5] = 0x80|byte(f.picture>>8&0x7F), byte(f.picture), f.tl0, 1
	if key {
		payload[5] = 0
	}
}

func wait(ctx context.Context, until time.Time) {
	left := time.Until(until)
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
