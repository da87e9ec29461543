package pyannet

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"souffleur/diarize/nn"
	"souffleur/internal/models/torch"
)

// Load reads the plain file of weights that package models makes. Its hash must have been verified.
func Load(path string) (*Net, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	n, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return n, nil
}

// reader reads tensors in the order of the file, and remembers that one was missing.
type reader struct {
	in     io.Reader
	failed error
}

func (r *reader) tensor(n int) []float32 {
	v := make([]float32, n)
	if err := binary.Read(r.in, binary.LittleEndian, v); err != nil && r.failed == nil {
		r.failed = fmt.Errorf("%w: it is too short", ErrModel)
	}
	return v
}

// dense reads a layer whose file has a row for each output, and then its bias, padded to the matrix's width.
func (r *reader) dense(in, out int) dense {
	w := r.tensor(in * out)
	d := dense{weights: nn.NewMatrix(in, out, func(i, j int) float32 { return w[j*in+i] })}
	d.bias = make([]float32, d.weights.Width())
	copy(d.bias, r.tensor(out))
	return d
}

// convolution reads one over five frames: in the file the frames of a channel stand together, in ours the channels of a frame.
func (r *reader) convolution(in, out int) dense {
	w := r.tensor(out * in * kernel)
	d := dense{weights: nn.NewMatrix(in*kernel, out, func(i, j int) float32 { return w[(j*in+i%in)*kernel+i/in] })}
	d.bias = make([]float32, d.weights.Width())
	copy(d.bias, r.tensor(out))
	return d
}

// lstm reads one direction of a layer.
func (r *reader) lstm(in int) nn.LSTM {
	input, recurrent := r.tensor(in*4*units), r.tensor(units*4*units)
	l := nn.LSTM{
		Input:     nn.NewMatrix(in, 4*units, func(i, j int) float32 { return input[j*in+i] }),
		Recurrent: nn.NewMatrix(units, 4*units, func(i, j int) float32 { return recurrent[j*units+i] }),
		Bias:      r.tensor(4 * units),
	}
	for j, b := range r.tensor(4 * units) {
		l.Bias[j] += b
	}
	return l
}

// read reads the header, and then exactly the tensors.
func read(in io.Reader) (*Net, error) {
	header := make([]byte, len(torch.PyanNetHeader))
	if _, err := io.ReadFull(in, header); err != nil || string(header) != torch.PyanNetHeader {
		return nil, fmt.Errorf("%w: another header", ErrModel)
	}
	r := &reader{in: in}
	n := &Net{wave: norm{r.tensor(1), r.tensor(1)}}
	low, band, window, times := r.tensor(filters/2), r.tensor(filters/2), r.tensor(halfFilter), r.tensor(halfFilter)
	n.filters = filterBank(low, band, window, times)
	n.norms[0] = norm{r.tensor(filters), r.tensor(filters)}
	width := filters
	for i := range n.convolutions {
		n.convolutions[i] = r.convolution(width, channels)
		n.norms[i+1] = norm{r.tensor(channels), r.tensor(channels)}
		width = channels
	}
	for i := range n.layers {
		for direction := range n.layers[i] {
			n.layers[i][direction] = r.lstm(width)
		}
		width = 2 * units
	}
	n.linear = [3]dense{r.dense(2*units, units), r.dense(units, units), r.dense(units, Classes)}
	if more, _ := in.Read(make([]byte, 1)); more > 0 && r.failed == nil {
		r.failed = fmt.Errorf("%w: something stands behind it", ErrModel)
	}
	return n, r.failed
}

// filterBank computes the band-pass filters of SincNet from their lowest frequencies and widths in hertz: 40 that are symmetric,
// and 40 in quadrature to them (Pariente et al. 2020, asteroid-filterbanks' ParamSincFB). times are the angles of the samples
// before the middle at 1 Hz, window their weights.
func filterBank(lows, bands, window, times []float32) *nn.Matrix {
	const least = 50 // hertz, of both
	taps := make([][]float64, filters)
	for k := range filters / 2 {
		low := least + math.Abs(float64(lows[k]))
		high := min(max(low+least+math.Abs(float64(bands[k])), least), Rate/2)
		even, odd := make([]float64, 2*halfFilter+1), make([]float64, 2*halfFilter+1)
		for i := range halfFilter {
			t, w := float64(times[i]), float64(window[i])/(2*(high-low))
			even[i] = (math.Sin(high*t) - math.Sin(low*t)) / (t / 2) * w
			odd[i] = (math.Cos(low*t) - math.Cos(high*t)) / (t / 2) * w
			even[2*halfFilter-i], odd[2*halfFilter-i] = even[i], -odd[i]
		}
		even[halfFilter] = 1
		taps[k], taps[filters/2+k] = even, odd
	}
	return nn.NewMatrix(2*halfFilter+1, filters, func(i, j int) float32 { return float32(taps[j][i]) })
}
