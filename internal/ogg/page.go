package ogg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFormat says that a file is not the Ogg Opus this package reads.
var ErrFormat = errors.New("not an Ogg Opus file")

// pageHeaderSize is the fixed part of a page header (RFC 3533 §6).
const pageHeaderSize = 27

// Flags of a page (RFC 3533 §6).
const (
	flagContinued = 1 << iota
	flagFirst
	flagLast
)

// page is one Ogg page. Its slices are valid until the next page is read.
type page struct {
	flags   byte
	granule int64 // position at the end of the last packet that ends here, -1 if none does
	serial  uint32
	seq     uint32
	lacing  []byte
	body    []byte
}

// pageReader reads pages, with at most one page in memory (65,307 bytes).
type pageReader struct {
	r   io.Reader
	buf [pageHeaderSize + 255 + 255*255]byte
}

// next returns the next page; io.EOF at the end of the file, ErrFormat where no whole page stands.
func (p *pageReader) next() (page, error) {
	head := p.buf[:pageHeaderSize]
	if _, err := io.ReadFull(p.r, head); err != nil {
		return page{}, endOfFile(err, "page header")
	}
	if string(head[:4]) != "OggS" || head[4] != 0 {
		return page{}, fmt.Errorf("%w: no page where one should begin", ErrFormat)
	}
	lacing := p.buf[pageHeaderSize : pageHeaderSize+int(head[26])]
	if _, err := io.ReadFull(p.r, lacing); err != nil {
		return page{}, cutShort(err, "lacing values")
	}
	size := 0
	for _, n := range lacing {
		size += int(n)
	}
	whole := p.buf[:len(head)+len(lacing)+size]
	body := whole[len(head)+len(lacing):]
	if _, err := io.ReadFull(p.r, body); err != nil {
		return page{}, cutShort(err, "page body")
	}
	if checksum(whole) != binary.LittleEndian.Uint32(head[22:]) {
		return page{}, fmt.Errorf("%w: page checksum differs", ErrFormat)
	}
	return page{
		flags:   head[5],
		granule: int64(binary.LittleEndian.Uint64(head[6:])),
		serial:  binary.LittleEndian.Uint32(head[14:]),
		seq:     binary.LittleEndian.Uint32(head[18:]),
		lacing:  lacing,
		body:    body,
	}, nil
}

// endOfFile keeps io.EOF where a file may end.
func endOfFile(err error, what string) error {
	if err == io.EOF {
		return err
	}
	return cutShort(err, what)
}

func cutShort(err error, what string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: file ends inside a %s", ErrFormat, what)
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// crcTable is the table of the page checksum: polynomial 0x04c11db7, not reflected (RFC 3533 §6, field 8).
var crcTable = func() (table [256]uint32) {
	for i := range table {
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
		table[i] = c
	}
	return table
}()

// checksum is the checksum of a page, with its checksum field read as zero.
func checksum(page []byte) uint32 {
	var c uint32
	for i, b := range page {
		if i >= 22 && i < 26 {
			b = 0
		}
		c = c<<8 ^ crcTable[byte(c>>24)^b]
	}
	return c
}
