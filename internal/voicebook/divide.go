package voicebook

import (
	"slices"
	"strings"
	"unicode/utf8"

	"souffleur/internal/meeting"
)

const (
	// reach is how far from a turn a word may lie to be of its voice, in ms: turns are announced about a second late, and soft
	// endings are no speech to a detector.
	reach = 1500
	// island is the length below which words of one voice amid those of another are not believed, in ms: no embedder tells
	// voices apart in less.
	island = 400
	// minority is the length below which, in ms, a voice that has less than a third of a clause is not believed: people rarely
	// change in the middle of one.
	minority = 1000
)

// At returns the voice that spoke most between two moments, as it is known now; 0 if none did.
func (b *Book) At(t0, t1 int64) int {
	best, most := 0, int64(0)
	share := make(map[int]int64)
	for i := len(b.turns) - 1; i >= 0 && b.turns[i].T1+reach > t0; i-- {
		t := b.turns[i]
		if d := min(t1, t.T1) - max(t0, t.T0); d > 0 {
			v := b.Resolve(t.Voice)
			if share[v] += d; share[v] > most {
				best, most = v, share[v]
			}
		}
	}
	if best == 0 {
		best = b.near(t0)
	}
	return best
}

// near returns the voice whose turn is nearest to a moment, within reach.
func (b *Book) near(ms int64) int {
	i, _ := slices.BinarySearchFunc(b.turns, ms, func(t meeting.VoiceTurn, ms int64) int {
		if t.T1 <= ms {
			return -1
		}
		return 1
	})
	voice, distance := 0, int64(reach)
	for _, j := range []int{i - 1, i} {
		if j < 0 || j >= len(b.turns) {
			continue
		}
		if d := max(0, ms-b.turns[j].T1, b.turns[j].T0-ms); d < distance {
			voice, distance = b.Resolve(b.turns[j].Voice), d
		}
	}
	return voice
}

// Speaker returns who speaks with a voice: the participant where there is none.
func (b *Book) Speaker(voice int) meeting.SpeakerID {
	if voice == 0 {
		return meeting.SpeakerID(b.Participant)
	}
	return meeting.NewVoiceID(b.Participant, voice)
}

// Divide cuts a segment where the voice changes, never inside a word. The first part keeps the segment's ID, the others have
// "…-2", "…-3" in time order. One of another track, without words or without a turn near it is of the participant, whole.
func (b *Book) Divide(s meeting.Segment) []meeting.Segment {
	s.Spk = b.Speaker(0)
	if !b.Hears(s.Track) || s.Quality == meeting.QualityGap || len(b.turns) == 0 {
		return []meeting.Segment{s}
	}
	words := s.TextWords()
	voices := b.voicesOf(words)
	if len(words) == 0 {
		return []meeting.Segment{s}
	}
	var parts []meeting.Segment
	for from := 0; from < len(words); {
		to := from + 1
		for to < len(words) && voices[to] == voices[from] {
			to++
		}
		parts = append(parts, part(s, words[from:to], b.Speaker(voices[from])))
		from = to
	}
	if len(parts) == 1 {
		s.Spk = parts[0].Spk
		return []meeting.Segment{s}
	}
	for i := range parts {
		parts[i].Seg = s.Seg.Part(i + 1)
	}
	parts[0].T0, parts[len(parts)-1].T1 = s.T0, s.T1
	return parts
}

// part is the piece of s that has these words.
func part(s meeting.Segment, words []meeting.Word, spk meeting.SpeakerID) meeting.Segment {
	texts := make([]string, len(words))
	sum := float32(0)
	for i, w := range words {
		texts[i] = w.Text
		sum += w.P
	}
	s.Spk, s.Text, s.Words = spk, strings.Join(texts, " "), slices.Clone(words)
	s.Stable, s.Conf = utf8.RuneCountInString(s.Text), sum/float32(len(words))
	s.T0, s.T1 = words[0].T0, max(words[len(words)-1].T1, words[0].T0)
	return s
}

// voicesOf returns the voice of each word: that of the turn at its middle, unless its neighbours know better.
func (b *Book) voicesOf(words []meeting.Word) []int {
	voices := make([]int, len(words))
	for i, w := range words {
		voices[i] = b.near((w.T0 + w.T1) / 2)
	}
	fill(voices)
	smooth(words, voices)
	for from := 0; from < len(words); {
		to := from + 1
		for to < len(words) && !endsClause(words[to-1].Text) {
			to++
		}
		settle(words[from:to], voices[from:to])
		from = to
	}
	smooth(words, voices)
	return voices
}

// fill gives words without a voice that of the word before, or else that of the word after.
func fill(voices []int) {
	for i := 1; i < len(voices); i++ {
		if voices[i] == 0 {
			voices[i] = voices[i-1]
		}
	}
	for i := len(voices) - 2; i >= 0; i-- {
		if voices[i] == 0 {
			voices[i] = voices[i+1]
		}
	}
}

// smooth takes islands away.
func smooth(words []meeting.Word, voices []int) {
	for from := 0; from < len(voices); {
		to := from + 1
		for to < len(voices) && voices[to] == voices[from] {
			to++
		}
		if words[to-1].T1-words[from].T0 < island && (from > 0 || to < len(voices)) {
			voice := 0
			if from > 0 {
				voice = voices[from-1]
			} else {
				voice = voices[to]
			}
			for i := from; i < to; i++ {
				voices[i] = voice
			}
		}
		from = to
	}
}

// settle gives a clause to the voice that has nearly all of it.
func settle(words []meeting.Word, voices []int) {
	share := make(map[int]int64)
	var total int64
	for i, w := range words {
		share[voices[i]] += w.T1 - w.T0
		total += w.T1 - w.T0
	}
	if len(share) < 2 {
		return
	}
	best := voices[0]
	for _, v := range voices {
		if share[v] > share[best] {
			best = v
		}
	}
	if rest := total - share[best]; rest < minority && 3*rest < total {
		for i := range voices {
			voices[i] = best
		}
	}
}

func endsClause(word string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(word, `"'»”’)]`))
	return strings.ContainsRune(".,;:?!…。，？！、", r)
}
