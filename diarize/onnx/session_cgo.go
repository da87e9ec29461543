//go:build cgo

package onnx

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// library is the one ONNX Runtime of this process: its binding keeps it in package variables, too. It is opened once and never
// closed, because threads and destructors of C++ may outlive any use of it.
var library struct {
	mu   sync.Mutex
	path string // absolute; empty: not open
}

// openLibrary opens the library, or finds that it is open.
func openLibrary(path string) error {
	if err := CheckLibrary(path); err != nil {
		return err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return badLibrary(path, err)
	}
	library.mu.Lock()
	defer library.mu.Unlock()
	if library.path == path {
		return nil
	}
	if library.path != "" {
		return badLibrary(path, fmt.Errorf("this process has opened %s, and takes no second one", library.path))
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return refused(path, err)
	}
	if err := ort.DisableTelemetry(); err != nil { // the builds for Windows have some
		return badLibrary(path, err)
	}
	library.path = path
	return nil
}

// refused tells an old library from one that is none: the binding says of either that it failed. (It must not be asked for the
// version: it has closed the library, and kept the pointer.)
func refused(path string, err error) *Problem {
	if strings.Contains(err.Error(), "setting ORT API base: 2") {
		return oldLibrary(path, err)
	}
	return badLibrary(path, err)
}

// session is a network that is loaded, with one input and one output of float32. It is safe for concurrent use.
type session struct{ network *ort.DynamicAdvancedSession }

// newSession loads a network from the bytes of its file.
func newSession(file []byte, input, output string) (*session, error) {
	options, err := sessionOptions()
	if err != nil {
		return nil, badModel(err)
	}
	n, err := ort.NewDynamicAdvancedSessionWithONNXData(file, []string{input}, []string{output}, options)
	if err := errors.Join(err, options.Destroy()); err != nil {
		return nil, badModel(err)
	}
	return &session{n}, nil
}

// sessionOptions bound a network to the thread that runs it, and to the memory of one run: arenas keep the most that any run took.
func sessionOptions() (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		o.SetIntraOpNumThreads(1), o.SetInterOpNumThreads(1), o.SetCpuMemArena(false), o.SetMemPattern(false),
		o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll), o.SetLogSeverityLevel(ort.LoggingLevelFatal),
	)
	if err != nil {
		return nil, errors.Join(err, o.Destroy())
	}
	return o, nil
}

// run gives the network one tensor, and returns the one that comes out, and its shape.
func (s *session) run(in []float32, shape []int64) (out []float32, outShape []int64, err error) {
	var pin runtime.Pinner // the library keeps the pointer from one call to the next
	pin.Pin(&in[0])
	defer pin.Unpin()
	input, err := ort.NewTensor(shape, in)
	if err != nil {
		return nil, nil, err
	}
	values := []ort.Value{nil}
	err = s.network.Run([]ort.Value{input}, values)
	if err := errors.Join(err, input.Destroy()); err != nil {
		return nil, nil, err
	}
	output, ok := values[0].(*ort.Tensor[float32])
	if !ok {
		return nil, nil, errors.Join(ErrFailed, values[0].Destroy())
	}
	out, outShape = output.GetData(), output.GetShape()
	return out, outShape, output.Destroy()
}

func (s *session) close() error { return s.network.Destroy() }
