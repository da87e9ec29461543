package ggml

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"souffleur/internal/mel"
)

// FromCTranslate2 writes a Whisper model to out, weights in float16. model is a CTranslate2 checkpoint of size bytes with
// float16 or float32 weights, as faster-whisper uses them; tokenizer is the tokenizer.json beside it. The format and the
// names of the variables are those of CTranslate2 4 (converters/transformers.py, specs/whisper_spec.py).
func FromCTranslate2(model io.ReaderAt, size int64, tokenizer []byte, out io.Writer) error {
	checkpoint, err := openCT2(model, size)
	if err != nil {
		return err
	}
	shape, err := shapeOf(checkpoint)
	if err != nil {
		return err
	}
	tokens, err := textTokens(tokenizer, shape.textTokens())
	if err != nil {
		return err
	}
	w := newWriter(out)
	w.ints(fileMagic, shape.vocab, shape.audioCtx, shape.audioState, shape.audioHeads, shape.audioLayers,
		shape.textCtx, shape.textState, shape.textHeads, shape.textLayers, shape.mels, int(kindF16))
	w.ints(shape.mels, mel.Bins)
	w.floats(mel.Filters(shape.mels))
	w.ints(len(tokens))
	for _, t := range tokens {
		w.name(string(t))
	}
	for _, t := range whisperTensors(shape) {
		if err := copyTensor(w, checkpoint, t); err != nil {
			return fmt.Errorf("tensor %s: %w", t.name, err)
		}
	}
	return w.close()
}

// whisperShape is the size of a Whisper model.
type whisperShape struct {
	vocab, mels                                   int
	audioCtx, audioState, audioHeads, audioLayers int
	textCtx, textState, textHeads, textLayers     int
}

// textTokens is how many tokens the file lists: all but the special ones, of which English models have one more.
func (s whisperShape) textTokens() int {
	if s.vocab < 51865 {
		return 50256
	}
	return 50257
}

func shapeOf(f *ct2File) (s whisperShape, err error) {
	size := func(name string, rank, dim int) int {
		v, ok := f.variables[name]
		if !ok || len(v.dims) != rank {
			err = formatError("no %q of %d dimensions", name, rank)
			return 0
		}
		return v.dims[dim]
	}
	s.vocab, s.textState = size("decoder/embeddings/weight", 2, 0), size("decoder/embeddings/weight", 2, 1)
	s.audioCtx, s.audioState = size("encoder/position_encodings/encodings", 2, 0), size("encoder/position_encodings/encodings", 2, 1)
	s.textCtx = size("decoder/position_encodings/encodings", 2, 0)
	s.mels = size("encoder/conv1/weight", 3, 1)
	s.audioLayers, s.textLayers = layersOf(f, "encoder"), layersOf(f, "decoder")
	if err != nil {
		return s, err
	}
	if s.audioHeads, err = f.number("encoder/num_heads"); err != nil {
		return s, err
	}
	if s.textHeads, err = f.number("decoder/num_heads"); err != nil {
		return s, err
	}
	if s.mels > 512 || s.vocab < 50257 {
		return s, formatError("%d mel bands or %d tokens: not a Whisper model", s.mels, s.vocab)
	}
	return s, nil
}

// layersOf counts the layers of a side. Distilled models have fewer on the decoder's.
func layersOf(f *ct2File, side string) int {
	n := 0
	for {
		if _, ok := f.variables[fmt.Sprintf("%s/layer_%d/self_attention/layer_norm/gamma", side, n)]; !ok {
			return n
		}
		n++
	}
}

// whisperTensor is a tensor of the file and where its numbers come from.
type whisperTensor struct {
	name     string
	variable string
	part, of int // CTranslate2 stacks query, key and value; a tensor is the part-th of so many. of is 1 for a whole variable
}

// whisperTensors lists all tensors, in the order in which the network uses them. The engine goes by name.
func whisperTensors(s whisperShape) []whisperTensor {
	var all []whisperTensor
	add := func(name, variable string, part, of int) {
		all = append(all, whisperTensor{name, variable, part, of})
	}
	pair := func(name, variable string, part, of int) {
		add(name+".weight", variable+"/weight", part, of)
		add(name+".bias", variable+"/bias", part, of)
	}
	norm := func(name, variable string) {
		add(name+".weight", variable+"/gamma", 0, 1)
		add(name+".bias", variable+"/beta", 0, 1)
	}
	block := func(name, layer string, crossed bool) {
		norm(name+".attn_ln", layer+"/self_attention/layer_norm")
		pair(name+".attn.query", layer+"/self_attention/linear_0", 0, 3)
		add(name+".attn.key.weight", layer+"/self_attention/linear_0/weight", 1, 3) // keys have no bias: it would cancel out
		pair(name+".attn.value", layer+"/self_attention/linear_0", 2, 3)
		pair(name+".attn.out", layer+"/self_attention/linear_1", 0, 1)
		if crossed {
			norm(name+".cross_attn_ln", layer+"/attention/layer_norm")
			pair(name+".cross_attn.query", layer+"/attention/linear_0", 0, 1)
			add(name+".cross_attn.key.weight", layer+"/attention/linear_1/weight", 0, 2)
			pair(name+".cross_attn.value", layer+"/attention/linear_1", 1, 2)
			pair(name+".cross_attn.out", layer+"/attention/linear_2", 0, 1)
		}
		norm(name+".mlp_ln", layer+"/ffn/layer_norm")
		pair(name+".mlp.0", layer+"/ffn/linear_0", 0, 1)
		pair(name+".mlp.2", layer+"/ffn/linear_1", 0, 1)
	}

	add("encoder.positional_embedding", "encoder/position_encodings/encodings", 0, 1)
	pair("encoder.conv1", "encoder/conv1", 0, 1)
	pair("encoder.conv2", "encoder/conv2", 0, 1)
	for i := range s.audioLayers {
		block(fmt.Sprintf("encoder.blocks.%d", i), fmt.Sprintf("encoder/layer_%d", i), false)
	}
	norm("encoder.ln_post", "encoder/layer_norm")
	add("decoder.positional_embedding", "decoder/position_encodings/encodings", 0, 1)
	add("decoder.token_embedding.weight", "decoder/embeddings/weight", 0, 1)
	for i := range s.textLayers {
		block(fmt.Sprintf("decoder.blocks.%d", i), fmt.Sprintf("decoder/layer_%d", i), true)
	}
	norm("decoder.ln", "decoder/layer_norm")
	return all
}

// copyTensor writes one tensor.
func copyTensor(w *writer, f *ct2File, t whisperTensor) error {
	v, ok := f.variables[t.variable]
	if !ok || len(v.dims) == 0 {
		return formatError("no variable %q", t.variable)
	}
	rows := v.dims[0]
	if rows%t.of != 0 {
		return formatError("%q has %d rows, not a multiple of %d", t.variable, rows, t.of)
	}
	v.length /= int64(t.of)
	v.at += int64(t.part) * v.length
	data, from, err := f.floats(v)
	if err != nil {
		return err
	}
	dims := slices.Clone(v.dims)
	dims[0] = rows / t.of
	slices.Reverse(dims)
	if isConvBias(t.name) { // so that it can be added to each column of the convolution's result
		dims = []int{1, dims[0]}
	}
	to := kindOf(t.name, dims)
	w.tensor(t.name, to, dims, recode(data, from, to))
	return w.err
}

func isConvBias(name string) bool {
	return strings.HasPrefix(name, "encoder.conv") && strings.HasSuffix(name, ".bias")
}

// keptWhole says whether a tensor stays in float32: the engine adds these, and does not multiply matrices with them.
func keptWhole(name string, dims []int) bool {
	return len(dims) == 1 || isConvBias(name) || strings.HasSuffix(name, ".positional_embedding")
}

func kindOf(name string, dims []int) kind {
	if keptWhole(name, dims) {
		return kindF32
	}
	return kindF16
}
