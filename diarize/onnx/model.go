package onnx

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// tensor is what a network says of an input or output. A dimension of -1 may be any.
type tensor struct {
	name  string
	kind  int // TensorProto.DataType; 0: it is no tensor
	shape []int64
}

const kindFloat = 1

// modelFile is what has to be known of a network before ONNX Runtime gets it.
type modelFile struct {
	inputs, outputs []tensor
	weights         []string // names; old exports list them among the inputs, too
	outside         bool     // it keeps weights in another file, whose bytes nobody checked
}

// kind is a kind of protobuf message of onnx.proto3.
type kind int

const (
	modelProto kind = iota
	graphProto
	functionProto
	nodeProto
	attributeProto
	sparseProto
	tensorProto
)

// children are the messages in a message, by field: all ways on which tensors can stand in a model.
var children = map[kind]map[protowire.Number]kind{
	modelProto:     {7: graphProto, 25: functionProto},
	graphProto:     {1: nodeProto, 5: tensorProto, 15: sparseProto},
	functionProto:  {7: nodeProto, 11: attributeProto},
	nodeProto:      {5: attributeProto},
	attributeProto: {5: tensorProto, 6: graphProto, 10: tensorProto, 11: graphProto, 22: sparseProto, 23: sparseProto},
	sparseProto:    {1: tensorProto, 2: tensorProto},
}

// maxDepth is how deep messages may stand in one another: loops in loops of a network are graphs in attributes of nodes.
const maxDepth = 64

var errModel = errors.New("it is no ONNX file")

// readModel reads the inputs and outputs of a network, and finds whether all of it is in this file. The library looks for weights in
// other files in the folder where the program happens to run.
func readModel(file []byte) (*modelFile, error) {
	m := &modelFile{}
	graphs := 0
	err := fields(file, func(number protowire.Number, v []byte, _ uint64) error {
		if number != 7 || v == nil {
			return nil
		}
		graphs++
		return m.readGraph(v)
	})
	if err != nil {
		return nil, err
	}
	if graphs != 1 {
		return nil, errModel
	}
	m.inputs = slices.DeleteFunc(m.inputs, func(t tensor) bool { return slices.Contains(m.weights, t.name) })
	return m, m.walk(file, modelProto, 0)
}

// walk looks for tensors that are kept outside.
func (m *modelFile) walk(b []byte, k kind, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: too deep", errModel)
	}
	return fields(b, func(number protowire.Number, v []byte, n uint64) error {
		if k == tensorProto && (number == 13 || number == 14 && n != 0) { // external_data, data_location
			m.outside = true
		}
		if child, ok := children[k][number]; ok && v != nil {
			return m.walk(v, child, depth+1)
		}
		return nil
	})
}

// readGraph reads the names of weights, and the tensors that go in and come out.
func (m *modelFile) readGraph(b []byte) error {
	return fields(b, func(number protowire.Number, v []byte, _ uint64) error {
		switch {
		case v == nil:
		case number == 5: // initializer
			return fields(v, func(number protowire.Number, v []byte, _ uint64) error {
				if number == 8 {
					m.weights = append(m.weights, string(v))
				}
				return nil
			})
		case number == 11:
			t, err := readTensor(v)
			m.inputs = append(m.inputs, t)
			return err
		case number == 12:
			t, err := readTensor(v)
			m.outputs = append(m.outputs, t)
			return err
		}
		return nil
	})
}

// readTensor reads a ValueInfoProto: its name, and where its type is that of a tensor the elements and dimensions.
func readTensor(b []byte) (t tensor, err error) {
	err = fields(b, func(number protowire.Number, v []byte, _ uint64) error {
		switch {
		case number == 1:
			t.name = string(v)
		case number == 2 && v != nil:
			return within(v, 1, func(v []byte) error { return t.readType(v) }) // TypeProto.tensor_type
		}
		return nil
	})
	return t, err
}

func (t *tensor) readType(b []byte) error {
	return fields(b, func(number protowire.Number, v []byte, n uint64) error {
		switch {
		case number == 1:
			t.kind = int(min(n, 1000))
		case number == 2 && v != nil:
			return within(v, 1, func(dim []byte) error { // TensorShapeProto.dim
				size := int64(-1)
				err := fields(dim, func(number protowire.Number, v []byte, n uint64) error {
					if number == 1 && v == nil {
						size = int64(n)
					}
					return nil
				})
				t.shape = append(t.shape, size)
				return err
			})
		}
		return nil
	})
}

// within visits the messages in one field.
func within(b []byte, field protowire.Number, visit func(v []byte) error) error {
	return fields(b, func(number protowire.Number, v []byte, _ uint64) error {
		if number == field && v != nil {
			return visit(v)
		}
		return nil
	})
}

// fields visits the fields of a message: v is what is in one with a length, n a number; others are skipped.
func fields(b []byte, visit func(number protowire.Number, v []byte, n uint64) error) error {
	for len(b) > 0 {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errModel
		}
		b = b[size:]
		var v []byte
		var n uint64
		switch kind {
		case protowire.BytesType:
			v, size = protowire.ConsumeBytes(b)
			v = v[:len(v):len(v)]
			if v == nil {
				v = []byte{}
			}
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		default:
			size = protowire.ConsumeFieldValue(number, kind, b)
		}
		if size < 0 {
			return errModel
		}
		b = b[size:]
		if err := visit(number, v, n); err != nil {
			return err
		}
	}
	return nil
}
