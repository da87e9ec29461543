package torch

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
)

// PyanNetHeader begins the plain file of the segmentation network, as [GE2EHeader] does that of the speaker encoder; the tensors
// of pyannetTensors follow. Package pyannet reads it.
const PyanNetHeader = "souffleur pyannet 1\n"

// pyannetTensors are those of pyannote.audio's PyanNet as segmentation-3.0 sets it up: SincNet, four LSTM layers in two
// directions, two linear layers and the classifier.
func pyannetTensors() []wanted {
	all := []wanted{
		{"sincnet.wav_norm1d.weight", []int64{1}}, {"sincnet.wav_norm1d.bias", []int64{1}},
		{"sincnet.conv1d.0.filterbank.low_hz_", []int64{40, 1}}, {"sincnet.conv1d.0.filterbank.band_hz_", []int64{40, 1}},
		{"sincnet.conv1d.0.filterbank.window_", []int64{125}}, {"sincnet.conv1d.0.filterbank.n_", []int64{1, 125}},
		{"sincnet.norm1d.0.weight", []int64{80}}, {"sincnet.norm1d.0.bias", []int64{80}},
	}
	for i, in := range []int64{80, 60} {
		all = append(all,
			wanted{fmt.Sprintf("sincnet.conv1d.%d.weight", i+1), []int64{60, in, 5}}, wanted{fmt.Sprintf("sincnet.conv1d.%d.bias", i+1), []int64{60}},
			wanted{fmt.Sprintf("sincnet.norm1d.%d.weight", i+1), []int64{60}}, wanted{fmt.Sprintf("sincnet.norm1d.%d.bias", i+1), []int64{60}})
	}
	in := int64(60)
	for layer := range 4 {
		for _, direction := range []string{"", "_reverse"} {
			name := func(part string) string { return fmt.Sprintf("lstm.%s_l%d%s", part, layer, direction) }
			all = append(all, wanted{name("weight_ih"), []int64{512, in}}, wanted{name("weight_hh"), []int64{512, 128}},
				wanted{name("bias_ih"), []int64{512}}, wanted{name("bias_hh"), []int64{512}})
		}
		in = 256
	}
	for _, l := range []wanted{{"linear.0", []int64{128, 256}}, {"linear.1", []int64{128, 128}}, {"classifier", []int64{7, 128}}} {
		all = append(all, wanted{l.name + ".weight", l.shape}, wanted{l.name + ".bias", l.shape[:1]})
	}
	return all
}

// FromPyanNet writes the weights of the segmentation network to out. checkpoint is the content of segmentation-3.0's
// pytorch_model.bin: a zip archive of one pickle and the tensors' storages.
func FromPyanNet(checkpoint []byte, out io.Writer) error {
	if len(checkpoint) > maxFile {
		return formatError("%d bytes", len(checkpoint))
	}
	archive, err := zip.NewReader(bytes.NewReader(checkpoint), int64(len(checkpoint)))
	if err != nil {
		return formatError("not a checkpoint of PyTorch's second format: %v", err)
	}
	described, numbers, err := members(archive)
	if err != nil {
		return err
	}
	v, err := unpickle(bytes.NewReader(described))
	if err != nil {
		return err
	}
	whole, _ := v.(*dict)
	if whole == nil {
		return formatError("no dictionary")
	}
	state, _ := whole.items["state_dict"].(*dict)
	if state == nil {
		return formatError("no state_dict")
	}
	return write(out, PyanNetHeader, pyannetTensors(), state.items, numbers)
}

// members returns NAME/data.pkl, and the storages NAME/data/KEY by key.
func members(archive *zip.Reader) (described []byte, numbers map[string][]byte, err error) {
	numbers = make(map[string][]byte)
	left := int64(maxFile)
	for _, f := range archive.File {
		dir, base := path.Split(f.Name)
		isStorage := path.Base(dir) == "data"
		if base == "" || !isStorage && base != "data.pkl" {
			continue
		}
		raw, err := member(f, left)
		if err != nil {
			return nil, nil, err
		}
		left -= int64(len(raw))
		if isStorage {
			numbers[base] = raw
		} else {
			described = raw
		}
	}
	return described, numbers, nil
}

// member reads one file of at most limit bytes.
func member(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, formatError("%s: %v", f.Name, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil || int64(len(raw)) > limit {
		return nil, formatError("%s is damaged, or larger than any checkpoint: %v", f.Name, err)
	}
	return raw, nil
}
