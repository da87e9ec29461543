package pyannet

import (
	"math"
	"runtime"
	"sync"

	"souffleur/diarize/nn"
)

// Sizes of the network.
const (
	filters    = 80
	halfFilter = 125 // samples on each side of a filter's middle
	stride     = 10  // samples between two values of a filter
	pool       = 3   // values of which the largest goes on
	kernel     = 5   // frames of a convolution
	channels   = 60
	units      = 128 // of an LSTM, in each direction
)

// Net is the network. It is safe for concurrent use.
type Net struct {
	wave         norm
	filters      *nn.Matrix
	norms        [3]norm
	convolutions [2]dense
	layers       [4][2]nn.LSTM // forward and backward
	linear       [3]dense      // the last is the classifier
	scratch      spare
}

// spare keeps the memory of calls for the next ones: that of one call at a time for each processor. A sync.Pool would drop it at every
// second garbage collection, and then it is the most of the garbage.
type spare struct {
	once sync.Once
	free chan *scratch
}

func (s *spare) get(width int) *scratch {
	s.once.Do(func() { s.free = make(chan *scratch, runtime.GOMAXPROCS(0)) })
	select {
	case one := <-s.free:
		return one
	default:
		return newScratch(width)
	}
}

func (s *spare) put(one *scratch) {
	if cap(one.x) < cap(one.y) { // layers exchange them
		one.x, one.y = one.y, one.x
	}
	select {
	case s.free <- one:
	default:
	}
}

// dense is a layer of sums of products. The bias is as wide as the matrix.
type dense struct {
	weights *nn.Matrix
	bias    []float32
}

// norm scales each channel of one window to mean 0 and variance 1, and then by learned numbers.
type norm struct{ weight, bias []float32 }

// scratch is the memory of one call, some 9 MB.
type scratch struct {
	x, y   []float32
	layers nn.Scratch
}

// newScratch has room for the longest window at once: growing with the first windows would leave as much again behind.
func newScratch(width int) *scratch {
	most := ((Window-2*halfFilter-1)/stride + 1) * width
	return &scratch{x: make([]float32, 0, most), y: make([]float32, 0, most/pool)}
}

// Model returns [ModelID].
func (n *Net) Model() string { return ModelID }

// Segment takes 1 to 10 s of 16 kHz samples in [-1, 1] and returns the probabilities of the classes for each frame. The network
// was trained on windows of 10 s. Loudness does not matter.
func (n *Net) Segment(pcm []float32) ([][Classes]float32, error) {
	if len(pcm) < Rate || len(pcm) > Window {
		return nil, ErrWindow
	}
	for _, v := range pcm {
		if v-v != 0 {
			return nil, ErrWindow
		}
	}
	s := n.scratch.get(n.filters.Width())
	defer n.scratch.put(s)
	frames := n.front(pcm, s)
	n.recur(frames, s)
	for i := range n.linear {
		n.linear[i].run(s, frames, i < len(n.linear)-1)
	}
	out, width := make([][Classes]float32, frames), n.linear[2].weights.Width()
	for t := range out {
		out[t] = softmax(s.x[t*width:])
	}
	return out, nil
}

// front leaves 60 channels a frame in s.x and returns how many frames there are.
func (n *Net) front(pcm []float32, s *scratch) int {
	s.y = nn.Resize(s.y, len(pcm))
	copy(s.y, pcm)
	n.wave.apply(s.y, 1, 1, len(pcm), func(x float32) float32 { return x })
	rows, width := (len(pcm)-2*halfFilter-1)/stride+1, n.filters.Width()
	s.x = nn.Resize(s.x, rows*width)
	clear(s.x)
	n.filters.AddEvery(s.x, s.y, stride, rows)
	for i, v := range s.x {
		s.x[i] = max(v, -v)
	}
	rows = pooled(s.x, width, filters, rows)
	n.norms[0].apply(s.x, filters, filters, rows, leaky)
	in := filters
	for i := range n.convolutions {
		c := &n.convolutions[i]
		width, rows = c.weights.Width(), rows-kernel+1
		s.y = nn.Resize(s.y, rows*width)
		for t := range rows {
			copy(s.y[t*width:][:width], c.bias)
		}
		c.weights.AddEvery(s.y, s.x, in, rows)
		rows = pooled(s.y, width, channels, rows)
		n.norms[i+1].apply(s.y, channels, channels, rows, leaky)
		s.x, s.y = s.y, s.x
		in = channels
	}
	return rows
}

// pooled keeps, in place, the largest of every three rows of a width, and of these the first channels. It returns how many rows
// are left.
func pooled(x []float32, width, keep, rows int) int {
	rows /= pool
	for t := range rows {
		a, b, c := x[3*t*width:][:keep], x[(3*t+1)*width:][:keep], x[(3*t+2)*width:][:keep]
		out := x[t*keep:][:keep]
		for i := range out {
			out[i] = max(a[i], b[i], c[i])
		}
	}
	return rows
}

// apply normalises rows of a width in place, the first channels of each, and applies what follows.
func (n *norm) apply(x []float32, width, channels, rows int, then func(float32) float32) {
	const small = 1e-5 // of PyTorch's InstanceNorm1d
	mean, square := make([]float64, channels), make([]float64, channels)
	for t := range rows {
		for c, v := range x[t*width:][:channels] {
			mean[c] += float64(v)
		}
	}
	for c := range mean {
		mean[c] /= float64(rows)
	}
	for t := range rows {
		for c, v := range x[t*width:][:channels] {
			d := float64(v) - mean[c]
			square[c] += d * d
		}
	}
	scale, shift := make([]float32, channels), make([]float32, channels)
	for c := range scale {
		f := float64(n.weight[c]) / math.Sqrt(square[c]/float64(rows)+small)
		scale[c], shift[c] = float32(f), float32(float64(n.bias[c])-mean[c]*f)
	}
	for t := range rows {
		row := x[t*width:][:channels]
		for c, v := range row {
			row[c] = then(v*scale[c] + shift[c])
		}
	}
}

// recur takes s.x through the LSTM layers and leaves their result there.
func (n *Net) recur(frames int, s *scratch) {
	for i := range n.layers {
		s.y = nn.Resize(s.y, frames*2*units)
		n.layers[i][0].Run(s.y, 2*units, s.x, 1, frames, false, &s.layers)
		n.layers[i][1].Run(s.y[units:], 2*units, s.x, 1, frames, true, &s.layers)
		s.x, s.y = s.y, s.x
	}
}

// run replaces s.x by the layer's result.
func (d *dense) run(s *scratch, rows int, activate bool) {
	width := d.weights.Width()
	s.y = nn.Resize(s.y, rows*width)
	for t := range rows {
		copy(s.y[t*width:], d.bias)
	}
	d.weights.Add(s.y, s.x, rows)
	if activate {
		for i, v := range s.y {
			s.y[i] = leaky(v)
		}
	}
	s.x, s.y = s.y, s.x
}
