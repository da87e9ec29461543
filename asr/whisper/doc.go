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
// Start reading at recognizer.go; context.go says how much of the encoder is run, retry.go when a final is decoded again.
package whisper

import (
	"souffleur/asr"
	"souffleur/internal/whispercpp"
)

// Options says how a model is run.
type Options = whispercpp.Options

// minSamples is the shortest speech the engine gets, 1 s at 16 kHz: it reads out of bounds below 201 samples, and errs below
// 1 s. What is shorter is padded with silence.
const minSamples = asr.SampleRate

// Errors of this package.
var (
	ErrNotBuilt  = whispercpp.ErrNotBuilt
	ErrTooLong   = whispercpp.ErrTooLong
	ErrNotFinite = whispercpp.ErrNotFinite
	ErrLanguage  = whispercpp.ErrLanguage
	ErrClosed    = whispercpp.ErrClosed
	ErrModel     = whispercpp.ErrModel
)
