package ge2e

// panelWidth is how many columns are computed together: four registers of eight numbers.
const panelWidth = 32

// matrix holds weights of in rows and out columns in panels of panelWidth columns, each panel row by row, so that the inner
// loop reads them in order. Columns beyond out are zero.
type matrix struct {
	in, out int
	panels  []float32
}

// newMatrix packs weights; at gives the weight from input i to output j.
func newMatrix(in, out int, at func(i, j int) float32) *matrix {
	m := &matrix{in: in, out: out}
	m.panels = make([]float32, m.width()*in)
	for p := range m.width() / panelWidth {
		for i := range in {
			for c := range min(panelWidth, out-p*panelWidth) {
				m.panels[(p*in+i)*panelWidth+c] = at(i, p*panelWidth+c)
			}
		}
	}
	return m
}

// width is the number of columns with padding.
func (m *matrix) width() int { return (m.out + panelWidth - 1) / panelWidth * panelWidth }

// add adds x times m to y: rows of m.in numbers in x, rows of m.width() numbers in y. The panel is the outer loop, because it
// stays in the cache.
func (m *matrix) add(y, x []float32, rows int) {
	width := m.width()
	_, _ = y[rows*width-1], x[rows*m.in-1] // what follows does not check
	for p := 0; p < width; p += panelWidth {
		w := m.panels[p*m.in:][:m.in*panelWidth]
		r := 0
		for ; r+3 <= rows; r += 3 {
			panel3(y[r*width+p:], width, x[r*m.in:], m.in, w)
		}
		for ; r < rows; r++ {
			panel1(y[r*width+p:], x[r*m.in:], m.in, w)
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
