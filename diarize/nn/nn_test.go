package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBothWaysOfMultiplyingAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := NewMatrix(37, 70, func(i, j int) float32 { return float32(math.Sin(float64(i*70 + j))) })
	for rows := 0; rows <= 7; rows++ {
		for _, stride := range []int{10, 37, 40} {
			x := make([]float32, max(0, rows-1)*stride+37)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			got := make([]float32, rows*m.Width())
			m.AddEvery(got, x, stride, rows)
			for i := range rows {
				for j := range 70 {
					want := 0.0
					for k := range 37 {
						want += float64(x[i*stride+k]) * math.Sin(float64(k*70+j))
					}
					if math.Abs(want-float64(got[i*m.Width()+j])) > 1e-4 {
						t.Fatalf("%d rows every %d: %v at %d, %d, want %v", rows, stride, got[i*m.Width()+j], i, j, want)
					}
				}
			}
			if rows == 0 {
				continue
			}
			plain := make([]float32, m.Width())
			for p := 0; p < m.Width(); p += panelWidth {
				panel1Go(plain[p:], x, 37, m.panels[p*37:][:37*panelWidth])
			}
			for j, v := range plain {
				if math.Abs(float64(v-got[j])) > 1e-4 {
					t.Fatalf("without vectors %v, with them %v", v, got[j])
				}
			}
		}
	}
}

func TestActivationsAreThoseOfTheMathsLibrary(t *testing.T) {
	for x := -30.0; x <= 30; x += 0.01 {
		for what, both := range map[string][2]float64{
			"e to the": {float64(Exp(float32(x))) / math.Exp(x), 1},
			"sigmoid":  {float64(Sigmoid(float32(x))), 1 / (1 + math.Exp(-x))},
			"tanh":     {float64(Tanh(float32(x))), math.Tanh(x)},
		} {
			if math.Abs(both[0]-both[1]) > 3e-6 {
				t.Fatalf("%s %v: %v instead of %v", what, x, both[0], both[1])
			}
		}
	}
}

// plainLSTM runs one sequence by the equations of PyTorch's manual, in double precision.
func plainLSTM(in, rec func(i, j int) float32, bias []float32, units int, xs [][]float32) [][]float64 {
	h, c := make([]float64, units), make([]float64, units)
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	var out [][]float64
	for _, x := range xs {
		g := make([]float64, 4*units)
		for j := range g {
			g[j] = float64(bias[j])
			for i, v := range x {
				g[j] += float64(v) * float64(in(i, j))
			}
			for i, v := range h {
				g[j] += v * float64(rec(i, j))
			}
		}
		next := make([]float64, units)
		for i := range units {
			c[i] = sigmoid(g[units+i])*c[i] + sigmoid(g[i])*math.Tanh(g[2*units+i])
			next[i] = sigmoid(g[3*units+i]) * math.Tanh(c[i])
		}
		h = next
		out = append(out, h)
	}
	return out
}

func TestAnLSTMIsThatOfItsEquationsInBothDirections(t *testing.T) {
	const units, inputs, steps, sequences = 8, 3, 5, 2
	in := func(i, j int) float32 { return float32(math.Sin(float64(i*31 + j))) }
	rec := func(i, j int) float32 { return float32(math.Cos(float64(i*17+j))) / 2 }
	bias := make([]float32, 4*units)
	for j := range bias {
		bias[j] = float32(j%5) / 10
	}
	l := &LSTM{Input: NewMatrix(inputs, 4*units, in), Recurrent: NewMatrix(units, 4*units, rec), Bias: bias}
	x := make([]float32, steps*sequences*inputs)
	for i := range x {
		x[i] = float32(math.Sin(float64(7 * i)))
	}
	const stride = 2 * units
	out := make([]float32, steps*sequences*stride)
	var s Scratch
	l.Run(out, stride, x, sequences, steps, false, &s)
	l.Run(out[units:], stride, x, sequences, steps, true, &s)
	for k := range sequences {
		var xs, reversed [][]float32
		for t := range steps {
			xs = append(xs, x[(t*sequences+k)*inputs:][:inputs])
		}
		for t := range xs {
			reversed = append(reversed, xs[steps-1-t])
		}
		forward, backward := plainLSTM(in, rec, bias, units, xs), plainLSTM(in, rec, bias, units, reversed)
		for step := range steps {
			got := out[(step*sequences+k)*stride:]
			for i := range units {
				if math.Abs(float64(got[i])-forward[step][i]) > 1e-5 || math.Abs(float64(got[units+i])-backward[steps-1-step][i]) > 1e-5 {
					t.Fatalf("sequence %d, step %d, unit %d: %v, %v", k, step, i, got[i], got[units+i])
				}
			}
		}
	}
}

func TestBothWaysOfStepsAgree(t *testing.T) {
	const units = 24
	r := rand.New(rand.NewPCG(3, 4))
	var h, c, plainH, plainC [units]float32
	for range 200 {
		var g [4 * units]float32
		for i := range g {
			g[i] = float32(r.NormFloat64() * math.Pow(10, 3*r.Float64()-1.5))
		}
		plain := g
		step(g[:], h[:], c[:])
		stepGo(plain[:], plainH[:], plainC[:])
		for i := range units {
			if math.Abs(float64(h[i]-plainH[i])) > 1e-5 || math.Abs(float64(c[i]-plainC[i])) > 1e-4 {
				t.Fatalf("unit %d: %v, %v with vectors, %v, %v without", i, h[i], c[i], plainH[i], plainC[i])
			}
		}
	}
}
