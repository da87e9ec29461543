package ggml

import (
	"encoding/binary"
	"io"
)

// A CTranslate2 checkpoint, model.bin, binary version 6: a list of named variables. Little endian; a string is a 16-bit
// length that counts a zero at its end, then the bytes.
type ct2File struct {
	source    io.ReaderAt
	variables map[string]ct2Variable
}

// ct2Variable is where a variable's numbers are.
type ct2Variable struct {
	dims   []int // the slowest first
	format uint8 // ct2F32 and so on
	at     int64
	length int64 // bytes
}

// Number formats of variables.
const (
	ct2F32 = 0
	ct2I8  = 1
	ct2I16 = 2
	ct2I32 = 3
	ct2F16 = 4
)

var ct2Width = map[uint8]int64{ct2F32: 4, ct2I8: 1, ct2I16: 2, ct2I32: 4, ct2F16: 2}

// Bounds on what a checkpoint may claim, far above any Whisper model.
const (
	ct2MaxVariables = 20_000
	ct2MaxRank      = 4
	ct2MaxName      = 512
)

// openCT2 reads the list of variables of a checkpoint of size bytes.
func openCT2(source io.ReaderAt, size int64) (*ct2File, error) {
	c := &cursor{r: source, size: size}
	version, spec := c.u32(), c.text()
	c.u32() // the spec's revision: the names below decide whether we can read it
	count := c.u32()
	if c.err != nil || version != 6 || spec != "WhisperSpec" || count > ct2MaxVariables {
		return nil, formatError("not a CTranslate2 checkpoint of Whisper, binary version 6")
	}
	f := &ct2File{source: source, variables: make(map[string]ct2Variable, count)}
	for range count {
		name := c.text()
		v := c.variable()
		if c.err != nil {
			return nil, c.err
		}
		if _, double := f.variables[name]; double {
			return nil, formatError("variable %q stands twice", name)
		}
		f.variables[name] = v
	}
	// Aliases follow. The one that Whisper has, the output projection, is not in ggml files either.
	return f, nil
}

// floats returns the numbers of v as bytes of kindF32 or kindF16.
func (f *ct2File) floats(v ct2Variable) ([]byte, kind, error) {
	var k kind
	switch v.format {
	case ct2F32:
		k = kindF32
	case ct2F16:
		k = kindF16
	default:
		return nil, 0, formatError("only float16 and float32 checkpoints can be used, this one is quantised")
	}
	b := make([]byte, v.length) // its end lies within the file, as variable made sure
	_, err := f.source.ReadAt(b, v.at)
	return b, k, err
}

// number returns the value of a scalar variable, such as the number of attention heads.
func (f *ct2File) number(name string) (int, error) {
	v, ok := f.variables[name]
	if !ok || len(v.dims) != 0 {
		return 0, formatError("no number %q", name)
	}
	b := make([]byte, 4)
	if _, err := f.source.ReadAt(b[:v.length], v.at); err != nil {
		return 0, err
	}
	switch v.format {
	case ct2I8:
		return int(int8(b[0])), nil
	case ct2I16:
		return int(int16(binary.LittleEndian.Uint16(b))), nil
	case ct2I32:
		return int(int32(binary.LittleEndian.Uint32(b))), nil
	}
	return 0, formatError("%q is not an integer", name)
}

// cursor reads numbers from a file of known size, front to back. The first error stays.
type cursor struct {
	r        io.ReaderAt
	at, size int64
	err      error
}

// take returns the next n bytes, zeros after an error. n is a small constant or bounded by the caller.
func (c *cursor) take(n int64) []byte {
	b := make([]byte, n)
	if c.err == nil && n > c.size-c.at {
		c.err = formatError("the file ends at byte %d, within something", c.size)
	}
	if c.err != nil {
		return b
	}
	_, c.err = c.r.ReadAt(b, c.at)
	c.at += n
	return b
}

func (c *cursor) u8() uint8   { return c.take(1)[0] }
func (c *cursor) u32() uint32 { return binary.LittleEndian.Uint32(c.take(4)) }

// text reads a string with its closing zero.
func (c *cursor) text() string {
	n := int64(binary.LittleEndian.Uint16(c.take(2)))
	if c.err == nil && (n == 0 || n > ct2MaxName) {
		c.err = formatError("a name of %d bytes", n)
	}
	if c.err != nil {
		return ""
	}
	b := c.take(n)
	if c.err == nil && b[n-1] != 0 {
		c.err = formatError("a name without an end")
	}
	return string(b[:n-1])
}

// variable reads all of a variable behind its name and skips its numbers.
func (c *cursor) variable() ct2Variable {
	rank := c.u8()
	if c.err == nil && rank > ct2MaxRank {
		c.err = formatError("a variable of %d dimensions", rank)
	}
	if c.err != nil {
		return ct2Variable{}
	}
	v := ct2Variable{dims: make([]int, rank)}
	numbers := int64(1)
	for i := range v.dims {
		dim := int64(c.u32())
		if c.err == nil && (dim == 0 || dim > c.size/numbers) {
			c.err = formatError("a variable larger than the file")
		}
		if c.err != nil {
			return v
		}
		v.dims[i] = int(dim)
		numbers *= dim
	}
	v.format = c.u8()
	v.length = int64(c.u32())
	width, known := ct2Width[v.format]
	if c.err == nil && (!known || numbers*width != v.length || v.length > c.size-c.at) {
		c.err = formatError("a variable whose size does not fit its dimensions or the file")
	}
	v.at = c.at
	c.at += v.length
	return v
}
