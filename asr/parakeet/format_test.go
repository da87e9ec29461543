package parakeet

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/whispercpp"
)

// published is the header of Parakeet-TDT-0.6b-v3 as NVIDIA and the converter of whisper.cpp have it.
var published = header{
	Magic: whispercpp.FileMagic, Vocab: 8192, AudioCtx: 5000, AudioState: 1024, AudioHead: 8, AudioLayer: 24, Mels: 128, FileType: 1,
	FFT: 512, Subsampling: 8, Channels: 256, Kernel: 9, PredState: 640, PredLayer: 2, Durations: 5, MaxTokens: 10,
}

// The two published files differ in how weights are stored only. What the shapes leave of each is the text of the vocabulary,
// and so must be the same: this fails if one tensor, its shape, its kind or the length of its name is wrong.
func TestThePublishedFilesAreAsLongAsTheirShapesSay(t *testing.T) {
	const window = 400
	var vocabulary [2]int64
	for i, c := range []struct {
		fileType int32
		size     int64
	}{{1, 1_255_897_319}, {2007, 668_757_119}} {
		h := published
		h.FileType = c.fileType
		if err := h.check(); err != nil {
			t.Fatal(err)
		}
		rest := c.size - headerBytes - 8 - 4*int64(h.Mels*(h.FFT/2+1)) - 4 - 4*window - 4*int64(h.Durations) - 4 - 4*int64(h.Vocab)
		for _, tensor := range h.tensors() {
			rest -= 12 + int64(4*len(tensor.dims)+len(tensor.name)) + tensor.bytes()
		}
		vocabulary[i] = rest
	}
	if vocabulary[0] != vocabulary[1] || vocabulary[0] < 2*8192 || vocabulary[0] > 12*8192 {
		t.Errorf("%d and %d bytes of text in the vocabulary", vocabulary[0], vocabulary[1])
	}
}

func TestAModelIsToldByItsHeader(t *testing.T) {
	numbers := func(values ...int32) []byte {
		b := binary.LittleEndian.AppendUint32(nil, whispercpp.FileMagic)
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		return append(b, make([]byte, 1000)...)
	}
	tiny := tinyModel().bytes()
	wrongMagic := slices.Clone(tiny)
	wrongMagic[0]++
	for name, c := range map[string]struct {
		content []byte
		want    bool
	}{
		"Parakeet":               {tiny, true},
		"its header alone":       {tiny[:headerBytes], true},
		"a cut header":           {tiny[:headerBytes-1], false},
		"another magic":          {wrongMagic, false},
		"empty":                  {nil, false},
		"text":                   {[]byte(strings.Repeat("this is not a model ", 100)), false},
		"Whisper base":           {numbers(51865, 1500, 512, 8, 6, 448, 512, 8, 6, 80, 1, 80, 201), false},
		"Whisper base, q8_0":     {numbers(51865, 1500, 512, 8, 6, 448, 512, 8, 6, 80, 2007, 80, 201), false},
		"Whisper large-v3-turbo": {numbers(51866, 1500, 1280, 20, 32, 448, 1280, 20, 4, 128, 1, 128, 201), false},
		"voice detection":        {append(numbers(10), "silero-16k"...), false},
	} {
		if got := Is(write(t, c.content)); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Is(filepath.Join(t.TempDir(), "nothing")) || Is(t.TempDir()) {
		t.Error("no file, or a folder, is a model")
	}
}

func TestWholeFilesPass(t *testing.T) {
	tiny := tinyModel()
	for name, change := range map[string]func(*modelFile){
		"as it is":         func(*modelFile) {},
		"half precision":   func(m *modelFile) { m.FileType = 1 },
		"quantised to 8":   func(m *modelFile) { m.FileType = 2007 },
		"quantised to 4":   func(m *modelFile) { m.FileType = 2 },
		"quantised to 5.1": func(m *modelFile) { m.FileType = 2009 },
		"two predictors":   func(m *modelFile) { m.PredLayer, m.AudioLayer = 2, 3 },
		"an empty token":   func(m *modelFile) { m.vocabulary = append(slices.Clone(m.vocabulary[1:]), "") },
	} {
		m := tiny
		change(&m)
		if err := checkFile(write(t, m.bytes())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of a file cut short the loader reads what is there and takes the rest for read.
func TestFilesCutShortAreRefused(t *testing.T) {
	whole := tinyModel().bytes()
	path := write(t, whole)
	for length := int64(len(whole)) - 1; length >= 0; length -= 1 + length/200 {
		if err := os.Truncate(path, length); err != nil {
			t.Fatal(err)
		}
		if err := checkFile(path); !errors.Is(err, ErrModel) {
			t.Errorf("%d of %d bytes: %v", length, len(whole), err)
		}
	}
	if err := checkFile(write(t, append(whole, 0))); !errors.Is(err, ErrModel) {
		t.Errorf("a byte behind the end: %v", err)
	}
	if err := checkFile(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestFilesWhoseNumbersDoNotFitAreRefused(t *testing.T) {
	for name, change := range map[string]func(*modelFile){
		"no tokens":                      func(m *modelFile) { m.Vocab, m.vocabulary = 0, nil },
		"fewer tokens than promised":     func(m *modelFile) { m.vocabulary = m.vocabulary[1:] },
		"more tokens than promised":      func(m *modelFile) { m.vocabulary = append(slices.Clone(m.vocabulary), "▁more") },
		"a token as long as a book":      func(m *modelFile) { m.vocabulary = append(m.vocabulary[1:], strings.Repeat("x", 1000)) },
		"a duration of a week":           func(m *modelFile) { m.durations = []uint32{0, 1, 2, 3, 7_560_000} },
		"a negative duration":            func(m *modelFile) { m.durations = []uint32{0, 1, 2, 3, 1 << 31} },
		"heads that do not divide":       func(m *modelFile) { m.AudioHead = 3 },
		"a Fourier transform of 100":     func(m *modelFile) { m.FFT = 100 },
		"mels that do not halve thrice":  func(m *modelFile) { m.Mels = 20 },
		"a convolution without a middle": func(m *modelFile) { m.Kernel = 8 },
		"fourfold subsampling":           func(m *modelFile) { m.Subsampling = 4 },
		"less than 30 s":                 func(m *modelFile) { m.AudioCtx = 3000 },
		"three predictors":               func(m *modelFile) { m.PredLayer = 3 },
		"an unknown file type":           func(m *modelFile) { m.FileType = 4 },
		"a negative file type":           func(m *modelFile) { m.FileType = -1000 },
		"rows that are no blocks":        func(m *modelFile) { m.FileType, m.PredState = 2007, 40 },
		"tokens without end":             func(m *modelFile) { m.MaxTokens = 1 << 30 },
	} {
		m := tinyModel()
		change(&m)
		if err := checkFile(write(t, m.bytes())); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTensorsThatDoNotFitAreRefused(t *testing.T) {
	whole := tinyModel().bytes()
	// replaced returns the file with the first place of old changed; the length stays.
	replaced := func(old, by string) []byte {
		if len(old) != len(by) || !strings.Contains(string(whole), old) {
			t.Fatalf("cannot replace %q by %q", old, by)
		}
		return []byte(strings.Replace(string(whole), old, by, 1))
	}
	// described returns what stands in front of the numbers of a tensor.
	described := func(k kind, name string, dims ...int32) string {
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(dims)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
		b = binary.LittleEndian.AppendUint32(b, uint32(k))
		for _, d := range dims {
			b = binary.LittleEndian.AppendUint32(b, uint32(d))
		}
		return string(b) + name
	}
	bias := described(kindF32, "joint.pred.bias", 32)
	for name, content := range map[string][]byte{
		"none at all":        whole[:strings.Index(string(whole), described(kindF32, "encoder.pre_encode.out.weight", 32, 32))],
		"an unknown one":     replaced(bias, described(kindF32, "joint.pred.bia_", 32)),
		"one twice":          replaced("encoder.layers.0.norm_feed_forward1.bias", "encoder.layers.0.norm_feed_forward2.bias"),
		"another length":     replaced(bias, described(kindF32, "joint.pred.bias", 33)),
		"a negative length":  replaced(bias, described(kindF32, "joint.pred.bias", -32)),
		"another kind":       replaced(bias, described(kindF16, "joint.pred.bias", 32)),
		"a kind there isn't": replaced(bias, described(1<<20, "joint.pred.bias", 32)),
		"turned round": replaced(described(kindF32, "encoder.layers.0.feed_forward1.linear1.weight", 32, 128),
			described(kindF32, "encoder.layers.0.feed_forward1.linear1.weight", 128, 32)),
		"five dimensions": replaced(bias, "\x05"+bias[1:]),
	} {
		if err := checkFile(write(t, content)); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
