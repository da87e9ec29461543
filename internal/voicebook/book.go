// Package voicebook says who said which words at a microphone that several people share. A [Book] gathers the records of
// speakers.v1 about one participant; [Book.Divide] cuts a segment where the voice changes. Everybody who shows or stores what was
// said uses it, so that captions and transcript agree. It hears nothing itself: that is package diarize.
package voicebook

import (
	"maps"
	"slices"

	"souffleur/internal/meeting"
)

// maxTurns bounds the turns of one participant: what people say in more than a day. Past it the oldest are forgotten.
const maxTurns = 50_000

// Book is what the records about one participant say so far. Not for concurrent use.
type Book struct {
	Participant meeting.ParticipantID

	rev    int
	turns  []meeting.VoiceTurn // by time, none over another
	merged map[int]int         // a number that was given up, and the one that it became
	names  map[int]Name
	tracks map[meeting.TrackID]bool // that the turns were heard on; at most maxTracks
	done   bool
}

// maxTracks bounds the tracks of one participant: each time they choose another microphone makes one.
const maxTracks = 1000

// Name is what an organizer called a voice.
type Name struct {
	Name string
	By   meeting.PersonID
}

// New returns the empty book of a participant.
func New(p meeting.ParticipantID) *Book {
	return &Book{
		Participant: p, merged: make(map[int]int), names: make(map[int]Name), tracks: make(map[meeting.TrackID]bool),
	}
}

// Apply takes the next record, which must be checked, and says from when on, in ms of the room clock, labels may have changed
// by it, and whether anything did: records come twice after a crash, and late from a worker that was held still.
func (b *Book) Apply(v *meeting.Voices) (from int64, changed bool) {
	if v.Type != meeting.VoicesRenamed {
		if v.Rev <= b.rev {
			return 0, false
		}
		b.rev = v.Rev
		if len(b.tracks) < maxTracks {
			b.tracks[v.Track] = true
		}
	}
	switch v.Type {
	case meeting.VoicesTurns:
		b.done = false // it goes on after all
		return v.From, b.replace(v.From, v.Turns)
	case meeting.VoicesMerged:
		into := b.Resolve(v.Into)
		if into == v.Voice {
			return 0, false
		}
		b.merged[v.Voice] = into
		return 0, true
	case meeting.VoicesRenamed:
		n := Name{v.Name, v.By}
		if v.Name == "" {
			delete(b.names, b.Resolve(v.Voice))
			return 0, true
		}
		changed = b.names[b.Resolve(v.Voice)] != n
		b.names[b.Resolve(v.Voice)] = n
		return 0, changed
	}
	b.done = true
	return 0, true
}

// replace puts turns in the place of everything from a moment on.
func (b *Book) replace(from int64, turns []meeting.VoiceTurn) bool {
	keep := len(b.turns)
	for keep > 0 && b.turns[keep-1].T0 >= from {
		keep--
	}
	changed := !slices.Equal(b.turns[keep:], turns)
	b.turns = append(b.turns[:keep:keep], turns...)
	if keep > 0 && b.turns[keep-1].T1 > from { // it began before and went on: now it ends there
		b.turns[keep-1].T1 = from
		changed = true
	}
	if n := len(b.turns) - maxTurns; n > 0 {
		b.turns = slices.Clone(b.turns[n:])
	}
	return changed
}

// Rev is the revision of the newest record.
func (b *Book) Rev() int { return b.rev }

// Done says whether no more turns will come.
func (b *Book) Done() bool { return b.done }

// Turns returns all turns, by time. The caller must not change them.
func (b *Book) Turns() []meeting.VoiceTurn { return b.turns }

// Since returns a copy of the turns that end after a moment.
func (b *Book) Since(ms int64) []meeting.VoiceTurn {
	i := len(b.turns)
	for i > 0 && b.turns[i-1].T1 > ms {
		i--
	}
	return slices.Clone(b.turns[i:])
}

// Hears says whether the turns are about what is said on a track.
func (b *Book) Hears(t meeting.TrackID) bool { return b.tracks[t] }

// Resolve returns the number under which a voice is known now.
func (b *Book) Resolve(voice int) int {
	for range meeting.MaxVoice { // chains are short, and a record could make a circle
		into, ok := b.merged[voice]
		if !ok {
			break
		}
		voice = into
	}
	return voice
}

// Voices returns the numbers in use, merged ones left out, rising.
func (b *Book) Voices() []int {
	seen := make(map[int]bool)
	for _, t := range b.turns {
		seen[b.Resolve(t.Voice)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Highest returns the highest number that was ever given, 0 if none was.
func (b *Book) Highest() int {
	n := 0
	for _, t := range b.turns {
		n = max(n, t.Voice)
	}
	for from := range b.merged {
		n = max(n, from)
	}
	return n
}

// Merged returns the numbers that were given up, with those that they became.
func (b *Book) Merged() map[int]int {
	out := make(map[int]int, len(b.merged))
	for from := range b.merged {
		out[from] = b.Resolve(from)
	}
	return out
}

// Names returns what organizers called voices, by the numbers known now.
func (b *Book) Names() map[int]Name {
	out := make(map[int]Name, len(b.names))
	for n, name := range b.names {
		if into := b.Resolve(n); into == n || out[into].Name == "" {
			out[into] = name
		}
	}
	return out
}
