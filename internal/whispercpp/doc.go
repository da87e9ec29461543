// Package whispercpp links the C library whisper.cpp into the program, checks its version and takes its log.
//
// It is the one place with linker flags. The packages that call the library (asr/whisper, internal/vad) build on it with
// shims of their own; nothing else should import it. The library comes from scripts/build-whisper.sh, and is only linked
// with the build tag "whisper"; without it [Open] returns [ErrNotBuilt] and the rest of the project builds without cgo.
package whispercpp

import "errors"

// Version is the version of whisper.cpp that the shims were written for.
const Version = "1.9.1"

// ErrNotBuilt says that the program was built without the speech engine.
var ErrNotBuilt = errors.New("this program was built without the speech engine (build tag whisper)")
