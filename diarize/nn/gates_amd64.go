package nn

import "math"

// gateConstants are what gates_amd64.s computes with, in its order, each eight times: the bounds of Exp, its logarithms and
// coefficients, the bias of an exponent as an integer, and factors.
var gateConstants = func() (out [14][8]float32) {
	for i, v := range [14]float32{
		-80, 80, 1 / math.Ln2, lnHigh, lnLow, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, math.Float32frombits(127), -1, -2,
	} {
		for k := range out[i] {
			out[i][k] = v
		}
	}
	return out
}()

// step moves the state of one sequence by the sums at its gates.
func step(g, h, c []float32) {
	if n := len(h); vectors && n > 0 && n%8 == 0 {
		_, _ = g[4*n-1], c[n-1] // what follows does not check
		stepAVX(&g[0], &h[0], &c[0], n, &gateConstants)
		return
	}
	stepGo(g, h, c)
}

//go:noescape
func stepAVX(gates, h, c *float32, n int, constants *[14][8]float32)
