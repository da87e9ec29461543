package nn

// LSTM is one layer in one direction. It is fixed once made.
type LSTM struct {
	Input, Recurrent *Matrix   // to the sums at the input, forget, cell and output gates, in PyTorch's order
	Bias             []float32 // both of PyTorch's biases together
}

// Units is the size of the layer's state.
func (l *LSTM) Units() int { return l.Recurrent.In }

// Scratch is memory that layers reuse from call to call: a batch needs some MB. The zero value is ready; one goroutine uses it.
type Scratch struct {
	gates, h, c []float32
}

// Run takes n sequences of a number of steps through the layer. x holds Input.In numbers for each step and, within a step, for
// each sequence. The state after each is written to out, every stride numbers; backward reads the steps from the last to the
// first. It returns the state after the last step read, of each sequence; the scratch owns it.
func (l *LSTM) Run(out []float32, stride int, x []float32, n, steps int, backward bool, s *Scratch) []float32 {
	units := l.Units()
	gates := 4 * units
	s.gates = Resize(s.gates, n*steps*gates)
	for i := range n * steps {
		copy(s.gates[i*gates:], l.Bias)
	}
	l.Input.Add(s.gates, x, n*steps) // what the input contributes, for all steps at once
	s.h, s.c = Resize(s.h, n*units), Resize(s.c, n*units)
	clear(s.h)
	clear(s.c)
	for k := range steps {
		t := k
		if backward {
			t = steps - 1 - k
		}
		g := s.gates[t*n*gates:][:n*gates]
		if k > 0 {
			l.Recurrent.Add(g, s.h, n)
		}
		for i := range n {
			h := s.h[i*units:][:units]
			step(g[i*gates:][:gates], h, s.c[i*units:][:units])
			copy(out[(t*n+i)*stride:], h)
		}
	}
	return s.h
}

// stepGo is step without vector instructions.
func stepGo(g, h, c []float32) {
	n := len(h)
	in, forget, cell, out := g[:n], g[n:2*n], g[2*n:3*n], g[3*n:4*n]
	c = c[:n]
	for i := range h {
		v := Sigmoid(forget[i])*c[i] + Sigmoid(in[i])*Tanh(cell[i])
		c[i] = v
		h[i] = Sigmoid(out[i]) * Tanh(v)
	}
}

// Resize returns a slice of n numbers, of any value, that reuses s where that is large enough.
func Resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
