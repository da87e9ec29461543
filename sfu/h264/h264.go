// Package h264 finds in RTP payloads of H.264 (RFC 6184) where a decoder can begin: the packet with the sequence
// parameter set that precedes each key frame, and how large the picture is. It never looks at the picture itself.
package h264

import "errors"

// ErrPayload says that a payload is not one of H.264 that can be forwarded.
var ErrPayload = errors.New("malformed H.264 payload")

// Descriptor is what an RTP payload of H.264 says.
type Descriptor struct {
	KeyFrame bool // a decoder can begin with this packet: it has, or begins, a sequence parameter set
	Picture  bool // the packet has, or begins, a slice of a key frame (IDR)
	Height   int  // of the picture in pixels, where a sequence parameter set says it; else 0
}

// Types of NAL units (RFC 6184, section 5.2, table 1).
const (
	typeIDR   = 5
	typeSPS   = 7
	typeSTAPA = 24
	typeFUA   = 28
)

// Parse reads one RTP payload. A key frame is told by its sequence parameter set and not by its slices: browsers send
// the parameter sets before each key frame, and a decoder that begins after them shows nothing.
//
// Of the packetization modes 0 and 1 it takes all packets (single NAL units, STAP-A, FU-A); others give ErrPayload.
func Parse(payload []byte) (Descriptor, error) {
	var d Descriptor
	if len(payload) == 0 || payload[0]&0x80 != 0 { // the forbidden bit
		return d, ErrPayload
	}
	switch kind := payload[0] & 0x1F; {
	case kind >= 1 && kind <= 23:
		d.note(payload)
		return d, nil
	case kind == typeSTAPA:
		return d, d.aggregate(payload[1:])
	case kind == typeFUA:
		return d, d.fragment(payload)
	}
	return d, ErrPayload
}

// aggregate reads the units of a STAP-A, each behind its length (section 5.7.1).
func (d *Descriptor) aggregate(units []byte) error {
	if len(units) == 0 {
		return ErrPayload
	}
	for len(units) > 0 {
		if len(units) < 3 {
			return ErrPayload
		}
		n := int(units[0])<<8 | int(units[1])
		if n == 0 || n > len(units)-2 {
			return ErrPayload
		}
		d.note(units[2 : 2+n])
		units = units[2+n:]
	}
	return nil
}

// fragment reads a FU-A: only the first fragment of a unit begins something (section 5.8).
func (d *Descriptor) fragment(payload []byte) error {
	if len(payload) < 3 {
		return ErrPayload
	}
	if payload[1]&0x80 == 0 {
		return nil
	}
	switch payload[1] & 0x1F {
	case typeSPS:
		d.KeyFrame = true
	case typeIDR:
		d.Picture = true
	}
	return nil
}

// note takes a whole NAL unit.
func (d *Descriptor) note(unit []byte) {
	switch unit[0] & 0x1F {
	case typeSPS:
		d.KeyFrame = true
		d.Height = height(unit[1:])
	case typeIDR:
		d.Picture = true
	}
}
