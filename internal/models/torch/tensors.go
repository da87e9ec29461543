package torch

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// wanted is a tensor that a network needs.
type wanted struct {
	name  string
	shape []int64
}

// write writes a header, and then the wanted tensors in order.
func write(out io.Writer, header string, all []wanted, tensors map[string]any, numbers map[string][]byte) error {
	if _, err := io.WriteString(out, header); err != nil {
		return err
	}
	for _, want := range all {
		raw, err := contiguous(tensors, numbers, want)
		if err != nil {
			return err
		}
		if _, err := out.Write(raw); err != nil {
			return err
		}
	}
	return nil
}

// contiguous returns the numbers of one tensor, checked.
func contiguous(tensors map[string]any, numbers map[string][]byte, want wanted) ([]byte, error) {
	t, _ := tensors[want.name].(*tensor)
	if t == nil || !slices.Equal(t.shape, want.shape) {
		return nil, formatError("no tensor %s of shape %v", want.name, want.shape)
	}
	count := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.strides[i] != count {
			return nil, formatError("tensor %s is not stored row by row", want.name)
		}
		count *= t.shape[i]
	}
	raw := numbers[t.key]
	if t.offset < 0 || t.offset > int64(len(raw)/4) || count > int64(len(raw)/4)-t.offset {
		return nil, formatError("tensor %s is longer than its storage", want.name)
	}
	raw = raw[4*t.offset:][:4*count]
	for i := 0; i < len(raw); i += 4 {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])); v != v || math.Abs(float64(v)) > 1e4 {
			return nil, formatError("tensor %s holds %v", want.name, v)
		}
	}
	return raw, nil
}
