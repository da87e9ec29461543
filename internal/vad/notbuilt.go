//go:build !whisper || !cgo

package vad

import "souffleur/asr"

// Model is a voice detection model. In this build there is none.
type Model struct{}

// Load returns [ErrNotBuilt].
func Load(string) (*Model, error) { return nil, ErrNotBuilt }

// NewDetector returns [ErrNotBuilt].
func (*Model) NewDetector() (*Detector, error) { return nil, ErrNotBuilt }

// Detector hears one stream. In this build there is none.
type Detector struct{}

var _ asr.VoiceDetector = (*Detector)(nil)

// Probability returns [ErrNotBuilt].
func (*Detector) Probability([]float32) (float32, error) { return 0, ErrNotBuilt }

// Reset does nothing.
func (*Detector) Reset() {}

// Close does nothing.
func (*Detector) Close() error { return nil }
