package onnx

import (
	"errors"
	"fmt"
	"slices"
)

func badModel(err error) *Problem {
	return &Problem{
		BadModel, fmt.Errorf("load the network: %w", err),
		"Take another export of this network, or a newer ONNX Runtime.",
	}
}

func wrongShape(err error) *Problem {
	return &Problem{
		WrongShape, err, "Take a network of the kind that docs/diarization-models.md names; this one computes something else.",
	}
}

// network runs one session, with as many runs at once as its slots allow.
type network struct {
	*session
	input tensor
	slots chan struct{} // one is held by each run; shared by all networks of a process
}

// modelID names the weights of a file.
func modelID(sha256 string) string { return "onnx:" + sha256 }

// load makes a network of a file, and checks that its input takes tensors of the shape want, in which -1 is any size.
func load(file []byte, slots chan struct{}, want []int64) (*network, error) {
	m, err := readModel(file)
	if err != nil {
		return nil, badModel(err)
	}
	if m.outside {
		return nil, badModel(errors.New("it keeps weights in another file, which nobody checks"))
	}
	input, err := only("input", m.inputs)
	if err != nil {
		return nil, err
	}
	output, err := only("output", m.outputs)
	if err != nil {
		return nil, err
	}
	if !fits(input.shape, want) {
		return nil, wrongShape(fmt.Errorf("its input %q has the shape %v, not %v", input.name, input.shape, want))
	}
	s, err := newSession(file, input.name, output.name)
	if err != nil {
		return nil, err
	}
	return &network{s, input, slots}, nil
}

// only is the one tensor of a list, which must hold float32.
func only(what string, all []tensor) (tensor, error) {
	if len(all) != 1 {
		return tensor{}, wrongShape(fmt.Errorf("it has %d %ss, not one", len(all), what))
	}
	if all[0].kind != kindFloat {
		return tensor{}, wrongShape(fmt.Errorf("its %s %q is no tensor of float32", what, all[0].name))
	}
	return all[0], nil
}

// fits says whether a network that says shape, -1 for what may be any size, takes tensors of the shape want.
func fits(shape, want []int64) bool {
	if len(shape) != len(want) {
		return false
	}
	for i, n := range shape {
		if n > 0 && n != want[i] { // a fixed size
			return false
		}
	}
	return true
}

// answer runs the network and checks what comes out: its shape, and that all of it are numbers.
func (n *network) answer(in []float32, shape, want []int64) ([]float32, error) {
	n.slots <- struct{}{}
	out, got, err := n.run(in, shape)
	<-n.slots
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	case !slices.Equal(got, want):
		return nil, fmt.Errorf("%w: %v came out, not %v", ErrFailed, got, want)
	case !finite(out):
		return nil, fmt.Errorf("%w: not all of it are numbers", ErrFailed)
	}
	return out, nil
}
