// Package vad says how likely speech is in audio: the Silero model, run by whisper.cpp on one CPU thread.
//
// A [Detector] hears one stream in windows of 512 samples (32 ms at 16 kHz) and remembers what came before; it implements
// asr.VoiceDetector. Where speech starts and ends is not decided here but in package asr. Its probabilities differ a little
// from those of the reference implementation, which treats the edges of windows differently; the model is the same.
//
// It needs the build tag "whisper" (see scripts/build-whisper.sh). Without it [Load] returns [ErrNotBuilt].
package vad

import (
	"errors"

	"souffleur/internal/whispercpp"
)

// Errors of this package.
var (
	ErrNotBuilt = whispercpp.ErrNotBuilt
	ErrWindow   = errors.New("a window has exactly 512 samples, all of them finite")
	ErrClosed   = errors.New("the voice detector is closed")
	ErrModel    = errors.New("not a voice detection model that can be loaded")
)
