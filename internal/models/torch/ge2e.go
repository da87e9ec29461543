package torch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// maxFile bounds a checkpoint; the real one has 17 MB, two thirds of them the state of its optimizer.
const maxFile = 64 << 20

// magic is the first value of every file of the format, little endian.
const magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// GE2EHeader begins the plain file: what it is, and version 1 of its layout. The tensors follow, float32 and little endian,
// rows first, in the order of ge2eTensors; nothing stands between or behind them. Package ge2e reads it.
const GE2EHeader = "souffleur ge2e 1\n"

// ge2eTensors are those of three LSTM layers and the linear one.
func ge2eTensors() []wanted {
	var all []wanted
	for layer := range 3 {
		in := int64(256)
		if layer == 0 {
			in = 40
		}
		all = append(all,
			wanted{fmt.Sprintf("lstm.weight_ih_l%d", layer), []int64{1024, in}},
			wanted{fmt.Sprintf("lstm.weight_hh_l%d", layer), []int64{1024, 256}},
			wanted{fmt.Sprintf("lstm.bias_ih_l%d", layer), []int64{1024}},
			wanted{fmt.Sprintf("lstm.bias_hh_l%d", layer), []int64{1024}})
	}
	return append(all, wanted{"linear.weight", []int64{256, 256}}, wanted{"linear.bias", []int64{256}})
}

// FromGE2E writes the weights of the GE2E speaker encoder to out. checkpoint is the content of Resemblyzer's pretrained.pt.
func FromGE2E(checkpoint []byte, out io.Writer) error {
	tensors, numbers, err := read(checkpoint)
	if err != nil {
		return err
	}
	return write(out, GE2EHeader, ge2eTensors(), tensors, numbers)
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
