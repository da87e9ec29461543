//go:build !amd64

package ge2e

func panel3(y []float32, stride int, x []float32, k int, w []float32) {
	for r := range 3 {
		panel1Go(y[r*stride:], x[r*k:], k, w)
	}
}

func panel1(y, x []float32, k int, w []float32) { panel1Go(y, x, k, w) }
