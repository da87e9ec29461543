package ge2e

import "souffleur/diarize/nn"

// Sizes of the network.
const (
	units  = 256
	gates  = 4 * units
	layers = 3
)

// network is the weights, fixed once loaded.
type network struct {
	layer  [layers]nn.LSTM
	linear *nn.Matrix
	bias   []float32 // of the linear layer
}

// scratch is the memory of one call. It is reused: a batch needs some MB.
type scratch struct {
	padded, spectrum []float32 // of the front end
	x, y             []float32 // a layer's input and output
	layers           nn.Scratch
}

// forward returns the vector of each of n windows of steps frames, neither centred nor normalised. s.x holds the bands, step
// by step, and within a step window by window.
func (net *network) forward(n, steps int, s *scratch) []float32 {
	var last []float32
	for i := range net.layer {
		s.y = nn.Resize(s.y, n*steps*units)
		last = net.layer[i].Run(s.y, units, s.x, n, steps, false, &s.layers)
		s.x, s.y = s.y, s.x
	}
	out := make([]float32, n*Dim)
	for i := range n {
		copy(out[i*Dim:], net.bias)
	}
	net.linear.Add(out, last, n)
	for i, v := range out {
		out[i] = max(v, 0)
	}
	return out
}
