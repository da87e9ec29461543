package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The tests' networks are written here as ONNX has them, in protobuf: a few hundred bytes each.

// proto is a protobuf message under way.
type proto []byte

func (m proto) varint(v uint64) proto {
	for ; v >= 0x80; v >>= 7 {
		m = append(m, byte(v)|0x80)
	}
	return append(m, byte(v))
}

func (m proto) number(field, v int) proto { return m.varint(uint64(field) << 3).varint(uint64(v)) }

func (m proto) bytes(field int, v []byte) proto {
	return append(m.varint(uint64(field)<<3|2).varint(uint64(len(v))), v...)
}

func (m proto) text(field int, v string) proto { return m.bytes(field, []byte(v)) }

// node is a NodeProto; attributes are numbers (int) or lists of them ([]int).
func node(op string, inputs []string, output string, attributes map[string]any) proto {
	var n proto
	for _, in := range inputs {
		n = n.text(1, in)
	}
	n = n.text(2, output).text(4, op)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := proto{}.text(1, name)
		switch v := attributes[name].(type) {
		case int:
			a = a.number(3, v).number(20, 2)
		case []int:
			for _, v := range v {
				a = a.number(8, v)
			}
			a = a.number(20, 7)
		}
		n = n.bytes(5, a)
	}
	return n
}

const float, double = kindFloat, 11 // TensorProto.DataType

// value is a ValueInfoProto; dimensions of 0 are free.
func value(name string, kind int, dims ...int) proto {
	var shape proto
	for _, d := range dims {
		dim := proto{}.text(2, "free")
		if d > 0 {
			dim = proto{}.number(1, d)
		}
		shape = shape.bytes(1, dim)
	}
	tensor := proto{}.number(1, kind).bytes(2, shape)
	return proto{}.text(1, name).bytes(2, proto{}.bytes(1, tensor))
}

// model is a ModelProto with one input and one output.
func model(in, out proto, nodes ...proto) []byte { return withWeights(nil, in, out, nodes...) }

// withWeights is a model with TensorProtos.
func withWeights(weights []proto, in, out proto, nodes ...proto) []byte {
	var g proto
	for _, n := range nodes {
		g = g.bytes(1, n)
	}
	for _, w := range weights {
		g = g.bytes(5, w)
	}
	g = g.text(2, "test").bytes(11, in).bytes(12, out)
	return proto{}.number(1, 8).bytes(7, g).bytes(8, proto{}.number(2, 13))
}

// loudest is an embedder: the greatest value of each band.
func loudest() []byte {
	return model(value("feats", float, 0, 0, bands), value("embs", float, 0, bands),
		node("ReduceMax", []string{"feats"}, "embs", map[string]any{"axes": []int{1}, "keepdims": 0}))
}

// ups is a segmenter of a fixed or free length: classes 0, 2, 4 and 6 score as the loudest sample of a frame, the others as its negative.
func ups(samples int) []byte {
	return model(value("x", float, 1, 1, samples), value("y", float, 1, 0, 7),
		node("MaxPool", []string{"x"}, "a", map[string]any{"kernel_shape": []int{991}, "strides": []int{270}}),
		node("Transpose", []string{"a"}, "b", map[string]any{"perm": []int{0, 2, 1}}),
		node("Neg", []string{"b"}, "c", nil),
		node("Concat", []string{"b", "c", "b", "c", "b", "c", "b"}, "y", map[string]any{"axis": 2}))
}

// fileOf describes the bytes of a file.
func fileOf(b []byte) *File {
	sum := sha256.Sum256(b)
	return &File{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(b))}
}

// folder writes an operator's folder with these networks (nil: none); change may spoil the description.
func folder(t testing.TB, embedding, segmentation []byte, change func(d *Description)) string {
	t.Helper()
	dir, d := t.TempDir(), &Description{}
	if embedding != nil {
		d.Embedding = &Embedding{File: *fileOf(embedding), Fbank: &FrontEnd{Povey, Unit}}
		write(t, filepath.Join(dir, EmbeddingFile), embedding)
	}
	if segmentation != nil {
		d.Segmentation = fileOf(segmentation)
		write(t, filepath.Join(dir, SegmentationFile), segmentation)
	}
	if change != nil {
		change(d)
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, DescriptionFile), b)
	return dir
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
