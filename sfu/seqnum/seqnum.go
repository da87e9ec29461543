// Package seqnum is the arithmetic of RTP's numbers that wrap around: 16-bit sequence numbers, 32-bit timestamps,
// 15-bit VP8 picture IDs. Nobody else in sfu compares such numbers by hand.
//
// "Older" is meant in the sense of RFC 1982: of two numbers, the newer is the one reached by counting less than half
// the circle upwards from the other.
package seqnum

// PictureMask keeps the 15 bits of a VP8 picture ID (RFC 7741, section 4.2).
const PictureMask = 1<<15 - 1

// Older says whether sequence number a comes before b. Numbers exactly half the circle apart are each older than the other.
func Older(a, b uint16) bool { return int16(a-b) < 0 }

// Ahead returns how many steps b is ahead of a: negative if b is older.
func Ahead(a, b uint16) int { return int(int16(b - a)) }

// AheadTS returns how many ticks b is ahead of a: negative if b is older.
func AheadTS(a, b uint32) int { return int(int32(b - a)) }

// OlderPicture says whether 15-bit picture ID a comes before b.
func OlderPicture(a, b uint16) bool { return (a-b)&PictureMask > PictureMask/2 }
