// Package asr turns the recorded audio of meetings into captions and segments.
//
// It knows no engine: a [Recognizer] and a [VoiceDetector] are handed in (asr/whisper and internal/vad implement them). It
// knows no network either: [Worker] reads audio from the bus and writes captions and segments to it.
//
// Start reading at recognizer.go (what an engine must do).
package asr
