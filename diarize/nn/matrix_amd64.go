package nn

import "golang.org/x/sys/cpu"

// vectors says whether the processor has what matrix_amd64.s uses. A variable, so that tests compare both ways.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// panel3 adds three rows of k numbers, xStride numbers apart, times a panel to three times panelWidth sums, yStride numbers
// apart. The caller has checked all lengths.
func panel3(y []float32, yStride int, x []float32, xStride, k int, w []float32) {
	if !vectors {
		for r := range 3 {
			panel1Go(y[r*yStride:], x[r*xStride:], k, w)
		}
		return
	}
	panel3AVX(&y[0], yStride, &x[0], xStride, &w[0], k)
}

// panel1 is panel3 of one row.
func panel1(y, x []float32, k int, w []float32) {
	if !vectors {
		panel1Go(y, x, k, w)
		return
	}
	panel1AVX(&y[0], &x[0], &w[0], k)
}

//go:noescape
func panel3AVX(y *float32, yStride int, x *float32, xStride int, w *float32, k int)

//go:noescape
func panel1AVX(y, x, w *float32, k int)
