// Package vp8 reads and rewrites the VP8 payload descriptor (RFC 7741, section 4.2): where frames begin, which are key
// frames and how large, and the picture numbers that must go on rising when a receiver is switched from one camera to
// another. It never looks at the picture itself.
package vp8

import "errors"

// ErrDescriptor says that a payload has no complete VP8 payload descriptor.
var ErrDescriptor = errors.New("truncated VP8 payload descriptor")

// Descriptor is what the start of a VP8 RTP payload says.
type Descriptor struct {
	Size       int    // bytes before the VP8 payload itself
	Start      bool   // the packet begins a frame
	KeyFrame   bool   // the packet begins a key frame
	HasPicture bool   // PictureID is set
	Wide       bool   // the picture ID is written in 15 bits; else in 7
	PictureID  uint16 // I
	HasTL0     bool   // TL0 is set
	TL0        uint8  // L: TL0PICIDX, index of the frames of the lowest temporal layer
}

// Bits of the first and of the second byte.
const (
	bitX = 0x80 // first byte: extension byte present
	bitS = 0x10 // first byte: start of a partition
	bitI = 0x80 // extension: picture ID present
	bitL = 0x40 // extension: TL0PICIDX present
	bitT = 0x20 // extension: temporal layer present
	bitK = 0x10 // extension: key frame index present
	bitM = 0x80 // picture ID: 15 bits
)

// Parse reads the descriptor of one RTP payload. It returns ErrDescriptor when the payload ends before its first byte of
// VP8 data.
func Parse(payload []byte) (Descriptor, error) {
	var d Descriptor
	if len(payload) < 2 {
		return d, ErrDescriptor
	}
	first, n := payload[0], 1
	if first&bitX != 0 {
		if n = d.parseExtension(payload); n == 0 {
			return Descriptor{}, ErrDescriptor
		}
	}
	if n >= len(payload) {
		return Descriptor{}, ErrDescriptor
	}
	d.Size = n
	d.Start = first&bitS != 0 && first&0x07 == 0
	d.KeyFrame = d.Start && payload[n]&0x01 == 0 // P bit of the frame header: 0 in key frames (RFC 6386, 9.1)
	return d, nil
}

// Height returns the height of the picture that a key frame's first packet begins, in pixels, or 0 if it does not say so
// (RFC 6386, section 9.1).
func (d *Descriptor) Height(payload []byte) int {
	if !d.KeyFrame || len(payload) < d.Size+10 {
		return 0
	}
	frame := payload[d.Size:]
	if frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A {
		return 0
	}
	return int(frame[8]) | int(frame[9]&0x3F)<<8
}

// parseExtension reads the optional fields and returns where they end, or 0 if they are cut short.
func (d *Descriptor) parseExtension(payload []byte) int {
	extension, n := payload[1], 2
	if extension&bitI != 0 {
		if n >= len(payload) {
			return 0
		}
		d.HasPicture, d.PictureID = true, uint16(payload[n]&0x7F)
		if d.Wide = payload[n]&bitM != 0; d.Wide {
			if n++; n >= len(payload) {
				return 0
			}
			d.PictureID = d.PictureID<<8 | uint16(payload[n])
		}
		n++
	}
	if extension&bitL != 0 {
		if n >= len(payload) {
			return 0
		}
		d.HasTL0, d.TL0 = true, payload[n]
		n++
	}
	if extension&(bitT|bitK) != 0 {
		n++
	}
	return n
}

// Rewrite copies payload, whose descriptor is d, to dst with another picture ID and TL0PICIDX, and returns the bytes
// written. Fields that payload lacks stay absent. A picture ID always comes out in 15 bits, so dst needs room for one
// byte more than payload; with less Rewrite returns 0. The same arguments give the same bytes.
func (d *Descriptor) Rewrite(dst, payload []byte, pictureID uint16, tl0 uint8) int {
	if len(dst) < len(payload)+1 {
		return 0
	}
	if !d.HasPicture {
		n := copy(dst, payload)
		if d.HasTL0 {
			dst[2] = tl0
		}
		return n
	}
	dst[0], dst[1] = payload[0], payload[1]
	dst[2], dst[3] = bitM|byte(pictureID>>8&0x7F), byte(pictureID)
	from := 3
	if d.Wide {
		from = 4
	}
	n := 4 + copy(dst[4:], payload[from:])
	if d.HasTL0 {
		dst[4] = tl0
	}
	return n
}
