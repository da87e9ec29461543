package onnx

import (
	"slices"
	"strings"
	"testing"
)

func TestInputsAndOutputsAreRead(t *testing.T) {
	m, err := readModel(loudest())
	if err != nil {
		t.Fatal(err)
	}
	same := func(got []tensor, name string, shape ...int64) {
		if len(got) != 1 || got[0].name != name || got[0].kind != kindFloat || !slices.Equal(got[0].shape, shape) {
			t.Errorf("%+v, want %s %v", got, name, shape)
		}
	}
	same(m.inputs, "feats", -1, -1, 80)
	same(m.outputs, "embs", -1, 80)
	if m.outside {
		t.Error("all of it is in the file")
	}
}

// weight is a TensorProto of 80 numbers.
func weight(name string) proto { return proto{}.number(1, 80).number(2, float).text(8, name) }

func scaled(weights []proto, extra ...proto) []byte {
	nodes := append([]proto{
		node("ReduceMax", []string{"feats"}, "a", map[string]any{"axes": []int{1}, "keepdims": 0}), node("Mul", []string{"a", "w"}, "embs", nil),
	}, extra...)
	return withWeights(weights, value("feats", float, 0, 0, 80), value("embs", float, 0, 80), nodes...)
}

func TestWeightsAmongTheInputsAreNone(t *testing.T) {
	file := scaled([]proto{weight("w").bytes(9, make([]byte, 320))})
	listed := proto(file).bytes(7, proto{}.bytes(11, value("w", float, 80)))
	m, err := readModel(file)
	if err != nil || len(m.inputs) != 1 || m.inputs[0].name != "feats" || m.outside {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := readModel(listed); err == nil {
		t.Error("a model of two graphs was taken")
	}
	m = &modelFile{}
	if err := m.readGraph(proto{}.bytes(5, weight("w")).bytes(11, value("w", float, 80))); err != nil || !slices.Contains(m.weights, "w") {
		t.Errorf("%+v, %v", m, err)
	}
}

// ONNX Runtime would take weights from a file in the folder where the program runs.
func TestWeightsInOtherFilesAreFound(t *testing.T) {
	entry := func(k, v string) proto { return proto{}.text(1, k).text(2, v) }
	outside := weight("w").bytes(13, entry("location", "weights.bin")).number(14, 1)
	attribute := func(field int, v proto) proto { return proto{}.text(1, "value").bytes(field, v) }
	constant := func(a proto) proto { return proto{}.text(2, "c").text(4, "Constant").bytes(5, a) }
	for what, file := range map[string][]byte{
		"an initializer":         scaled([]proto{outside}),
		"without an entry":       scaled([]proto{weight("w").number(14, 1)}),
		"a constant":             scaled([]proto{weight("w")}, constant(attribute(5, outside))),
		"several constants":      scaled([]proto{weight("w")}, constant(attribute(10, outside))),
		"a graph in a node":      scaled([]proto{weight("w")}, constant(attribute(6, proto{}.bytes(5, outside)))),
		"sparse weights":         scaled([]proto{weight("w")}, constant(attribute(22, proto{}.bytes(1, outside)))),
		"a function":             proto(scaled([]proto{weight("w")})).bytes(25, proto{}.bytes(7, constant(attribute(5, outside)))),
		"a function's attribute": proto(scaled([]proto{weight("w")})).bytes(25, proto{}.bytes(11, attribute(5, outside))),
	} {
		if m, err := readModel(file); err != nil || !m.outside {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
		if _, err := load(file, make(chan struct{}, 1), []int64{1, -1, bands}); err == nil || !strings.Contains(err.Error(), "another file") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestGraphsInGraphsAreBounded(t *testing.T) {
	var g proto
	for range maxDepth {
		g = proto{}.bytes(1, proto{}.bytes(5, proto{}.bytes(6, g)))
	}
	if _, err := readModel(proto{}.bytes(7, g)); err == nil {
		t.Error("taken")
	}
}

func FuzzModels(f *testing.F) {
	f.Add(loudest())
	f.Add(ups(0))
	f.Add(scaled([]proto{weight("w").number(14, 1)}))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = readModel(b)
	})
}
