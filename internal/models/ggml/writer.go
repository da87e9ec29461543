package ggml

import (
	"bufio"
	"encoding/binary"
	"io"
)

// fileMagic begins every file.
const fileMagic = 0x67676d6c

// kind is how a tensor's numbers are stored; the values are ggml's.
type kind int32

const (
	kindF32  kind = 0
	kindF16  kind = 1
	kindQ8_0 kind = 8 // blocks of 32 numbers: a half-precision scale, then 32 signed bytes
)

// Of kindQ8_0.
const (
	blockNumbers = 32
	blockBytes   = 2 + blockNumbers
)

// bytesFor returns the size of n numbers in a row, false if they do not fill whole blocks or the kind is unknown.
func (k kind) bytesFor(n int64) (int64, bool) {
	switch k {
	case kindF32:
		return 4 * n, true
	case kindF16:
		return 2 * n, true
	case kindQ8_0:
		return n / blockNumbers * blockBytes, n%blockNumbers == 0
	}
	return 0, false
}

// writer writes a file's numbers. The first error stays, so that only the end needs a check.
type writer struct {
	w   *bufio.Writer
	err error
}

func newWriter(w io.Writer) *writer { return &writer{w: bufio.NewWriterSize(w, 1<<20)} }

func (w *writer) bytes(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

func (w *writer) ints(values ...int) {
	var b [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(b[:], uint32(int32(v)))
		w.bytes(b[:])
	}
}

func (w *writer) floats(values []float32) {
	w.bytes(floatBytes(values, kindF32))
}

// name writes a string behind its length.
func (w *writer) name(s string) {
	w.ints(len(s))
	w.bytes([]byte(s))
}

// tensor writes a tensor. dims are the file's, the fastest first: the reverse of the usual order.
func (w *writer) tensor(name string, k kind, dims []int, data []byte) {
	w.ints(len(dims), len(name), int(k))
	w.ints(dims...)
	w.bytes([]byte(name))
	w.bytes(data)
}

// close ends the file and returns the first error.
func (w *writer) close() error {
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}
