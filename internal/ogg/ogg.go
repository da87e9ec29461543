// Package ogg reads Ogg Opus files (RFC 7845): packets with their place in time. It seeks nowhere; memory is bounded by one
// page and one packet, whatever the file says. It also writes the pages of such a file; what goes onto which page is the
// business of internal/tape.
//
// It reads the first Opus stream of a file, mono or stereo. Other streams in the file are skipped, a chained stream ends it.
//
// Start reading at [NewReader] and [AppendPage].
package ogg

import (
	"encoding/binary"
	"fmt"
	"io"

	"souffleur/internal/timeline"
)

// Bounds on foreign files.
const (
	maxPacket  = 61440   // bytes of an audio packet: RFC 7845 §6 lets players reject longer ones
	maxComment = 8 << 20 // bytes of the comment header, which may hold a picture; it is skipped, never kept
)

// Header says what an Ogg Opus stream contains.
type Header struct {
	Channels  int    // 1 or 2
	PreSkip   int    // samples at 48 kHz to discard at the start
	InputRate uint32 // sample rate before encoding, in hertz, for information; 0 if unknown
	GainQ8    int16  // gain to apply when playing, in 1/256 dB; this package does not apply it
}

// Packet is one Opus packet and the samples to play of it.
type Packet struct {
	Opus    []byte // valid until the next call
	Samples int    // duration at 48 kHz, from the packet itself
	Pos     int64  // position of its first sample at 48 kHz, 0 = first sample to play; negative inside the pre-skip
	Discard int    // samples at its end that lie after the end of the stream (RFC 7845 §4.4), usually 0
}

// Reader reads the packets of one stream. One goroutine owns it.
type Reader struct {
	pages  pageReader
	header Header
	serial uint32

	page    page
	segment int  // next lacing value of page
	offset  int  // where it begins in body
	last    bool // page is the stream's last

	packet []byte // collected so far
	pos    int64  // of the next packet
	broken bool   // what is being collected lost its beginning
}

// NewReader reads the headers of the first Opus stream in r. ErrFormat says that there is none.
func NewReader(r io.Reader) (*Reader, error) {
	o := &Reader{pages: pageReader{r: r}}
	if err := o.findStream(); err != nil {
		return nil, err
	}
	if err := o.skipComment(); err != nil {
		return nil, err
	}
	o.pos = -int64(o.header.PreSkip)
	return o, nil
}

// Header returns the stream's header.
func (o *Reader) Header() Header { return o.header }

// Next returns the next packet, io.EOF after the last, ErrFormat where the file is damaged. A packet that is not Opus is
// skipped; it leaves no gap because its length is unknown.
func (o *Reader) Next() (Packet, error) {
	for {
		ends, err := o.nextPacket()
		if err != nil {
			return Packet{}, err
		}
		n, err := timeline.Samples(o.packet)
		if err != nil {
			continue
		}
		p := Packet{Opus: o.packet, Samples: n, Pos: o.pos}
		o.pos += int64(n)
		if ends {
			p.Discard = o.trim(n)
		}
		return p, nil
	}
}

// trim returns how much of the stream's last packet, n samples long, lies after the end that the last page declares.
func (o *Reader) trim(n int) int {
	end := o.page.granule - int64(o.header.PreSkip) // granule positions count the pre-skip (RFC 7845 §4.3)
	return int(min(max(0, o.pos-end), int64(n)))
}

// findStream finds the page with the identification header: the first of its stream, alone on its page (RFC 7845 §3).
func (o *Reader) findStream() error {
	for {
		pg, err := o.pages.next()
		if err == io.EOF {
			return fmt.Errorf("%w: no Opus stream", ErrFormat)
		}
		if err != nil {
			return err
		}
		if pg.flags&flagFirst == 0 {
			return fmt.Errorf("%w: no Opus stream", ErrFormat)
		}
		if len(pg.body) >= 8 && string(pg.body[:8]) == "OpusHead" {
			o.serial = pg.serial
			o.header, err = parseHeader(pg.body)
			return err
		}
	}
}

// parseHeader reads an identification header (RFC 7845 §5.1).
func parseHeader(b []byte) (Header, error) {
	if len(b) < 19 || b[8]>>4 != 0 {
		return Header{}, fmt.Errorf("%w: unknown Opus header", ErrFormat)
	}
	h := Header{
		Channels:  int(b[9]),
		PreSkip:   int(binary.LittleEndian.Uint16(b[10:])),
		InputRate: binary.LittleEndian.Uint32(b[12:]),
		GainQ8:    int16(binary.LittleEndian.Uint16(b[16:])),
	}
	family, streams := b[18], byte(1)
	if family != 0 && len(b) > 19 {
		streams = b[19]
	}
	if family > 1 || h.Channels < 1 || h.Channels > 2 || streams != 1 {
		return Header{}, fmt.Errorf("%w: only mono and stereo are read", ErrFormat)
	}
	return h, nil
}

// skipComment passes the comment header, which may span pages (RFC 7845 §5.2), without keeping it.
func (o *Reader) skipComment() error {
	for skipped := 0; skipped < maxComment; {
		if err := o.nextPage(); err != nil {
			return noAudio(err)
		}
		for o.segment < len(o.page.lacing) {
			n := o.takeSegment()
			skipped += len(n)
			if len(n) < 255 {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: comment header is too long", ErrFormat)
}

func noAudio(err error) error {
	if err == io.EOF {
		return fmt.Errorf("%w: no audio after the header", ErrFormat)
	}
	return err
}

// nextPage moves to the next page of our stream; io.EOF at its end, or where another stream is chained on.
func (o *Reader) nextPage() error {
	if o.last {
		return io.EOF
	}
	for {
		pg, err := o.pages.next()
		if err != nil {
			return err
		}
		if pg.serial != o.serial {
			continue
		}
		if pg.flags&flagFirst != 0 {
			return io.EOF
		}
		o.last = pg.flags&flagLast != 0
		o.page, o.segment, o.offset = pg, 0, 0
		return nil
	}
}

// takeSegment returns the next segment of the page.
func (o *Reader) takeSegment() []byte {
	n := int(o.page.lacing[o.segment])
	s := o.page.body[o.offset : o.offset+n]
	o.segment++
	o.offset += n
	return s
}

// nextPacket collects the next packet into o.packet and says whether it is the last of the stream.
func (o *Reader) nextPacket() (last bool, err error) {
	o.packet = o.packet[:0]
	for {
		for o.segment < len(o.page.lacing) {
			s := o.takeSegment()
			if len(o.packet)+len(s) > maxPacket {
				o.broken = true
			}
			if !o.broken {
				o.packet = append(o.packet, s...)
			}
			if len(s) == 255 {
				continue
			}
			if o.broken {
				o.broken, o.packet = false, o.packet[:0]
				continue
			}
			return o.last && o.segment == len(o.page.lacing), nil
		}
		if err := o.turnPage(); err != nil {
			return false, err
		}
	}
}

// turnPage moves to the next page and notices a packet that does not go on there, or whose beginning is missing.
func (o *Reader) turnPage() error {
	collecting := len(o.packet) > 0 || o.broken
	before := o.page.seq
	if err := o.nextPage(); err != nil {
		return err
	}
	goesOn := o.page.flags&flagContinued != 0
	switch {
	case goesOn && (!collecting || o.page.seq != before+1):
		o.packet, o.broken = o.packet[:0], true
	case !goesOn:
		o.packet, o.broken = o.packet[:0], false
	}
	return nil
}
