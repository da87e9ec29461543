package ggml

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// maxSilero bounds the checkpoint; the real one has 1.2 MB.
const maxSilero = 16 << 20

// sileroVersion is what the file's header says; the engine shows it and does not act on it.
var sileroVersion = [3]int{6, 2, 3}

// sileroTensor is a tensor of the voice detector.
type sileroTensor struct {
	name, source string // in our file, in the checkpoint
	shape        []int  // in the checkpoint
	kind         kind
	dims         []int // in our file, the fastest first
}

// sileroTensors lists them in the order of whisper.cpp's converter.
func sileroTensors() []sileroTensor {
	var all []sileroTensor
	channels := []int{129, 128, 64, 64, 128}
	for i := range 4 {
		in, out := channels[i], channels[i+1]
		name, source := fmt.Sprintf("_model.encoder.%d.reparam_conv", i), fmt.Sprintf("conv%d", i+1)
		all = append(all,
			sileroTensor{name + ".weight", source + ".weight", []int{out, in, 3}, kindF16, []int{3, in, out}},
			sileroTensor{name + ".bias", source + ".bias", []int{out}, kindF32, []int{out}})
	}
	for _, part := range []string{"weight_ih", "weight_hh"} {
		all = append(all, sileroTensor{"_model.decoder.rnn." + part, "lstm_cell." + part, []int{512, 128}, kindF32, []int{128, 512}})
	}
	for _, part := range []string{"bias_ih", "bias_hh"} {
		all = append(all, sileroTensor{"_model.decoder.rnn." + part, "lstm_cell." + part, []int{512}, kindF32, []int{512}})
	}
	return append(all,
		sileroTensor{"_model.decoder.decoder.2.weight", "final_conv.weight", []int{1, 128, 1}, kindF16, []int{128}},
		sileroTensor{"_model.decoder.decoder.2.bias", "final_conv.bias", []int{1}, kindF32, nil},
		sileroTensor{"_model.stft.forward_basis_buffer", "stft_conv.weight", []int{258, 1, 256}, kindF16, []int{256, 1, 258}})
}

// FromSilero writes the Silero voice detection model for 16 kHz to out. checkpoint is the content of
// silero_vad_16k.safetensors from the project's own package, version 6.
func FromSilero(checkpoint []byte, out io.Writer) error {
	tensors, err := readSafetensors(checkpoint)
	if err != nil {
		return err
	}
	w := newWriter(out)
	w.ints(fileMagic)
	w.name("silero-16k")
	w.ints(sileroVersion[:]...)
	w.ints(512, 64) // samples of a window, and of the context before it
	w.ints(4)       // encoder layers: channels in, out, width of the kernel
	w.ints(129, 128, 3, 128, 64, 3, 64, 64, 3, 64, 128, 3)
	w.ints(128, 128, 128, 1) // LSTM in and out, last layer in and out
	for _, t := range sileroTensors() {
		from, ok := tensors[t.source]
		if !ok || !slices.Equal(from.Shape, t.shape) {
			return formatError("no tensor %q of shape %v", t.source, t.shape)
		}
		w.tensor(t.name, t.kind, t.dims, recode(from.data, kindF32, t.kind))
	}
	return w.close()
}

// safetensor is one tensor of a safetensors file.
type safetensor struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
	data    []byte
}

// readSafetensors reads a file of float32 tensors: the length of a JSON header in 8 bytes, the header, the numbers.
func readSafetensors(file []byte) (map[string]safetensor, error) {
	if len(file) < 8 || len(file) > maxSilero {
		return nil, formatError("safetensors of %d bytes", len(file))
	}
	length := binary.LittleEndian.Uint64(file)
	if length > uint64(len(file)-8) {
		return nil, formatError("safetensors: a header longer than the file")
	}
	header, numbers := file[8:8+length], file[8+length:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, formatError("safetensors: %v", err)
	}
	delete(raw, "__metadata__")
	tensors := make(map[string]safetensor, len(raw))
	for name, description := range raw {
		t, err := readTensor(description, numbers)
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		tensors[name] = t
	}
	return tensors, nil
}

func readTensor(description, numbers []byte) (safetensor, error) {
	var t safetensor
	if err := json.Unmarshal(description, &t); err != nil {
		return t, formatError("%v", err)
	}
	begin, end := t.Offsets[0], t.Offsets[1]
	if t.DType != "F32" || begin > end || end > uint64(len(numbers)) {
		return t, formatError("type %q, bytes %d to %d of %d", t.DType, begin, end, len(numbers))
	}
	count := uint64(1)
	for _, dim := range t.Shape {
		if dim <= 0 || uint64(dim) > maxSilero/count {
			return t, formatError("shape %v", t.Shape)
		}
		count *= uint64(dim)
	}
	if 4*count != end-begin {
		return t, formatError("shape %v in %d bytes", t.Shape, end-begin)
	}
	t.data = numbers[begin:end]
	return t, nil
}
