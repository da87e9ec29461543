// Package whispercpp links the C library whisper.cpp into the program, checks its version and takes its log. It also holds
// what the two speech engines of the library have in common on the Go side: bounds of speech (speech.go), the life of a
// model and its users (lifetime.go), and how tokens become words (words.go).
//
// It is the one place with linker flags. The packages that call the library (asr/whisper, asr/parakeet, internal/vad) build
// on it with shims of their own; nothing else should import it. The library comes from scripts/build-whisper.sh, and is only
// linked with the build tag "whisper"; without it [Open] returns [ErrNotBuilt] and the rest of the project builds without cgo.
package whispercpp

import (
	"errors"
	"log/slog"
)

// Version is the version of whisper.cpp that the shims were written for.
const Version = "1.9.1"

// Options says how a speech model is run.
type Options struct {
	GPU     bool         // use a GPU, if the engine was built for one; else it runs on the CPU
	Threads int          // threads of one decode; 0 means 1. One thread and a recogniser per core give the most words per second
	Log     *slog.Logger // receives warnings and errors of the engine; nil: they are dropped. They hold no speech
}

// Errors of the speech engines.
var (
	ErrNotBuilt  = errors.New("this program was built without the speech engine (build tag whisper)")
	ErrTooLong   = errors.New("speech is longer than 30 s")
	ErrNotFinite = errors.New("speech has samples that are not finite numbers")
	ErrLanguage  = errors.New("the model does not know this language")
	ErrClosed    = errors.New("the recogniser is closed")
	ErrModel     = errors.New("not a speech model that can be loaded")
)
