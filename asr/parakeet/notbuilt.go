//go:build !whisper || !cgo

package parakeet

import (
	"context"

	"souffleur/asr"
)

// Model is a speech model in memory. In this build there is none.
type Model struct{}

// Load returns [ErrNotBuilt].
func Load(string, Options) (*Model, error) { return nil, ErrNotBuilt }

// Name returns "".
func (*Model) Name() string { return "" }

// NewRecognizer returns [ErrNotBuilt].
func (*Model) NewRecognizer() (*Recognizer, error) { return nil, ErrNotBuilt }

// Close does nothing.
func (*Model) Close() error { return nil }

// Recognizer decodes speech with a [Model]. In this build there is none.
type Recognizer struct{}

var _ asr.Recognizer = (*Recognizer)(nil)

// Recognize returns [ErrNotBuilt].
func (*Recognizer) Recognize(context.Context, asr.Request) (asr.Result, error) {
	return asr.Result{}, ErrNotBuilt
}

// SilentOnNoise is true: see asr.
func (*Recognizer) SilentOnNoise() bool { return true }

// Name returns "".
func (*Recognizer) Name() string { return "" }

// Close does nothing.
func (*Recognizer) Close() error { return nil }
