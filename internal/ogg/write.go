package ogg

import (
	"encoding/binary"
	"fmt"
)

// MaxLacing is how many lacing values a page holds (RFC 3533 §6). A packet takes [Lacing] of them.
const MaxLacing = 255

// Lacing returns how many lacing values a whole packet of n bytes takes.
func Lacing(n int) int { return n/255 + 1 }

// PageSize returns how long the page is that [AppendPage] makes of whole packets of the given sizes in all: lacing values
// and bytes.
func PageSize(lacing, bytes int) int { return pageHeaderSize + lacing + bytes }

// Page says where a page stands in its stream.
type Page struct {
	Serial  uint32 // names the stream
	Seq     uint32 // counts its pages, from 0
	Granule int64  // samples at 48 kHz at the end of its last packet, the pre-skip counted
	first   bool
}

// AppendPage appends a page of whole packets to dst. Together they must take at most MaxLacing lacing values.
func AppendPage(dst []byte, p Page, packets ...[]byte) []byte {
	begin := len(dst)
	dst = append(dst, "OggS\x00"...)
	if p.first {
		dst = append(dst, flagFirst)
	} else {
		dst = append(dst, 0)
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(p.Granule))
	dst = binary.LittleEndian.AppendUint32(dst, p.Serial)
	dst = binary.LittleEndian.AppendUint32(dst, p.Seq)
	dst = append(dst, 0, 0, 0, 0, 0) // checksum and number of lacing values follow
	for _, packet := range packets {
		for range len(packet) / 255 {
			dst = append(dst, 255)
		}
		dst = append(dst, byte(len(packet)%255))
	}
	lacing := len(dst) - begin - pageHeaderSize
	if lacing > MaxLacing {
		panic(fmt.Sprintf("ogg: %d lacing values in a page", lacing)) // the caller did not count
	}
	dst[begin+pageHeaderSize-1] = byte(lacing)
	for _, packet := range packets {
		dst = append(dst, packet...)
	}
	sign(dst[begin:])
	return dst
}

// MarkLast marks page, which must be one whole page, as the last of its stream.
func MarkLast(page []byte) {
	page[5] |= flagLast
	sign(page)
}

// sign writes the checksum of a page into it.
func sign(page []byte) { binary.LittleEndian.PutUint32(page[22:], checksum(page)) }

// vendor is who made the stream, for the comment header.
const vendor = "Souffleur"

// AppendHeaders appends the two pages that an Ogg Opus stream begins with (RFC 7845 §5): mono or stereo, no comments.
// preSkip is how many samples at 48 kHz players decode and do not play. Audio pages follow with Seq 2.
func AppendHeaders(dst []byte, serial uint32, channels int, preSkip uint16) []byte {
	head := append([]byte("OpusHead\x01"), byte(channels))
	head = binary.LittleEndian.AppendUint16(head, preSkip)
	head = binary.LittleEndian.AppendUint32(head, 48000)
	head = append(head, 0, 0, 0)
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = append(tags, 0, 0, 0, 0)
	dst = AppendPage(dst, Page{Serial: serial, first: true}, head)
	return AppendPage(dst, Page{Serial: serial, Seq: 1}, tags)
}
