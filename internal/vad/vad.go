//go:build whisper && cgo

package vad

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../build/whisper/include
#cgo CFLAGS: -O2 -Wall -Wextra -Werror -Wno-unused-parameter
#cgo CXXFLAGS: -O2 -std=c++17 -Wall -Wextra -Werror
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unsafe"

	"souffleur/asr"
	"souffleur/internal/whispercpp"
)

// Model is a voice detection model. It is only a checked file name: the library gives each detector its own copy of the
// weights, 0.9 MB, and 1.6 MB to compute in.
type Model struct{ path string }

// Load checks the ggml file at path by loading it once. Its hash must have been verified: the library trusts what the file
// says of itself. A file that is no model gives an error that wraps [ErrModel].
func Load(path string) (*Model, error) {
	if err := whispercpp.Open(); err != nil {
		return nil, err
	}
	if err := checkHeader(path); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	m := &Model{path: path}
	d, err := m.NewDetector()
	if err != nil {
		return nil, err
	}
	return m, d.Close()
}

// checkHeader refuses files of another kind, and those too short for the weights: the library takes a header alone for a
// model.
func checkHeader(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var header struct {
		Magic, NameLength uint32
		Name              [10]byte
	}
	const (
		magic        = 0x67676d6c // of every ggml file
		leastWeights = 800_000    // bytes; the model has 885,098
	)
	if err := binary.Read(io.LimitReader(file, 18), binary.LittleEndian, &header); err != nil ||
		header.Magic != magic || header.NameLength != 10 || string(header.Name[:]) != "silero-16k" || info.Size() < leastWeights {
		return fmt.Errorf("%w: no header of silero-16k, or no weights behind it", ErrModel)
	}
	return nil
}

// Detector hears one stream. One goroutine owns it.
type Detector struct{ handle *C.wv_detector } // nil once closed

var _ asr.VoiceDetector = (*Detector)(nil)

// NewDetector returns a detector that has heard nothing yet.
func (m *Model) NewDetector() (*Detector, error) {
	cPath := C.CString(m.path)
	defer C.free(unsafe.Pointer(cPath))
	handle := C.wv_load(cPath)
	if handle == nil {
		return nil, fmt.Errorf("load %s: %w", m.path, ErrModel)
	}
	return &Detector{handle: handle}, nil
}

// Probability returns how likely the window holds speech, from 0 to 1, and remembers the window. It takes 0.08 ms on one
// core of a 2-core x86 server with AVX512. A window of another length, or with samples that are not finite, gives [ErrWindow].
func (d *Detector) Probability(window []float32) (float32, error) {
	if d.handle == nil {
		return 0, ErrClosed
	}
	if len(window) != asr.HopSize || !finite(window) {
		return 0, ErrWindow
	}
	p := float32(C.wv_probability(d.handle, (*C.float)(&window[0])))
	if !(p >= 0 && p <= 1) {
		return 0, errors.New("the voice detector failed")
	}
	return p, nil
}

// The shim's window is the one of package asr.
var _ = [1]struct{}{}[asr.HopSize-C.WV_WINDOW]

func finite(window []float32) bool {
	for _, s := range window {
		if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
			return false
		}
	}
	return true
}

// Reset forgets everything heard.
func (d *Detector) Reset() {
	if d.handle != nil {
		C.wv_reset(d.handle)
	}
}

// Close frees the detector. Close is idempotent.
func (d *Detector) Close() error {
	if d.handle != nil {
		C.wv_free(d.handle)
		d.handle = nil
	}
	return nil
}
