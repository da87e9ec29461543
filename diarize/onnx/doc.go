// Package onnx tells voices apart with an operator's own networks: ONNX files, run by ONNX Runtime, whose shared library is opened
// by its path while the program runs. It is the second tier behind the interfaces of package voices; the program goes on with its
// own networks where anything here is missing or wrong.
//
// [Open] takes the library and a folder. The folder has models.json (see [Description]), which says what the other files are, and
// embedding.onnx, segmentation.onnx or both. Size and SHA-256 of a file are checked before anything parses it, and what is parsed are
// the bytes that were checked. Then the network runs once: shapes that do not fit are found at the start, not in a meeting. Every
// error is a [Problem] with a name and a sentence that says what to do.
//
// A damaged library, or a fault inside ONNX Runtime, can end a process as any C++ can. Therefore a library is looked at before it is
// opened, and the networks run in the supervised child process of voices, never in that of the meetings.
//
// Start reading at [Open]; fbank.go is the front end of embedders, library.go and session.go are ONNX Runtime.
package onnx

import (
	"errors"
	"runtime/debug"
)

// Config says where things are.
type Config struct {
	Library string // path of ONNX Runtime's shared library, of version 1.24 or newer
	Models  string // folder with models.json and the networks
	Threads int    // most runs at once, one thread each; 0: one
}

// Models are an operator's networks, ready to run. Each is nil if the folder has none.
type Models struct {
	Embedder  *Embedder
	Segmenter *Segmenter
}

// Name says in a word what is wrong with an operator's models.
type Name string

// The names.
const (
	NotBuilt       Name = "onnx-not-built"       // the program was built without cgo, which opening a library needs
	NoLibrary      Name = "onnx-no-library"      // there is no file at the library's path, or no path
	BadLibrary     Name = "onnx-bad-library"     // what is there is no ONNX Runtime for this machine
	OldLibrary     Name = "onnx-old-library"     // it is one, of a version that is too old
	NoModels       Name = "onnx-no-models"       // the folder, or a file that should be there, is missing
	BadDescription Name = "onnx-bad-description" // models.json, or mean.json, is not as it should be
	WrongFile      Name = "onnx-wrong-file"      // size or SHA-256 are not those of models.json
	BadModel       Name = "onnx-bad-model"       // ONNX Runtime cannot load the network, or run it
	WrongShape     Name = "onnx-wrong-shape"     // it takes or gives something else than expected
	NoFrontEnd     Name = "onnx-no-front-end"    // models.json does not say what the embedder hears, and the file is not known
	Crashed        Name = "onnx-crashed"         // opening it all ended the process that tried it first
	NoThresholds   Name = "onnx-no-thresholds"   // nobody said what the embedder's cosines are compared with; it is used all the same
)

// Problem says why an operator's models are not used.
type Problem struct {
	Name   Name
	Err    error
	Remedy string // a sentence that says what to do
}

// Error says what was wrong; [Problem.Remedy] what to do about it.
func (p *Problem) Error() string { return p.Err.Error() }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Errors of calls.
var (
	ErrSound  = errors.New("sound of the wrong length, or with samples that are no numbers")
	ErrFailed = errors.New("the network gave no usable answer")
)

// Open opens the library and the networks of a folder. All that the folder describes must be right: with half of it nobody would
// know what a figure was measured with. The error wraps a [*Problem].
func Open(c Config) (*Models, error) {
	folder, err := ReadFolder(c.Models)
	if err != nil {
		return nil, err
	}
	if err := openLibrary(c.Library); err != nil {
		return nil, err
	}
	slots := make(chan struct{}, max(1, c.Threads))
	m := &Models{}
	if folder.Embedding != nil {
		if m.Embedder, err = newEmbedder(folder, slots); err != nil {
			return nil, err
		}
	}
	if folder.Segmentation != nil {
		if m.Segmenter, err = newSegmenter(folder, slots); err != nil {
			_ = m.Close() // there is an error to tell already
			return nil, err
		}
	}
	debug.FreeOSMemory() // the bytes of the files, which the library has copied: 60 MB that nothing here would use again
	return m, nil
}

// Close frees the networks; nothing may be running. The library stays open: to take it out of a process is not safe.
func (m *Models) Close() error {
	var errs []error
	if m.Embedder != nil {
		errs = append(errs, m.Embedder.net.close())
	}
	if m.Segmenter != nil {
		errs = append(errs, m.Segmenter.net.close())
	}
	return errors.Join(errs...)
}
