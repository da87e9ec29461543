package ggml

import (
	"encoding/binary"
	"math"
)

// floatBytes stores values as k, which is kindF32 or kindF16.
func floatBytes(values []float32, k kind) []byte {
	if k == kindF16 {
		b := make([]byte, 2*len(values))
		for i, v := range values {
			binary.LittleEndian.PutUint16(b[2*i:], halfFrom(v))
		}
		return b
	}
	b := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return b
}

// floatsOf reads numbers stored as k, which is kindF32 or kindF16.
func floatsOf(b []byte, k kind) []float32 {
	if k == kindF16 {
		values := make([]float32, len(b)/2)
		for i := range values {
			values[i] = halfTo(binary.LittleEndian.Uint16(b[2*i:]))
		}
		return values
	}
	values := make([]float32, len(b)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return values
}

// recode turns numbers stored as one kind into the other; kindF32 and kindF16 only.
func recode(b []byte, from, to kind) []byte {
	if from == to {
		return b
	}
	return floatBytes(floatsOf(b, from), to)
}

// quantizeBlocks stores values, a multiple of 32 of them, as kindQ8_0: of each block the largest magnitude becomes 127.
// It computes as ggml's reference does, in single precision and rounding halves away from zero, and gives the same bytes.
func quantizeBlocks(values []float32) []byte {
	out := make([]byte, 0, len(values)/blockNumbers*blockBytes)
	for ; len(values) >= blockNumbers; values = values[blockNumbers:] {
		var largest float32
		for _, v := range values[:blockNumbers] {
			largest = max(largest, float32(math.Abs(float64(v))))
		}
		scale := largest / 127
		var inverse float32
		if scale != 0 {
			inverse = 1 / scale
		}
		out = binary.LittleEndian.AppendUint16(out, halfFrom(scale))
		for _, v := range values[:blockNumbers] {
			out = append(out, byte(int8(math.Round(float64(v*inverse)))))
		}
	}
	return out
}
