// Package tape lays out the audio of one track as one Ogg Opus stream (RFC 7845) whose time is the room clock: sample 0 is
// the beginning of the meeting, and what is played at a second was said at that second. Where nothing was sent, or nothing
// was kept, the stream is silent.
//
// The stream is written piece by piece while people talk, and a piece never changes any more. It is read at any place: a
// [Head] says where a piece stands in bytes, pages and samples, so nothing before it must be read. Silence between pieces is
// not stored; it is computed.
//
// Everything here is arithmetic; package storage seals and keeps the pieces. Start reading at [Write].
package tape

import (
	"encoding/binary"
	"errors"
	"fmt"

	"souffleur/internal/ogg"
	"souffleur/internal/timeline"
)

// SamplesPerMS is the rate of everything here: Opus counts at 48 kHz, whatever was sampled.
const SamplesPerMS = timeline.Rate48 / 1000

// preSkip is what players decode and do not play, 80 ms: decoders come to rest in it (RFC 7845 §4.2), and programs
// distrust streams without. It is silent, so that sample 0 is the beginning of the meeting.
const preSkip = 3840

// channels of the stream. A stereo packet in it is played as mono: people have one mouth.
const channels = 1

// Bounds of what may be put at one place.
const (
	// MaxLag is how far a packet may come behind its time, in samples: where a sender's clock was set back, or lasts longer
	// than it says. Silence catches it up; beyond half a second packets are left out.
	MaxLag = 500 * SamplesPerMS
	// maxConceal is the longest gap that decoders are asked to fill from what they heard last (RFC 7845 §4.1): that is
	// right for packets lost on the way. Longer ones are silent, as they were for the recognisers.
	maxConceal = 100 * SamplesPerMS
	// pageSpan is how much a page holds at most, as RFC 7845 §6 recommends: players seek to pages.
	pageSpan = 1000 * SamplesPerMS
	// maxPos bounds positions (a year), so that arithmetic on foreign values cannot overflow.
	maxPos = 365 * 24 * 3600 * 1000 * SamplesPerMS
)

// Packet is one Opus packet at its place.
type Packet struct {
	Epoch uint64 // as in the audio record
	Seq   uint64 // extended sequence number
	Pos   int64  // its first sample, on the room clock
	Opus  []byte
}

// Playable says whether p can stand on a tape: an Opus packet that decoders take, at a possible time.
func (p Packet) Playable() bool {
	return p.Pos >= 0 && p.Pos <= maxPos && timeline.WellFormed(p.Opus)
}

// Mark is a place between two packets of a track: everything before it has been dealt with.
type Mark struct {
	Epoch, Seq uint64 // of the next packet, at the earliest
}

// Passed says whether p lies before the mark.
func (m Mark) Passed(p Packet) bool { return p.Epoch < m.Epoch || p.Epoch == m.Epoch && p.Seq < m.Seq }

// After returns the mark behind p.
func After(p Packet) Mark { return Mark{p.Epoch, p.Seq + 1} }

// Head says where a piece stands in its stream. The zero value is the empty stream, its headers counted.
type Head struct {
	Offset int64  // bytes of the stream before the piece's silence
	Page   uint32 // pages before
	From   int64  // samples before
	Start  int64  // where the piece's own samples begin; it is silent from From to here
	End    int64  // where they end
	Pages  uint32 // pages of its own
	Bytes  uint32 // in those
	Last   uint32 // where the last of them begins in the piece
	Mark   Mark   // behind its last packet
}

// Size returns the length of the stream up to the end of the piece, in bytes.
func (h Head) Size() int64 {
	if h.Pages == 0 {
		return headersSize
	}
	return h.Offset + h.Silence() + int64(h.Bytes)
}

// pages returns how many there are up to the end of the piece.
func (h Head) pages() uint32 {
	if h.Pages == 0 {
		return headerPages
	}
	return h.Page + silencePages(h.units()) + h.Pages
}

// Silence returns how many bytes of silence go before the piece.
func (h Head) Silence() int64 { return silenceSize(h.units()) }

func (h Head) units() int64 { return (h.Start - h.From) / unit }

// HeadSize is the length of an encoded head.
const HeadSize = 8*4 + 4*4 + 8*2

// Append appends the encoded head to dst.
func (h Head) Append(dst []byte) []byte {
	for _, v := range []int64{h.Offset, h.From, h.Start, h.End} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(v))
	}
	for _, v := range []uint32{h.Page, h.Pages, h.Bytes, h.Last} {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	dst = binary.BigEndian.AppendUint64(dst, h.Mark.Epoch)
	return binary.BigEndian.AppendUint64(dst, h.Mark.Seq)
}

// ErrHead says that bytes are not the head of a piece.
var ErrHead = errors.New("not the head of a piece of audio")

// ParseHead reads what Append wrote.
func ParseHead(b []byte) (Head, error) {
	if len(b) != HeadSize {
		return Head{}, ErrHead
	}
	long := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[8*i:])) }
	short := func(i int) uint32 { return binary.BigEndian.Uint32(b[32+4*i:]) }
	h := Head{
		Offset: long(0), From: long(1), Start: long(2), End: long(3),
		Page: short(0), Pages: short(1), Bytes: short(2), Last: short(3),
		Mark: Mark{Epoch: uint64(long(6)), Seq: uint64(long(7))},
	}
	ordered := 0 <= h.From && h.From <= h.Start && h.Start < h.End && h.End <= 2*maxPos
	if !ordered || (h.Start-h.From)%unit != 0 || h.Offset < headersSize || h.Offset > 1<<50 || h.Pages == 0 || h.Last >= h.Bytes {
		return Head{}, fmt.Errorf("%w: it contradicts itself", ErrHead)
	}
	return h, nil
}

// Headers returns the beginning of a stream: what says that it is one, and the silence that players skip.
func Headers(serial uint32) []byte {
	headers := ogg.AppendHeaders(nil, serial, channels, preSkip)
	return appendSilencePage(headers, ogg.Page{Serial: serial, Seq: headerPages - 1, Granule: preSkip}, preSkip/unit)
}

// headerPages is how many pages Headers has.
const headerPages = 3

var headersSize = int64(len(Headers(0)))

// Write returns the piece that follows the one with head before (the zero Head if it is the first) and holds packets: its
// head, and its pages. Packets must be [Packet.Playable] and in order; those that lie too far behind the stream are left
// out. With nothing to write, the head is before and there are no pages.
func Write(serial uint32, before Head, packets []Packet) (Head, []byte) {
	for len(packets) > 0 && packets[0].Pos < before.End-MaxLag {
		packets = packets[1:]
	}
	if len(packets) == 0 {
		return before, nil
	}
	h := Head{Offset: before.Size(), Page: before.pages(), From: before.End, Mark: After(packets[len(packets)-1])}
	h.Start = h.From + max(0, packets[0].Pos-h.From)/unit*unit
	w := writer{serial: serial, seq: h.Page + silencePages(h.units()), at: h.Start}
	for _, p := range packets {
		w.add(p)
	}
	w.turn()
	h.End, h.Pages, h.Bytes, h.Last = w.at, w.pages, uint32(len(w.out)), uint32(w.last)
	return h, w.out
}

// writer puts packets onto pages.
type writer struct {
	serial uint32
	seq    uint32 // of the page in the making
	at     int64  // samples of the stream so far

	out   []byte
	pages uint32
	last  int // where the last page begins in out

	page   [][]byte // packets of the page in the making
	lacing int
	span   int64 // samples of the page in the making
	before []byte
}

// add writes a packet at its time, after what fills the gap before it.
func (w *writer) add(p Packet) {
	n, err := timeline.Samples(p.Opus)
	if err != nil || p.Pos < w.at-MaxLag {
		return
	}
	w.fill(p.Pos - w.at)
	w.put(p.Opus, int64(n))
	w.before = p.Opus
}

// fill writes gap samples, to a unit.
func (w *writer) fill(gap int64) {
	if gap <= maxConceal && len(w.before) > 0 {
		lost := []byte{w.before[0] &^ 3} // one frame like the last, of no bytes: "make up what is missing"
		if n, err := timeline.Samples(lost); err == nil {
			for ; gap >= int64(n); gap -= int64(n) {
				w.put(lost, int64(n))
			}
		}
	}
	for units := gap / unit; units > 0; {
		packet, length := silentPacket(units)
		w.put(packet, length*unit)
		units -= length
	}
}

// put appends a packet of n samples.
func (w *writer) put(packet []byte, n int64) {
	lacing := ogg.Lacing(len(packet))
	if len(w.page) > 0 && (w.lacing+lacing > ogg.MaxLacing || w.span+n > pageSpan) {
		w.turn()
	}
	w.page = append(w.page, packet)
	w.lacing += lacing
	w.span += n
	w.at += n
}

// turn writes the page in the making.
func (w *writer) turn() {
	w.last = len(w.out)
	w.out = ogg.AppendPage(w.out, ogg.Page{Serial: w.serial, Seq: w.seq, Granule: preSkip + w.at}, w.page...)
	w.seq++
	w.pages++
	w.page, w.lacing, w.span = w.page[:0], 0, 0
}
