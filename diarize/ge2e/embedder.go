package ge2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"

	"souffleur/diarize/cluster"
	"souffleur/diarize/nn"
	"souffleur/internal/models/torch"
)

// Window is the length that the network was trained on, in samples: 1.6 s.
const Window = 160 * hop

// Bounds of a window.
const (
	MinWindow = Window / 4
	MaxWindow = 2 * Window
)

// maxBatch is how many windows go through the network together: more read its weights less often, and take more memory, 1.6 MB
// each.
const maxBatch = 6

// Embedder turns windows of speech into centred unit vectors. It is safe for concurrent use.
type Embedder struct {
	front   *frontEnd
	net     *network
	scratch sync.Pool
}

// Load reads the plain file of weights that package models makes. Its hash must have been verified.
func Load(path string) (*Embedder, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	net, err := readNetwork(file)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return newEmbedder(net), nil
}

func newEmbedder(net *network) *Embedder {
	return &Embedder{front: newFrontEnd(), net: net, scratch: sync.Pool{New: func() any { return &scratch{} }}}
}

// readNetwork reads the header, and then exactly the tensors.
func readNetwork(in io.Reader) (*network, error) {
	header := make([]byte, len(torch.GE2EHeader))
	if _, err := io.ReadFull(in, header); err != nil || string(header) != torch.GE2EHeader {
		return nil, fmt.Errorf("%w: another header", ErrModel)
	}
	var failed error
	tensor := func(n int) []float32 {
		v := make([]float32, n)
		if err := binary.Read(in, binary.LittleEndian, v); err != nil && failed == nil {
			failed = fmt.Errorf("%w: it is too short", ErrModel)
		}
		return v
	}
	// The file has a row for each output.
	layer := func(inputs, outputs int) *nn.Matrix {
		w := tensor(inputs * outputs)
		return nn.NewMatrix(inputs, outputs, func(i, j int) float32 { return w[j*inputs+i] })
	}
	net := &network{}
	for i := range net.layer {
		l, inputs := &net.layer[i], units
		if i == 0 {
			inputs = bands
		}
		l.Input, l.Recurrent, l.Bias = layer(inputs, gates), layer(units, gates), tensor(gates)
		for j, b := range tensor(gates) {
			l.Bias[j] += b
		}
	}
	net.linear, net.bias = layer(units, Dim), tensor(Dim)
	if n, _ := in.Read(make([]byte, 1)); n > 0 && failed == nil {
		failed = fmt.Errorf("%w: something stands behind it", ErrModel)
	}
	return net, failed
}

// Model returns [ModelID].
func (e *Embedder) Model() string { return ModelID }

// Dim returns the length of a vector.
func (e *Embedder) Dim() int { return Dim }

// Embed returns a centred unit vector for each window: 16 kHz mono speech in [-1, 1], as loud as the caller wants it to count
// (the front end has no logarithm; speakers are told apart best at -30 dBFS or more). Windows of the length [Window] fit the
// network best. Equal lengths in a row are computed together. A window out of bounds gives [ErrWindow] and no vectors.
func (e *Embedder) Embed(windows [][]float32) ([][]float32, error) {
	raw, err := e.raw(windows)
	if err != nil {
		return nil, err
	}
	for _, v := range raw {
		centre(v)
	}
	return raw, nil
}

// raw is Embed without centring; vectors are of unit length.
func (e *Embedder) raw(windows [][]float32) ([][]float32, error) {
	for _, w := range windows {
		if len(w) < MinWindow || len(w) > MaxWindow || !finite(w) {
			return nil, ErrWindow
		}
	}
	s := e.scratch.Get().(*scratch)
	defer e.scratch.Put(s)
	out := make([][]float32, 0, len(windows))
	for len(windows) > 0 {
		n := 1
		for n < len(windows) && n < maxBatch && frames(len(windows[n])) == frames(len(windows[0])) {
			n++
		}
		out = append(out, e.batch(windows[:n], s)...)
		windows = windows[n:]
	}
	return out, nil
}

// batch embeds windows of one number of frames.
func (e *Embedder) batch(windows [][]float32, s *scratch) [][]float32 {
	n, steps := len(windows), frames(len(windows[0]))
	s.x = nn.Resize(s.x, n*steps*bands)
	for i, w := range windows {
		e.front.bandsOf(s.x[i*bands:], n*bands, w[:steps*hop], s)
	}
	all := e.net.forward(n, steps, s)
	out := make([][]float32, n)
	for i := range out {
		out[i] = all[i*Dim:][:Dim:Dim]
		cluster.Normalise(out[i])
	}
	return out
}

// centre takes the mean over other speakers off a unit vector, and normalises what is left.
func centre(v []float32) {
	for i, m := range mean() {
		v[i] -= m
	}
	cluster.Normalise(v)
}

func finite(v []float32) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}
