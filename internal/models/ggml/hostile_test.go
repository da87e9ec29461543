package ggml

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestHostileCheckpointsAreRefused(t *testing.T) {
	for name, change := range map[string]func(c *checkpoint) []byte{
		"empty": func(*checkpoint) []byte { return nil },
		"another spec": func(c *checkpoint) []byte {
			return bytes.Replace(c.file(), []byte("WhisperSpec"), []byte("WhisperSpac"), 1)
		},
		"cut":            func(c *checkpoint) []byte { f := c.file(); return f[:len(f)-100] },
		"quantised":      func(c *checkpoint) []byte { c.retype("encoder/conv2/bias", ct2I8, testState); return c.file() },
		"variable twice": func(c *checkpoint) []byte { c.names = append(c.names, c.names[0]); return c.file() },
		"no variable":    func(c *checkpoint) []byte { return c.without("encoder/layer_0/ffn/linear_1/bias") },
		"no heads":       func(c *checkpoint) []byte { return c.without("decoder/num_heads") },
		"count of millions": func(c *checkpoint) []byte {
			f := c.file()
			binary.LittleEndian.PutUint32(f[4+2+12+4:], 1<<31)
			return f
		},
		"huge dimensions": func(c *checkpoint) []byte {
			c.bodies[c.names[0]] = append([]byte{4}, bytes.Repeat([]byte{0xff}, 16)...)
			return c.file()
		},
		"fused rows not in three": func(c *checkpoint) []byte {
			c.without("encoder/layer_0/self_attention/linear_0/bias")
			c.floats("encoder/layer_0/self_attention/linear_0/bias", 0, 3*testState+1)
			return c.file()
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := change(tinyCheckpoint())
			err := FromCTranslate2(bytes.NewReader(file), int64(len(file)), testTokenizer(t), io.Discard)
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v", err)
			}
		})
	}
}

func (c *checkpoint) retype(name string, format uint8, bytes int) {
	c.without(name)
	c.add(name, format, []int{bytes}, make([]byte, bytes))
}

func (c *checkpoint) without(name string) []byte {
	for i, n := range c.names {
		if n == name {
			c.names = append(c.names[:i], c.names[i+1:]...)
			break
		}
	}
	return c.file()
}

func TestTokenizersWithHolesAreRefused(t *testing.T) {
	file := tinyCheckpoint().file()
	for name, tokenizer := range map[string]string{
		"not JSON":     "{",
		"hole":         strings.Replace(string(testTokenizer(t)), `"t300":300`, `"t300":99999`, 1),
		"strange byte": strings.Replace(string(testTokenizer(t)), `"t300":300`, `"t日":300`, 1),
		"twice":        strings.Replace(string(testTokenizer(t)), `"t300":300`, `"t300":300,"u300":300`, 1),
	} {
		err := FromCTranslate2(bytes.NewReader(file), int64(len(file)), []byte(tokenizer), io.Discard)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// sileroFile is a checkpoint of the right shapes.
func sileroFile(t testing.TB) []byte {
	t.Helper()
	header, at := map[string]any{"__metadata__": map[string]string{"by": "test"}}, 0
	for _, ts := range sileroTensors() {
		n := 4
		for _, d := range ts.shape {
			n *= d
		}
		header[ts.source] = map[string]any{"dtype": "F32", "shape": ts.shape, "data_offsets": []int{at, at + n}}
		at += n
	}
	b, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(b)))
	return append(append(file, b...), make([]byte, at)...)
}

func TestSileroHasTheSizeOfUpstreamsModel(t *testing.T) {
	var out bytes.Buffer
	if err := FromSilero(sileroFile(t), &out); err != nil {
		t.Fatal(err)
	}
	if out.Len() != 885_098 {
		t.Errorf("%d bytes", out.Len())
	}
}

func TestHostileSafetensorsAreRefused(t *testing.T) {
	whole := sileroFile(t)
	for name, file := range map[string][]byte{
		"empty":         nil,
		"cut":           whole[:len(whole)-1],
		"header length": append(bytes.Repeat([]byte{0xff}, 8), whole[8:]...),
		"another type":  bytes.Replace(whole, []byte(`"F32"`), []byte(`"I32"`), 1),
		"another shape": bytes.Replace(whole, []byte(`[128,129,3]`), []byte(`[129,128,3]`), 1),
		"no tensor":     bytes.Replace(whole, []byte(`"conv1.bias"`), []byte(`"conv9.bias"`), 1),
	} {
		if err := FromSilero(file, io.Discard); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// smallModel is a valid ggml file for mutation, with few tokens.
func smallModel() []byte {
	var out bytes.Buffer
	w := newWriter(&out)
	w.ints(fileMagic, 3, 1500, 32, 2, 1, 448, 32, 2, 1, 2, int(kindF16))
	w.ints(2, 3)
	w.floats(make([]float32, 6))
	w.ints(2)
	w.name("a")
	w.name("bc")
	w.tensor("encoder.conv1.bias", kindF32, []int{1, 32}, make([]byte, 128))
	w.tensor("decoder.token_embedding.weight", kindF16, []int{32, 3}, make([]byte, 192))
	if err := w.close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestQuantizeRefusesWhatIsQuantised(t *testing.T) {
	var out bytes.Buffer
	file := smallModel()
	if err := Quantize(bytes.NewReader(file), int64(len(file)), &out); err != nil {
		t.Fatal(err)
	}
	if err := Quantize(bytes.NewReader(out.Bytes()), int64(out.Len()), io.Discard); !errors.Is(err, ErrFormat) {
		t.Errorf("error %v", err)
	}
}

func FuzzQuantize(f *testing.F) {
	f.Add(smallModel())
	f.Fuzz(func(t *testing.T, file []byte) {
		Quantize(bytes.NewReader(file), int64(len(file)), io.Discard)
	})
}

func FuzzFromSilero(f *testing.F) {
	f.Add([]byte("\x20\x00\x00\x00\x00\x00\x00\x00" + `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ` + "\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		FromSilero(file, io.Discard)
	})
}

func FuzzOpenCT2(f *testing.F) {
	small := &checkpoint{}
	small.floats("encoder/conv1/bias", 0, 4)
	small.add("encoder/num_heads", ct2I16, nil, []byte{2, 0})
	f.Add(small.file())
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := openCT2(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		c.number("encoder/num_heads")
		shapeOf(c)
		for _, v := range c.variables {
			if data, _, err := c.floats(v); err == nil && int64(len(data)) != v.length {
				t.Fatalf("%d bytes of %d", len(data), v.length)
			}
		}
	})
}
