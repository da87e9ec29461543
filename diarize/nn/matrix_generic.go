//go:build !amd64

package nn

func panel3(y []float32, yStride int, x []float32, xStride, k int, w []float32) {
	for r := range 3 {
		panel1Go(y[r*yStride:], x[r*xStride:], k, w)
	}
}

func panel1(y, x []float32, k int, w []float32) { panel1Go(y, x, k, w) }
