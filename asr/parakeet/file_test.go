package parakeet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/internal/whispercpp"
)

// modelFile is a model of a few kilobytes in the form that the library reads. Its weights are random, or chosen so that it
// always says the same: it proves how the engine is used, and nothing about how well it hears.
type modelFile struct {
	header
	durations  []uint32
	vocabulary []string
	// outputs are the logits of tokens, blank and durations, whatever the audio; nil: they follow the audio at random.
	outputs []float32
}

// Tokens of the tiny vocabulary that tests ask for.
const (
	tokenUnknown  = 0 // "<unk>": the library gives it no text
	tokenNoSpeech = 1 // "<|nospeech|>"
	tokenBon      = 2 // " bon"
	tokenJour     = 3 // "jour"
	tokenComma    = 4 // ","
)

// tinyModel has one layer of everything.
func tinyModel() modelFile {
	m := modelFile{durations: []uint32{0, 1, 2, 3, 4}, vocabulary: []string{
		"<unk>", "<|nospeech|>", "▁bon", "jour", ",", "▁the", "▁and", "▁le", "▁est", "▁caf", "é", "▁", "?", "▁l", "'", "…",
	}}
	m.header = header{
		Magic: whispercpp.FileMagic, Vocab: int32(len(m.vocabulary)), AudioCtx: 5000, AudioState: 32, AudioHead: 2, AudioLayer: 1,
		Mels: 16, FFT: 128, Subsampling: 8, Channels: 16, Kernel: 9, PredState: 32, PredLayer: 1, Durations: 5, MaxTokens: 10,
	}
	return m
}

// saying returns a tiny model that says one token for so many of the encoder's frames, whatever it hears, and how sure it is:
// logit against 0 of all other tokens.
func saying(token int, logit float32, frames int) modelFile {
	m := tinyModel()
	m.outputs = make([]float32, len(m.vocabulary)+1+len(m.durations))
	m.outputs[token] = logit
	m.outputs[len(m.vocabulary)+1+frames] = 1 // the durations are 0, 1, 2 ...
	return m
}

// silent says nothing.
func silent() modelFile {
	m := saying(tokenBon, 0, 1)
	m.outputs[len(m.vocabulary)] = 5 // the blank
	return m
}

// bytes writes the model.
func (m modelFile) bytes() []byte {
	var b bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err) // a buffer takes numbers of any kind
		}
	}
	random := rand.New(rand.NewPCG(7, 7))
	put(m.header)
	put([]int32{m.Mels, m.FFT/2 + 1})
	put(magnitudes(random, int(m.Mels*(m.FFT/2+1))))
	put(m.FFT)
	put(magnitudes(random, int(m.FFT)))
	put(m.durations)
	put(int32(len(m.vocabulary)))
	for _, token := range m.vocabulary {
		put(int32(len(token)))
		b.WriteString(token)
	}
	for _, t := range m.tensors() {
		put([]int32{int32(len(t.dims)), int32(len(t.name)), int32(t.kind)})
		put(t.dims)
		b.WriteString(t.name)
		put(m.numbers(t, random))
	}
	return b.Bytes()
}

// numbers returns the content of a tensor: 32-bit floats, or for other kinds bytes that are small numbers in all of them.
func (m modelFile) numbers(t tensor, random *rand.Rand) any {
	switch {
	case t.kind != kindF32:
		b := make([]byte, t.bytes())
		for i := range b {
			b[i] = byte(random.IntN(24))
		}
		return b
	case t.name == "joint.joint_net.2.bias" && m.outputs != nil:
		return m.outputs
	case t.name == "joint.joint_net.2.weight" && m.outputs != nil:
		return make([]float32, t.bytes()/4)
	case strings.HasSuffix(t.name, "running_var"):
		return magnitudes(random, int(t.bytes()/4)) // the engine takes their root
	default:
		return deviates(random, int(t.bytes()/4))
	}
}

// deviates returns n normally distributed random numbers.
func deviates(random *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	return values
}

// magnitudes returns n random numbers above zero.
func magnitudes(random *rand.Rand, n int) []float32 {
	values := deviates(random, n)
	for i, v := range values {
		values[i] = float32(math.Abs(float64(v))) + 0.1
	}
	return values
}

// write puts content into a file of its own and returns its path.
func write(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny-parakeet.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
