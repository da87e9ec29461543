// Package cues finds in what was said the decisions that a meeting took, what somebody is to do, and questions that stayed open. It knows
// phrases of French and English, and asks for several independent signals, because one alone is wrong six times in seven: "I'll take
// this one" commits to nothing. What it finds are suggestions for a person to accept or to dismiss.
//
// Start at [Find]. Phrases are in english.go and french.go, what they count in action.go, decision.go and question.go.
package cues

import (
	"strings"
	"unicode"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/prose"
)

// Kind is what a sentence is found to be.
type Kind string

// Kinds.
const (
	Action   Kind = "action"
	Decision Kind = "decision"
	Question Kind = "question"
)

// Finding is a sentence that looks like an action, a decision or an open question.
type Finding struct {
	Kind     Kind
	At       int     // the sentence's place
	Owner    Owner   // of an action
	Due      string  // of an action: the words that say until when, verbatim; "" if none do
	Score    float64 // sum of the signals; the more, the surer
	Accepted int     // place of the sentence that accepts it; -1 if none does
}

// Owner is who is to do something.
type Owner struct {
	Speaker  bool   // whoever said it
	Accepter bool   // whoever accepted it
	Name     string // else the name that was said; "" if nobody is named
}

// Supported says whether a language has cues.
func Supported(lang string) bool { return tongues[lang] != nil }

// tongues are the languages with cues.
var tongues = map[string]*tongue{"en": english, "fr": french}

// Find returns what it finds in the sentences of a meeting whose people have these names, in order. Sentences in languages without cues
// are passed over.
func Find(sentences []prose.Sentence, names []string) []Finding {
	f := newFinder(sentences, names)
	var found []Finding
	answers := map[int]bool{} // sentences that accept an action: what they promise is that action
	for i := range sentences {
		t := tongues[sentences[i].Lang]
		if t == nil {
			continue
		}
		d, decides := f.decision(t, i)
		a, acts := f.action(t, i)
		// "So we'll meet on Friday" decides, "So I'll ask them on Friday" does not.
		if decides && acts && a.Owner != (Owner{}) {
			decides = false
		}
		switch {
		case decides:
			found = append(found, d)
		case acts && !answers[i]:
			found = append(found, a)
			answers[a.Accepted] = true
		default:
			if q, ok := f.question(t, i); ok {
				found = append(found, q)
			}
		}
	}
	return found
}

// finder looks at the sentences of one meeting.
type finder struct {
	sentences []prose.Sentence
	folded    []string   // as phrases match them, with [somebody] in place of names
	named     [][]string // the names of each sentence, in order
	late      int        // from which sentence on a meeting comes to its end
}

// somebody stands for a name in folded text. For regular expressions it is a word.
const somebody = "_"

func newFinder(sentences []prose.Sentence, names []string) *finder {
	f := &finder{sentences: sentences, folded: make([]string, len(sentences)), named: make([][]string, len(sentences)), late: len(sentences) * 4 / 5}
	known := namesByWord(names)
	for i := range sentences {
		f.folded[i], f.named[i] = fold(sentences[i].Text, known)
	}
	return f
}

// namesByWord are the words of people's names, folded, with the name that each means. A word that two people share means itself.
func namesByWord(names []string) map[string]string {
	known := map[string]string{}
	for _, name := range names {
		for i, word := range meeting.Fields(name) {
			key := strings.TrimFunc(words.Fold(word), func(r rune) bool { return !unicode.IsLetter(r) })
			if len(key) < 2 || i > 0 && len(key) < 4 {
				continue // an initial, or "de", "van"
			}
			if other, taken := known[key]; taken && other != name {
				known[key] = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
				continue
			}
			known[key] = name
		}
	}
	return known
}

// fold makes a text comparable with phrases: lower case, without accents, apostrophes straight, names as [somebody]. It keeps the number
// of words.
func fold(text string, known map[string]string) (folded string, named []string) {
	var b strings.Builder
	for i, w := range splitWords(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		if w = unmarked.Replace(words.Fold(w)); w == "" {
			w = "-"
		}
		first := strings.IndexFunc(w, unicode.IsLetter)
		if first < 0 {
			b.WriteString(w)
			continue
		}
		end := first + strings.IndexFunc(w[first:]+" ", func(r rune) bool { return !unicode.IsLetter(r) && r != '-' })
		name, ok := known[strings.Trim(w[first:end], "-")]
		if !ok {
			b.WriteString(w)
			continue
		}
		named = append(named, name)
		b.WriteString(w[:first] + somebody + w[end:])
	}
	return b.String(), named
}

var (
	unmarked = strings.NewReplacer(somebody, "-", " ", "") // some folded marks have spaces
	straight = strings.NewReplacer("’", "'", "\u00a0", " ", "\u202f", " ")
)

// splitWords cuts text into words, at no-break spaces too.
func splitWords(text string) []string { return strings.Fields(straight.Replace(text)) }
