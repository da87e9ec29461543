package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// checkpoint writes one of the format: the wanted tensors, in storages of their own. change alters the pickle of the checkpoint.
func checkpoint(change func(string) string) []byte {
	var p, storages bytes.Buffer
	var keys strings.Builder
	text := func(s string) string { return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	number := func(n int64) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	p.WriteString("\x80\x02}(" + text("step") + "K\x01" + text("model_state") + "ccollections\nOrderedDict\n)R(")
	for i, t := range ge2eTensors() {
		count, shape, strides := int64(1), "", ""
		for j := len(t.shape) - 1; j >= 0; j-- {
			shape, strides = number(t.shape[j])+shape, number(count)+strides
			count *= t.shape[j]
		}
		key := fmt.Sprint(1000 + i)
		p.WriteString(text(t.name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(count) + "NtQK\x00(" +
			shape + "t(" + strides + "t\x89ccollections\nOrderedDict\n)RtR")
		keys.WriteString(text(key))
		storages.Write(binary.LittleEndian.AppendUint64(nil, uint64(count)))
		storages.Write(bytes.Repeat([]byte{byte(i), 0, 0x80, 0x3f}, int(count)))
	}
	p.WriteString("uu.")
	head := "\x80\x02\x8a\x0a" + magic + ".\x80\x02M\xe9\x03.\x80\x02}."
	return []byte(head + change(p.String()) + "\x80\x02](" + keys.String() + "e." + storages.String())
}

func same(s string) string { return s }

func TestTensorsComeInOrder(t *testing.T) {
	var out bytes.Buffer
	if err := FromGE2E(checkpoint(same), &out); err != nil {
		t.Fatal(err)
	}
	b := out.Bytes()
	if !bytes.HasPrefix(b, []byte(GE2EHeader)) || len(b) != 5694481 {
		t.Fatalf("%d bytes", len(b))
	}
	if b[len(GE2EHeader)] != 0 || b[len(b)-4] != 13 {
		t.Error("the tensors are in another order")
	}
}

func TestPicklesThatDoMoreThanDescribeTensorsAreRefused(t *testing.T) {
	for what, change := range map[string]func(string) string{
		"another function": func(s string) string {
			return strings.Replace(s, "ccollections\nOrderedDict", "cos\nsystem", 1)
		},
		"another storage":  func(s string) string { return strings.Replace(s, "FloatStorage", "HalfStorage", 1) },
		"an instruction":   func(s string) string { return strings.Replace(s, "K\x01", "i\x01", 1) },
		"a missing tensor": func(s string) string { return strings.Replace(s, "lstm.bias_hh_l2", "lstm.bias_hh_l9", 1) },
		"another shape":    func(s string) string { return strings.Replace(s, "J\x28\x00\x00\x00", "J\x29\x00\x00\x00", 1) },
		"an offset":        func(s string) string { return strings.Replace(s, "QK\x00", "QK\x01", 1) },
		"no end":           func(s string) string { return s[:len(s)-1] },
		"empty":            func(string) string { return "" },
	} {
		if err := FromGE2E(checkpoint(change), io.Discard); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
	whole := checkpoint(same)
	for _, n := range []int{0, 10, 500, len(whole) / 2, len(whole) - 1} {
		if err := FromGE2E(whole[:n], io.Discard); !errors.Is(err, ErrFormat) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

// archive writes a checkpoint of the second format: the wanted tensors in one storage, and an object that tells about it.
func archive(change func(string) string) []byte {
	var p, storage bytes.Buffer
	text := func(s string) string { return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	number := func(n int64) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	total := int64(1473410)
	p.WriteString("\x80\x02}(" + text("about") + "cpyannote.audio.core.task\nSpecifications\n)\x81}b" + text("state_dict") + "ccollections\nOrderedDict\n)R(")
	for i, t := range pyannetTensors() {
		count, shape, strides := int64(1), "", ""
		for j := len(t.shape) - 1; j >= 0; j-- {
			shape, strides = number(t.shape[j])+shape, number(count)+strides
			count *= t.shape[j]
		}
		p.WriteString(text(t.name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(total) + "tQ" +
			number(int64(storage.Len()/4)) + "(" + shape + "t(" + strides + "t\x89ccollections\nOrderedDict\n)RtR")
		storage.Write(bytes.Repeat([]byte{byte(i), 0, 0x80, 0x3f}, int(count)))
	}
	p.WriteString("uu.")
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range map[string]string{"archive/data.pkl": change(p.String()), "archive/data/0": storage.String(), "archive/version": "3\n"} {
		w, _ := z.Create(name)
		_, _ = io.WriteString(w, content)
	}
	_ = z.Close()
	return out.Bytes()
}

func TestTensorsOfTheSecondFormatComeInOrder(t *testing.T) {
	var out bytes.Buffer
	if err := FromPyanNet(archive(same), &out); err != nil {
		t.Fatal(err)
	}
	b := out.Bytes()
	if !bytes.HasPrefix(b, []byte(PyanNetHeader)) || len(b) != 5894080 || b[len(PyanNetHeader)] != 0 || int(b[len(b)-4]) != len(pyannetTensors())-1 {
		t.Errorf("%d bytes, in another order", len(b))
	}
}

func TestArchivesThatAreNoCheckpointAreRefused(t *testing.T) {
	for what, change := range map[string]func(string) string{
		"another function": func(s string) string {
			return strings.Replace(s, "cpyannote.audio.core.task\nSpecifications", "cos\nsystem", 1)
		},
		"a missing tensor":  func(s string) string { return strings.Replace(s, "linear.1.bias", "linear.9.bias", 1) },
		"a missing storage": func(s string) string { return strings.ReplaceAll(s, "X\x01\x00\x00\x000", "X\x01\x00\x00\x001") },
		"no end":            func(s string) string { return s[:len(s)-1] },
		"empty":             func(string) string { return "" },
	} {
		if err := FromPyanNet(archive(change), io.Discard); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
	whole := archive(same)
	for _, n := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		if err := FromPyanNet(whole[:n], io.Discard); !errors.Is(err, ErrFormat) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

// An archive that grows without end when it is unpacked is stopped.
func TestAnArchiveIsBounded(t *testing.T) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, _ := z.Create("archive/data/0")
	_, _ = w.Write(make([]byte, maxFile+1))
	_ = z.Close()
	if err := FromPyanNet(out.Bytes(), io.Discard); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
}

func FuzzFromPyanNet(f *testing.F) {
	f.Add(archive(same)[:4000])
	f.Fuzz(func(t *testing.T, b []byte) { _ = FromPyanNet(b, io.Discard) })
}

func FuzzFromGE2E(f *testing.F) {
	f.Add(checkpoint(same)[:4000])
	f.Add([]byte("\x80\x02\x8a\x0a" + magic + "."))
	f.Fuzz(func(t *testing.T, b []byte) { _ = FromGE2E(b, io.Discard) })
}
