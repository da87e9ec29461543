package onnx

import (
	"fmt"
	"slices"
)

// tensor is what a network says of its input or output. A dimension of -1 may be any.
type tensor struct {
	name  string
	shape []int64
}

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
	slots chan struct{} // one is held by each run; shared by all networks of a process
}

// modelID names the weights of a file.
func modelID(sha256 string) string { return "onnx:" + sha256 }

// load makes a network of a file, and checks that its input takes tensors of the shape want, in which -1 is any size.
func load(file []byte, slots chan struct{}, want []int64) (*network, error) {
	s, err := newSession(file)
	if err != nil {
		return nil, err
	}
	if !fits(s.input.shape, want) {
		err := wrongShape(fmt.Errorf("its input %q has the shape %v, not %v", s.input.name, s.input.shape, want))
		_ = s.close() // there is an error to tell already
		return nil, err
	}
	return &network{s, slots}, nil
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
