//go:build !amd64

package nn

// step moves the state of one sequence by the sums at its gates.
func step(g, h, c []float32) { stepGo(g, h, c) }
