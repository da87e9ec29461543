package asr

import (
	"math"
	"slices"
	"time"
)

// Evidence that settles which language a track speaks (in a simple form: engines tell the
// language they chose and how sure they were of the text, not the odds between languages).
const (
	lockVoice      = 4 * time.Second // voice heard before the language may be locked
	lockShare      = 0.9             // share of the evidence for it
	lockUtterances = 3               // after so many the leader is taken
	roomPrior      = 0.7             // share of the first language of the room before anything is heard
	priorWeight    = 0.5             // what that share weighs, in seconds of voice
	lostLogProb    = -0.9            // two finals in a row below this unlock: the speaker changed language
)

// language finds out which of the room's languages a track speaks, and keeps to it. Never inside an utterance.
type language struct {
	allowed []string // of the room; empty: any

	locked   string
	score    map[string]float64 // seconds of voice, weighed by how sure the engine was
	heard    time.Duration
	finals   int
	failures int // finals in a row that went badly with the locked language
}

// allow sets the languages of the room. A change forgets what was learnt.
func (l *language) allow(langs []string) {
	if slices.Equal(l.allowed, langs) {
		return
	}
	*l = language{allowed: slices.Clone(langs)}
}

// known returns the language to recognise in, "" to detect it.
func (l *language) known() string {
	if len(l.allowed) == 1 {
		return l.allowed[0]
	}
	return l.locked
}

// learn takes the outcome of a final of voice.
func (l *language) learn(r Result, voice time.Duration) {
	if len(l.allowed) == 1 || r.Lang == "" || len(r.Words) == 0 {
		return
	}
	if l.locked != "" {
		l.doubt(r)
		return
	}
	if l.score == nil {
		l.begin()
	}
	l.score[r.Lang] += voice.Seconds() * math.Exp(math.Min(r.LogProb, 0))
	l.heard += voice
	l.finals++
	best, share := l.leader()
	if l.heard >= lockVoice && (share >= lockShare || l.finals >= lockUtterances) {
		l.locked = best
	}
}

// doubt unlocks after two finals in a row that the engine was guessing at.
func (l *language) doubt(r Result) {
	if r.LogProb >= lostLogProb {
		l.failures = 0
		return
	}
	l.failures++
	if l.failures >= 2 {
		*l = language{allowed: l.allowed}
	}
}

// begin gives the room's first language its head start; no language of the list starts from nothing.
func (l *language) begin() {
	l.score = make(map[string]float64)
	for i, lang := range l.allowed {
		if i == 0 {
			l.score[lang] = priorWeight * roomPrior
		} else {
			l.score[lang] = priorWeight * (1 - roomPrior) / float64(len(l.allowed)-1)
		}
	}
}

// leader returns the language with most evidence, and its share.
func (l *language) leader() (best string, share float64) {
	sum := 0.0
	for lang, score := range l.score {
		sum += score
		if score > l.score[best] || score == l.score[best] && lang < best {
			best = lang
		}
	}
	return best, l.score[best] / sum
}
