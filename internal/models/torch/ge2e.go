package torch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// maxFile bounds a checkpoint; the real one has 17 MB, two thirds of them the state of its optimizer.
const maxFile = 64 << 20

// magic is the first value of every file of the format, little endian.
const magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// GE2EHeader begins the plain file: what it is, and version 1 of its layout. The tensors follow, float32 and little endian,
// rows first, in the order of ge2eTensors; nothing stands between or behind them. Package ge2e reads it.
const GE2EHeader = "souffleur ge2e 1\n"

// ge2eTensor is a tensor of the speaker encoder.
type ge2eTensor struct {
	name  string // under model_state
	shape []int64
}

// ge2eTensors are those of three LSTM layers and the linear one.
func ge2eTensors() []ge2eTensor {
	var all []ge2eTensor
	for layer := range 3 {
		in := int64(256)
		if layer == 0 {
			in = 40
		}
		all = append(all,
			ge2eTensor{fmt.Sprintf("lstm.weight_ih_l%d", layer), []int64{1024, in}},
			ge2eTensor{fmt.Sprintf("lstm.weight_hh_l%d", layer), []int64{1024, 256}},
			ge2eTensor{fmt.Sprintf("lstm.bias_ih_l%d", layer), []int64{1024}},
			ge2eTensor{fmt.Sprintf("lstm.bias_hh_l%d", layer), []int64{1024}})
	}
	return append(all, ge2eTensor{"linear.weight", []int64{256, 256}}, ge2eTensor{"linear.bias", []int64{256}})
}

// FromGE2E writes the weights of the GE2E speaker encoder to out. checkpoint is the content of Resemblyzer's pretrained.pt.
func FromGE2E(checkpoint []byte, out io.Writer) error {
	tensors, numbers, err := read(checkpoint)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, GE2EHeader); err != nil {
		return err
	}
	for _, want := range ge2eTensors() {
		raw, err := contiguous(tensors, numbers, want)
		if err != nil {
			return err
		}
		if _, err := out.Write(raw); err != nil {
			return err
		}
	}
	return nil
}

// read returns the entries of model_state, and the bytes of each storage.
func read(checkpoint []byte) (map[string]any, map[string][]byte, error) {
	if len(checkpoint) > maxFile {
		return nil, nil, formatError("%d bytes", len(checkpoint))
	}
	in := bytes.NewReader(checkpoint)
	var values [5]any // magic, version of the format, of the machine, the checkpoint, the storages' keys
	for i := range values {
		v, err := unpickle(in)
		if err != nil {
			return nil, nil, err
		}
		values[i] = v
	}
	if values[0] != magic || values[1] != int64(1001) {
		return nil, nil, formatError("not a checkpoint of PyTorch's first format")
	}
	whole, _ := values[3].(*dict)
	keys, _ := values[4].(*list)
	if whole == nil || keys == nil {
		return nil, nil, formatError("no dictionary, or no list of storages")
	}
	state, _ := whole.items["model_state"].(*dict)
	if state == nil {
		return nil, nil, formatError("no model_state")
	}
	numbers, err := readStorages(in, keys)
	return state.items, numbers, err
}

// readStorages reads, for each key, a count of 8 bytes and as many float32. The bytes are those of the checkpoint.
func readStorages(in *bytes.Reader, keys *list) (map[string][]byte, error) {
	numbers := make(map[string][]byte, len(keys.items))
	for _, k := range keys.items {
		key, is := k.(string)
		var count uint64
		if !is || binary.Read(in, binary.LittleEndian, &count) != nil || count > uint64(in.Len()/4) {
			return nil, formatError("a storage that is longer than the file")
		}
		raw := make([]byte, 4*count)
		_, _ = io.ReadFull(in, raw) // they are there
		numbers[key] = raw
	}
	return numbers, nil
}

// contiguous returns the numbers of one tensor, checked.
func contiguous(tensors map[string]any, numbers map[string][]byte, want ge2eTensor) ([]byte, error) {
	t, _ := tensors[want.name].(*tensor)
	if t == nil || !slices.Equal(t.shape, want.shape) {
		return nil, formatError("no tensor %s of shape %v", want.name, want.shape)
	}
	count := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.strides[i] != count {
			return nil, formatError("tensor %s is not stored row by row", want.name)
		}
		count *= t.shape[i]
	}
	raw := numbers[t.key]
	if t.offset < 0 || t.offset > int64(len(raw)/4) || count > int64(len(raw)/4)-t.offset {
		return nil, formatError("tensor %s is longer than its storage", want.name)
	}
	raw = raw[4*t.offset:][:4*count]
	for i := 0; i < len(raw); i += 4 {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])); v != v || math.Abs(float64(v)) > 1e4 {
			return nil, formatError("tensor %s holds %v", want.name, v)
		}
	}
	return raw, nil
}
