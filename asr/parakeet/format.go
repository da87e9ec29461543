package parakeet

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"souffleur/internal/whispercpp"
)

// A Parakeet file is, little endian: the header; the mel filters (two counts, then 32-bit floats), the window (a count, then
// floats), the durations that a token may have (integers), the vocabulary (a count, then strings behind their length), and
// tensors until the file ends. The library's loader takes all of that at its word: it reads past its arrays, waits for
// gigabytes or aborts where numbers do not fit together, and takes a file cut short for a whole one, and one without any
// tensors for a model of its own tests. So checkFile reads everything but the weights themselves first.
//
// The shapes are the loader's (parakeet_model_load of whisper.cpp 1.9.1). With them and the published model's header the
// sizes of its two files come out to the byte; see the tests.

// header is the beginning of a Parakeet file.
type header struct {
	Magic       uint32
	Vocab       int32 // tokens, without the blank
	AudioCtx    int32 // frames of 10 ms that the encoder prepares for
	AudioState  int32 // width of the encoder
	AudioHead   int32
	AudioLayer  int32
	Mels        int32
	FileType    int32 // how weights are stored; see weightKinds
	FFT         int32 // samples
	Subsampling int32 // frames of 10 ms for each of the encoder's
	Channels    int32 // of the convolutions that subsample
	Kernel      int32 // width of the convolutions in the encoder's layers
	PredState   int32 // width of the predictor
	PredLayer   int32
	Durations   int32
	MaxTokens   int32 // in one frame
}

const headerBytes = 64

// Is says whether the file at path begins like a Parakeet model. It tells it from the other ggml models, whose headers have
// other meanings in the same places: none has a Fourier transform of a sensible length and eightfold subsampling there.
func Is(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	h, err := readHeader(file)
	return err == nil && h.check() == nil
}

func readHeader(r io.Reader) (h header, err error) {
	if err := binary.Read(io.LimitReader(r, headerBytes), binary.LittleEndian, &h); err != nil || h.Magic != whispercpp.FileMagic {
		return h, fmt.Errorf("%w: no ggml header", ErrModel)
	}
	return h, nil
}

// leastAudioCtx are the frames of 30 s: beyond the model's own length the library takes another way, made for recordings.
const leastAudioCtx = whispercpp.MaxSamples/160 + 1

// check holds the header against what the library's graphs are built for: three convolutions that halve (so the mels are a
// multiple of 8), graphs with room for some 90 layers of the encoder, weights with room for two of the predictor, heads and
// sine positions that divide the width.
func (h header) check() error {
	for _, c := range []struct {
		what        string
		value       int32
		least, most int32
	}{
		{"tokens", h.Vocab, 1, 1 << 16},
		{"frames", h.AudioCtx, leastAudioCtx, 1 << 14},
		{"width", h.AudioState, 2, 1 << 12},
		{"heads", h.AudioHead, 1, 64},
		{"layers", h.AudioLayer, 1, 64},
		{"mels", h.Mels, 8, 256},
		{"samples of a Fourier transform", h.FFT, 64, 1 << 12},
		{"frames in one of the encoder", h.Subsampling, 8, 8},
		{"channels", h.Channels, 1, 1 << 10},
		{"width of convolutions", h.Kernel, 3, 63},
		{"width of the predictor", h.PredState, 1, 1 << 12},
		{"layers of the predictor", h.PredLayer, 1, 2},
		{"durations", h.Durations, 1, 16},
		{"tokens in a frame", h.MaxTokens, 1, 32},
	} {
		if c.value < c.least || c.value > c.most {
			return fmt.Errorf("%w: not a Parakeet model: %d %s", ErrModel, c.value, c.what)
		}
	}
	weight, known := weightKinds[h.FileType%quantizationFactor]
	if !known || h.FileType < 0 {
		return fmt.Errorf("%w: weights of file type %d", ErrModel, h.FileType)
	}
	if h.AudioState%2 != 0 || h.AudioState%h.AudioHead != 0 || h.Mels%8 != 0 || h.FFT&(h.FFT-1) != 0 || h.Kernel%2 != 1 {
		return fmt.Errorf("%w: not a Parakeet model: widths that do not divide", ErrModel)
	}
	for _, row := range []int32{h.AudioState, h.PredState, h.Mels / 8 * h.Channels} {
		if int64(row)%weight.numbers() != 0 {
			return fmt.Errorf("%w: rows of %d numbers cannot be quantised", ErrModel, row)
		}
	}
	return nil
}

// kind is how numbers are stored; the values are ggml's.
type kind int32

const (
	kindF32  kind = 0
	kindF16  kind = 1
	kindQ4_0 kind = 2
	kindQ4_1 kind = 3
	kindQ5_0 kind = 6
	kindQ5_1 kind = 7
	kindQ8_0 kind = 8
	kindI32  kind = 26
)

// weightKinds are the kinds of weights by file type, as the library numbers both. Those of 256 numbers a block are left out:
// the manifest has no such model.
var weightKinds = map[int32]kind{0: kindF32, 1: kindF16, 2: kindQ4_0, 3: kindQ4_1, 7: kindQ8_0, 8: kindQ5_0, 9: kindQ5_1}

// quantizationFactor is how much a file type is shifted to make room for it above: the version of the quantisation.
const quantizationFactor = 1000

// blocks are the bytes of a block of each kind.
var blocks = map[kind]int64{
	kindF32: 4, kindF16: 2, kindI32: 4, kindQ4_0: 18, kindQ4_1: 20, kindQ5_0: 22, kindQ5_1: 24, kindQ8_0: 34,
}

// numbers is how many numbers a block holds.
func (k kind) numbers() int64 {
	if k == kindF32 || k == kindF16 || k == kindI32 {
		return 1
	}
	return 32
}

// tensor is one of the tensors that a model must have.
type tensor struct {
	name string
	kind kind
	dims []int32 // the fastest first
}

// bytes is the size of its numbers.
func (t tensor) bytes() int64 {
	n := int64(1)
	for _, d := range t.dims {
		n *= int64(d)
	}
	return n / t.kind.numbers() * blocks[t.kind]
}

// tensors returns what a file with this header must hold.
func (h header) tensors() []tensor {
	weight := weightKinds[h.FileType%quantizationFactor]
	var all []tensor
	add := func(name string, k kind, dims ...int32) { all = append(all, tensor{name, k, dims}) }
	floats := func(name string, dims ...int32) { add(name, kindF32, dims...) }
	norm := func(name string, width int32) {
		floats(name+".weight", width)
		floats(name+".bias", width)
	}

	const pre = "encoder.pre_encode."
	add(pre+"out.weight", weight, h.Mels/8*h.Channels, h.AudioState)
	floats(pre+"out.bias", h.AudioState)
	for _, conv := range []struct {
		place     int
		width, in int32
	}{{0, 3, 1}, {2, 3, 1}, {3, 1, h.Channels}, {5, 3, 1}, {6, 1, h.Channels}} {
		name := fmt.Sprintf("%sconv.%d", pre, conv.place)
		floats(name+".weight", conv.width, conv.width, conv.in, h.Channels)
		floats(name+".bias", 1, 1, h.Channels, 1)
	}

	for i := range h.AudioLayer {
		layer := fmt.Sprintf("encoder.layers.%d.", i)
		for _, ff := range []string{"1", "2"} {
			norm(layer+"norm_feed_forward"+ff, h.AudioState)
			add(layer+"feed_forward"+ff+".linear1.weight", weight, h.AudioState, 4*h.AudioState)
			add(layer+"feed_forward"+ff+".linear2.weight", weight, 4*h.AudioState, h.AudioState)
		}
		norm(layer+"norm_conv", h.AudioState)
		norm(layer+"norm_self_att", h.AudioState)
		norm(layer+"norm_out", h.AudioState)
		add(layer+"conv.pointwise_conv1.weight", weight, h.AudioState, 2*h.AudioState)
		add(layer+"conv.pointwise_conv2.weight", weight, h.AudioState, h.AudioState)
		floats(layer+"conv.depthwise_conv.weight", h.Kernel, h.AudioState)
		norm(layer+"conv.batch_norm", h.AudioState)
		floats(layer+"conv.batch_norm.running_mean", h.AudioState)
		floats(layer+"conv.batch_norm.running_var", h.AudioState)
		add(layer+"conv.batch_norm.num_batches_tracked", kindI32)
		for _, bias := range []string{"u", "v"} {
			floats(layer+"self_attn.pos_bias_"+bias, h.AudioState/h.AudioHead, h.AudioHead)
		}
		for _, linear := range []string{"q", "k", "v", "out", "pos"} {
			add(layer+"self_attn.linear_"+linear+".weight", weight, h.AudioState, h.AudioState)
		}
	}

	add("decoder.prediction.embed.weight", weight, h.PredState, h.Vocab+1)
	for i := range h.PredLayer {
		const lstm = "decoder.prediction.dec_rnn.lstm."
		add(fmt.Sprintf("%sweight_ih_l%d", lstm, i), weight, h.PredState, 4*h.PredState)
		add(fmt.Sprintf("%sweight_hh_l%d", lstm, i), weight, h.PredState, 4*h.PredState)
		floats(fmt.Sprintf("%sbias_h_l%d", lstm, i), 4*h.PredState)
	}
	outputs := h.Vocab + 1 + h.Durations
	add("joint.pred.weight", weight, h.PredState, h.PredState)
	floats("joint.pred.bias", h.PredState)
	add("joint.enc.weight", weight, h.AudioState, h.PredState)
	floats("joint.enc.bias", h.PredState)
	add("joint.joint_net.2.weight", weight, h.PredState, outputs)
	floats("joint.joint_net.2.bias", outputs)
	return all
}

// Bounds of what stands between header and tensors.
const (
	maxDuration   = 64  // frames of the encoder; the model's longest is 4
	maxTokenBytes = 256 // they are pieces of words
	maxTensorName = 128 // the longest of the published model has 53
)

// checkFile reads the file at path but for its weights, and says what the library would trip over.
func checkFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	h, err := readHeader(file)
	if err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	s := &scanner{file: file, r: bufio.NewReader(file), left: info.Size() - headerBytes}
	s.checkSpectrum(h)
	s.checkVocabulary(h)
	s.checkTensors(h)
	if s.err != nil {
		return fmt.Errorf("%w: %w", ErrModel, s.err)
	}
	return nil
}

// scanner reads a file front to back. The first error stays.
type scanner struct {
	file *os.File
	r    *bufio.Reader
	left int64 // bytes that nobody has read
	err  error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// bytes returns the next n bytes, zeros after an error. n is bounded by the caller.
func (s *scanner) bytes(n int64) []byte {
	b := make([]byte, n)
	if n > s.left {
		s.fail("the file ends too early")
	}
	if s.err != nil {
		return b
	}
	_, s.err = io.ReadFull(s.r, b)
	s.left -= n
	return b
}

func (s *scanner) number() int32 { return int32(binary.LittleEndian.Uint32(s.bytes(4))) }

// count reads a number within bounds, least after an error.
func (s *scanner) count(what string, least, most int32) int32 {
	n := s.number()
	if n < least || n > most {
		s.fail("%d %s", n, what)
	}
	if s.err != nil {
		return least
	}
	return n
}

// skip leaves n bytes unread.
func (s *scanner) skip(n int64) {
	if n > s.left {
		s.fail("the file ends too early")
	}
	if s.err != nil {
		return
	}
	s.left -= n
	if n <= int64(s.r.Buffered()) {
		_, s.err = s.r.Discard(int(n))
		return
	}
	_, s.err = s.file.Seek(n-int64(s.r.Buffered()), io.SeekCurrent)
	s.r.Reset(s.file)
}

func (s *scanner) checkSpectrum(h header) {
	mels, bins := s.count("mels in the filters", h.Mels, h.Mels), s.count("bins in the filters", h.FFT/2+1, h.FFT/2+1)
	s.skip(4 * int64(mels) * int64(bins))
	s.skip(4 * int64(s.count("samples in the window", 1, h.FFT)))
	for range h.Durations {
		s.count("frames as a duration", 0, maxDuration)
	}
}

func (s *scanner) checkVocabulary(h header) {
	for range s.count("tokens in the vocabulary", h.Vocab, h.Vocab) {
		s.skip(int64(s.count("bytes in a token", 0, maxTokenBytes)))
		if s.err != nil {
			return
		}
	}
}

// checkTensors wants each tensor once, in its shape and kind, and nothing behind them.
func (s *scanner) checkTensors(h header) {
	missing := map[string]tensor{}
	for _, t := range h.tensors() {
		missing[t.name] = t
	}
	for len(missing) > 0 && s.err == nil {
		rank, length, k := s.count("dimensions", 0, 4), s.count("bytes in a name", 1, maxTensorName), kind(s.number())
		dims := make([]int32, rank)
		for i := range dims {
			dims[i] = s.number()
		}
		name := string(s.bytes(int64(length)))
		want, known := missing[name]
		if !known {
			s.fail("%d tensors are missing, and the next is another", len(missing))
			return
		}
		delete(missing, name)
		if !want.stored(k, dims) {
			s.fail("%s has another shape", name)
		}
		s.skip(want.bytes())
	}
	if s.left > 0 {
		s.fail("%d bytes behind the last tensor", s.left)
	}
}

// stored says whether a tensor in a file is t. Dimensions of one number at the end may be there or not. A count that nobody
// reads is an integer for the library and a float for its converters.
func (t tensor) stored(k kind, dims []int32) bool {
	if k != t.kind && !(t.kind == kindI32 && k == kindF32) {
		return false
	}
	for i := range max(len(dims), len(t.dims)) {
		got, want := int32(1), int32(1)
		if i < len(dims) {
			got = dims[i]
		}
		if i < len(t.dims) {
			want = t.dims[i]
		}
		if got != want {
			return false
		}
	}
	return true
}
