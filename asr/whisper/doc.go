// Package whisper recognises speech with whisper.cpp, through a thin shim of our own (shim.h, shim.cc).
//
// The official Go binding runs only one decode at a time in a process (its callbacks live in unsynchronised global maps),
// so it serves here for the language table and the tokeniser, and the decoding is ours: [Load] reads a model once, and each
// [Recognizer] of it has its own state, so that as many decodes run side by side as there are recognisers. No memory stays
// in a recogniser between two calls: any of them can serve any speaker.
//
// The engine is linked with the build tag "whisper" (see scripts/build-whisper.sh). Without it the package builds without
// cgo, and Load returns [ErrNotBuilt].
//
// Start reading at recognizer.go; words.go turns tokens into words, context.go says how much of the encoder is run.
package whisper

import (
	"errors"
	"log/slog"

	"souffleur/internal/whispercpp"
)

// Options says how a model is run.
type Options struct {
	GPU     bool         // use a GPU, if the engine was built for one; else it runs on the CPU
	Threads int          // threads of one decode; 0 means 1. One thread and a recogniser per core give the most words per second
	Log     *slog.Logger // receives warnings and errors of the engine; nil: they are dropped. They hold no speech
}

// Bounds of one request, in samples at 16 kHz.
const (
	minSamples = 16000      // shorter speech is padded with zeros: the engine reads out of bounds below 201 samples, and errs below 1 s
	maxSamples = 30 * 16000 // the model's window
)

// Errors of this package.
var (
	ErrNotBuilt  = whispercpp.ErrNotBuilt
	ErrTooLong   = errors.New("speech is longer than 30 s")
	ErrNotFinite = errors.New("speech has samples that are not finite numbers")
	ErrLanguage  = errors.New("the model does not know this language")
	ErrClosed    = errors.New("the recogniser is closed")
	ErrModel     = errors.New("not a speech model that can be loaded")
)
