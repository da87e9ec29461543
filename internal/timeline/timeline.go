// Package timeline turns the Opus packets of one track and one epoch into 16 kHz mono samples that stand where their RTP
// timestamps say. Loss and discontinuous transmission become silence of the right length; a long gap becomes a jump,
// which the caller treats as a new beginning. Packets come from strangers: nothing they contain can stop the caller.
//
// It reorders nothing and conceals nothing: packets are given in order, and what is missing is silence.
//
// Start reading at [Timeline.Append].
package timeline

import (
	"fmt"

	"github.com/pion/opus"
)

// Rate is the sample rate of the output, in hertz.
const Rate = 16000

// LongGap is the time without packets that makes a jump, in samples: one second. Shorter gaps are filled with silence.
const LongGap = Rate

// maxRTP bounds RTP ticks since the start of an epoch (a year), so that arithmetic on foreign values cannot overflow.
const maxRTP = 365 * 24 * 3600 * Rate48

// Packet is one Opus packet of an epoch.
type Packet struct {
	Seq  uint64 // extended sequence number
	RTP  uint64 // 48 kHz ticks since the start of the epoch
	Opus []byte
}

// Chunk is what one packet adds to the timeline.
type Chunk struct {
	Start int64     // where PCM begins, in 16 kHz samples since the start of the epoch
	PCM   []float32 // silence for a short gap, then the packet's samples in [-1, 1]; valid until the next call
	Jump  bool      // at least LongGap passed since the samples before: nothing was filled
}

// End returns the sample after the chunk.
func (c Chunk) End() int64 { return c.Start + int64(len(c.PCM)) }

// Counts says what happened to the packets of a timeline.
type Counts struct {
	Decoded int // packets decoded
	Silent  int // packets of at most two bytes (DTX), written as silence
	Damaged int // packets that did not decode, written as silence
	Late    int // packets that lie wholly before what was already written; dropped
	Filled  int // samples of silence written for short gaps
}

// Timeline decodes one track of one epoch. The zero value is not valid; see [New]. One goroutine owns it.
type Timeline struct {
	dec     opus.Decoder
	started bool
	end     int64 // sample after the last one written
	counts  Counts

	pcm    [Rate * 120 / 1000]int16 // one packet
	output []float32
}

// New returns a timeline that begins at its first packet.
func New() *Timeline {
	t := &Timeline{}
	t.freshDecoder()
	return t
}

// Restart forgets everything: decoder state, and where the samples ended. The next packet begins at its own time, and
// sounds exactly as it would in a new timeline.
func (t *Timeline) Restart() {
	t.started = false
	t.freshDecoder()
}

// Counts returns what happened since New; Restart keeps it.
func (t *Timeline) Counts() Counts { return t.counts }

// End returns the sample after the last one written, and false before the first packet.
func (t *Timeline) End() (int64, bool) { return t.end, t.started }

// LongGapAt says whether a track without packets until rtp has been silent for LongGap.
func (t *Timeline) LongGapAt(rtp uint64) bool {
	return t.started && rtp <= maxRTP && int64(rtp/3)-t.end >= LongGap
}

// Append decodes p and returns what it adds, with the silence between the samples before and its own. A packet that is no
// Opus, too late or out of all bounds adds an empty chunk; the gap it leaves is filled by the next packet.
func (t *Timeline) Append(p Packet) Chunk {
	n48, err := Samples(p.Opus)
	if err != nil || p.RTP > maxRTP {
		t.counts.Damaged++
		return Chunk{Start: t.end}
	}
	start, n := int64(p.RTP/3), n48/3
	jump := t.started && start-t.end >= LongGap
	if !t.started || jump {
		t.end, t.started = start, true
	}
	if start+int64(n) <= t.end {
		t.counts.Late++
		return Chunk{Start: t.end}
	}
	chunk := Chunk{Start: t.end, Jump: jump, PCM: t.write(p.Opus, start, n)}
	t.end = chunk.End()
	return chunk
}

// write fills output with silence up to start and the n samples of packet; what lies before t.end is cut off.
func (t *Timeline) write(packet []byte, start int64, n int) []float32 {
	gap := max(0, int(start-t.end))
	cut := max(0, int(t.end-start))
	t.counts.Filled += gap
	t.output = append(t.output[:0], make([]float32, gap+n-cut)...)
	for i, s := range t.decode(packet, n)[cut:] {
		t.output[gap+i] = float32(s) / 32768
	}
	return t.output
}

// decode returns the n samples of packet, silence if it is DTX or does not decode.
//
// Packets of at most two bytes carry no frame. The decoder has no concealment and would hiss at -76 dBFS instead of -90,
// and start the next word 12 dB too loud; silence and the decoder's untouched state are nearer to the truth.
func (t *Timeline) decode(packet []byte, n int) []int16 {
	out := t.pcm[:n]
	if len(packet) <= 2 {
		t.counts.Silent++
		clear(out)
		return out
	}
	got, err := t.decodeSafely(packet)
	if err != nil {
		t.counts.Damaged++
		t.freshDecoder()
		got = 0
	} else {
		t.counts.Decoded++
	}
	if got < n {
		clear(out[got:])
	}
	return out
}

// decodeSafely turns a panic of the decoder into an error: strangers choose the bytes.
func (t *Timeline) decodeSafely(packet []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("decode Opus packet: %v", r)
		}
	}()
	return t.dec.DecodeToInt16(packet, t.pcm[:])
}

func (t *Timeline) freshDecoder() {
	t.dec = opus.Decoder{}
	if err := t.dec.Init(Rate, 1); err != nil {
		panic(err) // both numbers are ours and allowed
	}
}
