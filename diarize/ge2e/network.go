package ge2e

import "math"

// Sizes of the network.
const (
	units  = 256
	gates  = 4 * units // input, forget, cell and output gate, in PyTorch's order
	layers = 3
)

// network is the weights, fixed once loaded.
type network struct {
	layer  [layers]lstm
	linear *matrix
	bias   []float32 // of the linear layer
}

// lstm is one layer.
type lstm struct {
	input, recurrent *matrix
	bias             []float32 // both of PyTorch's biases together
}

// scratch is the memory of one call. It is reused: a batch needs some MB.
type scratch struct {
	padded, cut, spectrum []float32 // of the front end
	x, gates              []float32 // a layer's input and output; its gates
	h, c                  []float32 // state of each window
}

// forward returns the vector of each of n windows of steps frames, neither centred nor normalised. s.x holds the bands, step
// by step, and within a step window by window.
func (net *network) forward(n, steps int, s *scratch) []float32 {
	for i := range net.layer {
		net.layer[i].forward(n, steps, s)
	}
	out := make([]float32, n*Dim)
	for i := range n {
		copy(out[i*Dim:], net.bias)
	}
	net.linear.add(out, s.h, n)
	for i, v := range out {
		out[i] = max(v, 0)
	}
	return out
}

// forward replaces s.x by the layer's output. What the input contributes to the gates is computed for all steps at once.
func (l *lstm) forward(n, steps int, s *scratch) {
	s.gates = resized(s.gates, n*steps*gates, false)
	for i := range n * steps {
		copy(s.gates[i*gates:], l.bias)
	}
	l.input.add(s.gates, s.x, n*steps)
	s.x = resized(s.x, n*steps*units, false)
	s.h, s.c = resized(s.h, n*units, true), resized(s.c, n*units, true)
	for t := range steps {
		g := s.gates[t*n*gates:][:n*gates]
		if t > 0 {
			l.recurrent.add(g, s.h, n)
		}
		for i := range n {
			step(g[i*gates:][:gates], s.h[i*units:][:units], s.c[i*units:][:units])
		}
		copy(s.x[t*n*units:], s.h)
	}
}

// step moves the state of one window by the sums at its gates.
func step(g, h, c []float32) {
	in, forget, cell, out := g[:units], g[units:2*units], g[2*units:3*units], g[3*units:4*units]
	h, c = h[:units], c[:units]
	for i := range units {
		v := sigmoid(forget[i])*c[i] + sigmoid(in[i])*tanh(cell[i])
		c[i] = v
		h[i] = sigmoid(out[i]) * tanh(v)
	}
}

func sigmoid(x float32) float32 { return 1 / (1 + exp(-x)) }

func tanh(x float32) float32 { return 2/(1+exp(-2*x)) - 1 }

// exp is e to the x with a relative error below 3e-7, a quarter of the time of math.Exp: a window needs 600,000 of them. It
// splits off the power of two and takes the Taylor series of the rest, whose magnitude is at most ln(2)/2.
func exp(x float32) float32 {
	x = max(min(x, 80), -80)
	n := int32(x*(1/math.Ln2)+128.5) - 128
	const high, low = 0.693359375, -2.12194440e-4 // ln 2 in two parts, the first of few bits
	r := x - float32(n)*high - float32(n)*low
	p := 1 + r*(1+r*(1.0/2+r*(1.0/6+r*(1.0/24+r*(1.0/120+r*(1.0/720))))))
	return p * math.Float32frombits(uint32(n+127)<<23)
}
