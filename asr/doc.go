// Package asr turns the recorded audio of meetings into captions and segments.
//
// It knows no engine: a [Recognizer] and a [VoiceDetector] are handed in (asr/whisper and internal/vad implement them). It
// has one door to the rest of Souffleur, the bus: [Worker] reads audio and meeting events and writes captions and segments.
// [Transcribe] does the same for a recording, without bus and without hurry.
//
// Where to find what:
//
//   - recognizer.go: what an engine must do
//   - segmenter.go, endpoint.go: where utterances begin and end, and where a replay may begin
//   - agreement.go, reconcile.go: partials that do not flicker, and finals that keep what they showed
//   - hearing.go, filter.go, language.go: from an engine's answer to text
//   - scheduler.go, load.go: who is recognised next, and what gives way when there is too much
//   - engine.go: with which engine
//   - partition.go, track.go, deliver.go, commit.go, restart.go: reading the bus without losing or doubling a word
//
// Who may be recognised at all says package internal/listen.
package asr
