package ggml

import "math"

// halfFrom returns the IEEE 754 half-precision number nearest to f, ties to even; what is too large becomes infinite.
func halfFrom(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127 + 15
	mantissa := bits & 0x7fffff
	switch {
	case bits&0x7fffffff > 0x7f800000: // not a number
		return sign | 0x7e00
	case exponent >= 31:
		return sign | 0x7c00
	case exponent <= -11: // less than half of the least subnormal
		return sign
	case exponent <= 0: // subnormal: the leading one becomes explicit
		mantissa |= 0x800000
		return sign | uint16(roundShift(mantissa, uint(14-exponent)))
	}
	// A carry out of the mantissa rightly raises the exponent.
	return sign | uint16(uint32(exponent)<<10+roundShift(mantissa, 13))
}

// roundShift returns v >> n, rounded to nearest, ties to even.
func roundShift(v uint32, n uint) uint32 {
	q, rest, half := v>>n, v&(1<<n-1), uint32(1)<<(n-1)
	if rest > half || (rest == half && q&1 == 1) {
		q++
	}
	return q
}

// halfTo returns the value of a half-precision number, exactly.
func halfTo(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, mantissa := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exponent == 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	case exponent > 0:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
	}
	f := float32(mantissa) / (1 << 24) // exact: 10 bits
	return math.Float32frombits(sign | math.Float32bits(f))
}
