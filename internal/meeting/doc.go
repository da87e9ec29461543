// Package meeting is the vocabulary of Souffleur: identifiers, rooms, AI levels, roles, captions, segments and the
// events of a meeting. Every other package speaks these words. It does no I/O and imports nothing of ours.
//
// Start reading at [Level] (what the AI may do), [Caption] (what readers get) and [Event] (what happened in a meeting).
package meeting
