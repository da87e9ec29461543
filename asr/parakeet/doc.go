// Package parakeet recognises speech with NVIDIA's Parakeet-TDT-0.6b-v3, run by whisper.cpp's second engine (parakeet.h)
// through a thin shim of our own (shim.h, shim.cc). It is a second implementation of [asr.Recognizer] beside asr/whisper.
//
// Parakeet is a transducer: it walks over the audio once and says for each stretch which piece of a word it holds, or that it
// holds none. So it knows when each word was said, has nothing to invent where nobody speaks, needs no second attempt, and
// costs the same for a partial and a final. It also knows less of what it is told: it takes no prompt, and hears the
// language by itself among its 25 ([Languages]); a caller falls back to another engine for other languages, which give
// [ErrLanguage].
//
// The weights are CC-BY-4.0: NVIDIA must be named where they are used. The engine is linked with the build tag "whisper"
// (see scripts/build-whisper.sh). Without it the package builds without cgo, and Load returns [ErrNotBuilt].
//
// Start reading at recognizer.go; format.go says what a model file must be for the library to survive it, words.go how
// tokens become words, language.go which language they are taken for.
package parakeet

import "souffleur/internal/whispercpp"

// Options says how a model is run.
type Options = whispercpp.Options

// minSamples is the shortest speech the engine gets, 0.2 s at 16 kHz. Below 320 samples it divides by zero, and computes with
// what is no number. What is shorter is padded with silence; more of it would change how the engine hears the rest, because
// it measures loudness against the mean of all it gets.
const minSamples = 3200

// Errors of this package.
var (
	ErrNotBuilt  = whispercpp.ErrNotBuilt
	ErrTooLong   = whispercpp.ErrTooLong
	ErrNotFinite = whispercpp.ErrNotFinite
	ErrLanguage  = whispercpp.ErrLanguage
	ErrClosed    = whispercpp.ErrClosed
	ErrModel     = whispercpp.ErrModel
)
