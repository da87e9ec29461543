// Package ggml writes the model files that whisper.cpp reads, from checkpoints in other formats: Whisper in CTranslate2
// form ([FromCTranslate2]), Silero voice detection in safetensors form ([FromSilero]); and it quantises them ([Quantize]).
//
// It runs no code from a checkpoint, and trusts no length in one: every count is bounded before memory is taken for it.
// Errors about the content of a file wrap [ErrFormat].
//
// The format is the old one of single numbers in a row, little endian, not GGUF; writer.go has it all.
package ggml

import (
	"errors"
	"fmt"
)

// ErrFormat says that a file is not what it should be. It is wrapped with what is wrong.
var ErrFormat = errors.New("unexpected content")

func formatError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
