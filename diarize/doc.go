// Package diarize tells the voices at a shared microphone apart while a meeting goes on.
//
// It knows no model: a [Tracker] is handed in. It has one door to the rest of Souffleur, the bus: a [Worker] reads audio and
// events of meetings, in a consumer group of its own, and writes speakers.v1. Captions never wait for it. What it hears it keeps in
// memory only, until the meeting has ended; nobody is recognised from one meeting to the next.
//
// Where to find what:
//
//   - tracker.go: what a tracker must do
//   - partition.go: who is listened to, and how far audio was heard
//   - mic.go: one microphone: from packets to turns, and to the end pass
//   - resume.go: going on under the same numbers after a crash
package diarize
