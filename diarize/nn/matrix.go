package nn

// panelWidth is how many columns are computed together: four registers of eight numbers.
const panelWidth = 32

// Matrix holds weights of In rows and Out columns in panels of panelWidth columns, each panel row by row, so that the inner
// loop reads them in order. Columns beyond Out are zero. It is fixed once made.
type Matrix struct {
	In, Out int
	panels  []float32
}

// NewMatrix packs weights; at gives the weight from input i to output j.
func NewMatrix(in, out int, at func(i, j int) float32) *Matrix {
	m := &Matrix{In: in, Out: out}
	m.panels = make([]float32, m.Width()*in)
	for p := range m.Width() / panelWidth {
		for i := range in {
			for c := range min(panelWidth, out-p*panelWidth) {
				m.panels[(p*in+i)*panelWidth+c] = at(i, p*panelWidth+c)
			}
		}
	}
	return m
}

// Width is the number of columns with padding.
func (m *Matrix) Width() int { return (m.Out + panelWidth - 1) / panelWidth * panelWidth }

// Add adds x times m to y: rows of In numbers in x, rows of Width numbers in y.
func (m *Matrix) Add(y, x []float32, rows int) { m.AddEvery(y, x, m.In, rows) }

// AddEvery is Add for rows of x that begin every stride numbers, and may lie over one another: so a matrix is a convolution.
// The panel is the outer loop, because it stays in the cache.
func (m *Matrix) AddEvery(y, x []float32, stride, rows int) {
	if rows <= 0 {
		return
	}
	width := m.Width()
	_, _ = y[rows*width-1], x[(rows-1)*stride+m.In-1] // what follows does not check
	for p := 0; p < width; p += panelWidth {
		w := m.panels[p*m.In:][:m.In*panelWidth]
		r := 0
		for ; r+3 <= rows; r += 3 {
			panel3(y[r*width+p:], width, x[r*stride:], stride, m.In, w)
		}
		for ; r < rows; r++ {
			panel1(y[r*width+p:], x[r*stride:], m.In, w)
		}
	}
}

// panel1Go adds one row of k numbers times a panel to panelWidth sums.
func panel1Go(y, x []float32, k int, w []float32) {
	x = x[:k]
	for c := 0; c < panelWidth; c += 8 {
		s := (*[8]float32)(y[c:])
		s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		for i, v := range x {
			row := (*[8]float32)(w[i*panelWidth+c:])
			s0 += v * row[0]
			s1 += v * row[1]
			s2 += v * row[2]
			s3 += v * row[3]
			s4 += v * row[4]
			s5 += v * row[5]
			s6 += v * row[6]
			s7 += v * row[7]
		}
		*s = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
	}
}
