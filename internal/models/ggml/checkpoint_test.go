package ggml

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
)

// checkpoint writes CTranslate2 checkpoints.
type checkpoint struct {
	names  []string
	bodies map[string][]byte
}

func (c *checkpoint) add(name string, format uint8, dims []int, data []byte) {
	if c.bodies == nil {
		c.bodies = map[string][]byte{}
	}
	body := []byte{byte(len(dims))}
	for _, d := range dims {
		body = binary.LittleEndian.AppendUint32(body, uint32(d))
	}
	body = append(body, format)
	body = binary.LittleEndian.AppendUint32(body, uint32(len(data)))
	c.names = append(c.names, name)
	c.bodies[name] = append(body, data...)
}

// floats adds a variable of rising numbers, so that a wrong cut shows.
func (c *checkpoint) floats(name string, start float32, dims ...int) {
	n := 1
	for _, d := range dims {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = start + float32(i)/8
	}
	c.add(name, ct2F16, dims, floatBytes(values, kindF16))
}

func appendText(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(s)+1))
	return append(append(b, s...), 0)
}

func (c *checkpoint) file() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 6)
	b = appendText(b, "WhisperSpec")
	b = binary.LittleEndian.AppendUint32(b, 3)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.names)))
	for _, name := range c.names {
		b = append(appendText(b, name), c.bodies[name]...)
	}
	return binary.LittleEndian.AppendUint32(b, 0) // no aliases
}

// testVocab is as small as shapeOf accepts; a state of 32 fills one block of q8_0.
const (
	testVocab = 50257
	testState = 32
)

// tinyCheckpoint is a Whisper model of one encoder and one decoder layer.
func tinyCheckpoint() *checkpoint {
	c := &checkpoint{}
	c.floats("encoder/position_encodings/encodings", 0, 4, testState)
	c.floats("decoder/position_encodings/encodings", 0, 2, testState)
	c.add("decoder/embeddings/weight", ct2F16, []int{testVocab, testState}, make([]byte, 2*testVocab*testState))
	c.floats("encoder/conv1/weight", 0, testState, 80, 3)
	c.floats("encoder/conv1/bias", 0, testState)
	c.floats("encoder/conv2/weight", 0, testState, testState, 3)
	c.floats("encoder/conv2/bias", 0, testState)
	norm := func(name string) {
		c.floats(name+"/gamma", 1, testState)
		c.floats(name+"/beta", 2, testState)
	}
	linear := func(name string, out, in int) {
		c.floats(name+"/weight", 3, out, in)
		c.floats(name+"/bias", 4, out)
	}
	for _, side := range []string{"encoder", "decoder"} {
		layer := side + "/layer_0"
		norm(layer + "/self_attention/layer_norm")
		linear(layer+"/self_attention/linear_0", 3*testState, testState)
		linear(layer+"/self_attention/linear_1", testState, testState)
		if side == "decoder" {
			norm(layer + "/attention/layer_norm")
			linear(layer+"/attention/linear_0", testState, testState)
			linear(layer+"/attention/linear_1", 2*testState, testState)
			linear(layer+"/attention/linear_2", testState, testState)
		}
		norm(layer + "/ffn/layer_norm")
		linear(layer+"/ffn/linear_0", 4*testState, testState)
		linear(layer+"/ffn/linear_1", testState, 4*testState)
		norm(side + "/layer_norm")
		c.add(side+"/num_heads", ct2I16, nil, []byte{2, 0})
	}
	return c
}

// testTokenizer has 50257 tokens: the bytes, then fillers, and a special one beyond.
func testTokenizer(t testing.TB) []byte {
	t.Helper()
	vocab := map[string]int{"<|endoftext|>": testVocab + 7}
	for letter, b := range letterBytes {
		if b >= 0 {
			vocab[string(rune(letter))] = b
		}
	}
	for id := 256; id < testVocab; id++ {
		vocab[fmt.Sprintf("t%d", id)] = id
	}
	file, err := json.Marshal(map[string]any{"model": map[string]any{"vocab": vocab}})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// model is a parsed ggml file.
type model struct {
	shape   [11]int32
	tokens  []string
	tensors map[string]tensor
}

type tensor struct {
	kind kind
	dims []int
	data []byte
}

// parse reads what we wrote, without mercy.
func parse(t *testing.T, file []byte) model {
	t.Helper()
	r := bytes.NewReader(file)
	number := func() int {
		var v int32
		if err := binary.Read(r, binary.LittleEndian, &v); err != nil {
			t.Fatal(err)
		}
		return int(v)
	}
	take := func(n int) []byte {
		b := make([]byte, n)
		if _, err := r.Read(b); err != nil && n > 0 {
			t.Fatal(err)
		}
		return b
	}
	if number() != fileMagic {
		t.Fatal("no magic")
	}
	m := model{tensors: map[string]tensor{}}
	for i := range m.shape {
		m.shape[i] = int32(number())
	}
	take(4 * number() * number())
	for range number() {
		m.tokens = append(m.tokens, string(take(number())))
	}
	for r.Len() > 0 {
		rank, nameLength := number(), number()
		ts := tensor{kind: kind(number())}
		n := int64(1)
		for range rank {
			d := number()
			ts.dims = append(ts.dims, d)
			n *= int64(d)
		}
		name := string(take(nameLength))
		length, ok := ts.kind.bytesFor(n)
		if !ok {
			t.Fatalf("%s: kind %d with %d numbers", name, ts.kind, n)
		}
		ts.data = take(int(length))
		m.tensors[name] = ts
	}
	return m
}

func convert(t testing.TB, c *checkpoint) []byte {
	t.Helper()
	file := c.file()
	var out bytes.Buffer
	if err := FromCTranslate2(bytes.NewReader(file), int64(len(file)), testTokenizer(t), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestConvertedModelHasTheCheckpointsShapeAndTokens(t *testing.T) {
	m := parse(t, convert(t, tinyCheckpoint()))
	if want := [11]int32{testVocab, 4, testState, 2, 1, 2, testState, 2, 1, 80, 1}; m.shape != want {
		t.Errorf("shape %v, want %v", m.shape, want)
	}
	if len(m.tokens) != 50256 { // a vocabulary below 51865 is an English model's
		t.Fatalf("%d tokens", len(m.tokens))
	}
	for b := range 256 {
		if m.tokens[b] != string([]byte{byte(b)}) {
			t.Errorf("token %d is %q, not its byte", b, m.tokens[b])
		}
	}
}

func TestConvertedModelCutsFusedAttention(t *testing.T) {
	m := parse(t, convert(t, tinyCheckpoint()))
	square := testState * testState
	for name, first := range map[string]float32{
		"encoder.blocks.0.attn.query.weight":       3,
		"encoder.blocks.0.attn.key.weight":         3 + float32(square)/8,
		"encoder.blocks.0.attn.value.weight":       3 + float32(2*square)/8,
		"encoder.blocks.0.attn.query.bias":         4,
		"encoder.blocks.0.attn.value.bias":         4 + float32(2*testState)/8,
		"decoder.blocks.0.cross_attn.key.weight":   3,
		"decoder.blocks.0.cross_attn.value.weight": 3 + float32(square)/8,
		"decoder.blocks.0.cross_attn.value.bias":   4 + float32(testState)/8,
		"decoder.ln.bias":                          2,
	} {
		ts, ok := m.tensors[name]
		if !ok {
			t.Errorf("no tensor %s", name)
			continue
		}
		if got := floatsOf(ts.data, ts.kind)[0]; got != first {
			t.Errorf("%s begins with %v, want %v", name, got, first)
		}
	}
	for _, name := range []string{"encoder.blocks.0.attn.key.bias", "encoder.blocks.0.cross_attn.query.weight"} {
		if _, ok := m.tensors[name]; ok {
			t.Errorf("there is a tensor %s", name)
		}
	}
}

func TestConvertedModelKeepsInFloat32WhatTheEngineAdds(t *testing.T) {
	m := parse(t, convert(t, tinyCheckpoint()))
	for name, want := range map[string]tensor{
		"encoder.conv1.bias":           {kind: kindF32, dims: []int{1, testState}},
		"encoder.conv1.weight":         {kind: kindF16, dims: []int{3, 80, testState}},
		"encoder.positional_embedding": {kind: kindF32, dims: []int{testState, 4}},
		"encoder.ln_post.weight":       {kind: kindF32, dims: []int{testState}},
		"encoder.blocks.0.mlp.0.weight": {kind: kindF16, dims: []int{
			testState, 4 * testState}},
		"decoder.token_embedding.weight": {kind: kindF16, dims: []int{testState, testVocab}},
	} {
		got := m.tensors[name]
		if got.kind != want.kind || !slices.Equal(got.dims, want.dims) {
			t.Errorf("%s: kind %d of %v, want kind %d of %v", name, got.kind, got.dims, want.kind, want.dims)
		}
	}
}

func TestQuantisedModelKeepsItsValues(t *testing.T) {
	whole := convert(t, tinyCheckpoint())
	var out bytes.Buffer
	if err := Quantize(bytes.NewReader(whole), int64(len(whole)), &out); err != nil {
		t.Fatal(err)
	}
	before, after := parse(t, whole), parse(t, out.Bytes())
	if after.shape[10] != 2007 || len(after.tokens) != len(before.tokens) || len(after.tensors) != len(before.tensors) {
		t.Fatalf("file type %d, %d tokens, %d tensors", after.shape[10], len(after.tokens), len(after.tensors))
	}
	for name, was := range before.tensors {
		is := after.tensors[name]
		if len(was.dims) != 2 || keptWhole(name, was.dims) {
			if is.kind != was.kind || !bytes.Equal(is.data, was.data) {
				t.Errorf("%s was changed", name)
			}
			continue
		}
		if is.kind != kindQ8_0 {
			t.Errorf("%s has kind %d", name, is.kind)
			continue
		}
		compareBlocks(t, name, floatsOf(was.data, was.kind), is.data)
	}
}

// compareBlocks checks that a quantised number is off by half a step at most, of 127 to the block's largest.
func compareBlocks(t *testing.T, name string, want []float32, blocks []byte) {
	t.Helper()
	for i, w := range want {
		block := blocks[i/blockNumbers*blockBytes:]
		scale := halfTo(binary.LittleEndian.Uint16(block))
		got := scale * float32(int8(block[2+i%blockNumbers]))
		// The scale itself is rounded to 11 bits.
		if limit := float64(scale)*0.5 + math.Abs(float64(w))/1024; math.Abs(float64(got-w)) > limit {
			t.Fatalf("%s: number %d is %v, was %v", name, i, got, w)
		}
	}
}
