package ggml

import (
	"fmt"
	"io"
)

// File types in a model's header.
const (
	fileF32  = 0
	fileF16  = 1
	fileQ8_0 = 7
	// quantVersion is multiplied by 1000 and added to the type of a quantised file: ggml's GGML_QNT_VERSION.
	quantVersion = 2
)

// Bounds on what a Whisper model file may claim, far above any model.
const (
	maxMels       = 512
	maxTokens     = 200_000
	maxTokenBytes = 512
	maxTensorName = 256
	maxTensorDims = 4
	maxTensorSize = 1 << 30 // bytes; large models have 130 MB
)

// Quantize writes the Whisper model in, of size bytes and with float16 or float32 weights, with q8_0 weights to out: half
// the size, and faster on a CPU, at no measurable loss. Matrices are quantised; biases, convolutions and positional
// embeddings are copied, as whisper-quantize does it. The bytes come out the same.
func Quantize(in io.ReaderAt, size int64, out io.Writer) error {
	c := &cursor{r: in, size: size}
	w := newWriter(out)
	if err := quantizeHeader(c, w); err != nil {
		return err
	}
	for c.err == nil && c.at < c.size {
		if err := quantizeTensor(c, w); err != nil {
			return err
		}
	}
	if c.err != nil {
		return c.err
	}
	return w.close()
}

// quantizeHeader copies all in front of the tensors.
func quantizeHeader(c *cursor, w *writer) error {
	if c.u32() != fileMagic {
		return formatError("not a ggml model")
	}
	w.ints(fileMagic)
	w.bytes(c.take(10 * 4)) // the shape
	if fileType := c.u32(); fileType != fileF16 && fileType != fileF32 {
		return formatError("file type %d: only float16 and float32 models can be quantised", fileType)
	}
	w.ints(quantVersion*1000 + fileQ8_0)
	mels, bins := c.count(maxMels, "mel bands"), c.count(maxMels, "mel bins")
	w.ints(int(mels), int(bins))
	w.bytes(c.take(4 * mels * bins))
	tokens := c.count(maxTokens, "tokens")
	w.ints(int(tokens))
	for range tokens {
		n := c.count(maxTokenBytes, "bytes in a token")
		w.ints(int(n))
		w.bytes(c.take(n))
		if c.err != nil {
			break
		}
	}
	if c.err != nil {
		return c.err
	}
	return w.err
}

// count reads a number that must lie in [0, most]; 0 after an error.
func (c *cursor) count(most int64, what string) int64 {
	n := int64(int32(c.u32()))
	if c.err == nil && (n < 0 || n > most) {
		c.err = formatError("%d %s", n, what)
	}
	if c.err != nil {
		return 0
	}
	return n
}

// quantizeTensor copies one tensor, in fewer bits if it is a matrix.
func quantizeTensor(c *cursor, w *writer) error {
	rank, nameLength := c.count(maxTensorDims, "dimensions"), c.count(maxTensorName, "bytes in a name")
	k := kind(c.u32())
	dims := make([]int, rank)
	numbers := int64(1)
	for i := range dims {
		dim := c.count(maxTensorSize/max(numbers, 1), "numbers in a dimension")
		dims[i] = int(dim)
		numbers *= dim
	}
	name := string(c.take(nameLength))
	length, ok := k.bytesFor(numbers)
	if c.err == nil && (!ok || k == kindQ8_0 || length > c.size-c.at) {
		c.err = formatError("tensor %q: kind %d, %d numbers", name, k, numbers)
	}
	if c.err != nil {
		return c.err
	}
	data := c.take(length)
	if c.err != nil {
		return fmt.Errorf("tensor %q: %w", name, c.err)
	}
	if len(dims) == 2 && !keptWhole(name, dims) {
		if dims[0]%blockNumbers != 0 {
			return formatError("tensor %q: rows of %d numbers do not fill blocks", name, dims[0])
		}
		data, k = quantizeBlocks(floatsOf(data, k)), kindQ8_0
	}
	w.tensor(name, k, dims, data)
	return w.err
}
