// Package cues finds in what was said the decisions that a meeting took, what somebody is to do, and questions that stayed open. It knows
// phrases of French and English, and asks for two independent signals at least, because one alone is wrong six times in seven: "I'll
// take this one" commits to nothing. What it finds are suggestions for a person to accept or to dismiss.
package cues

import (
	"regexp"
	"strings"

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
	Speaker bool   // whoever said it
	Name    string // else the name that was said, or of who accepted; "" if nobody is named
}

// Supported says whether a language has cues.
func Supported(lang string) bool { return tongues[lang] != nil }

// tongue is what is known of one language. Patterns match folded text: lower case, without accents, apostrophes straight.
type tongue struct {
	commits   *regexp.Regexp // first person: the speaker will do
	present   *regexp.Regexp // first person, present tense: a promise if it says until when
	requests  *regexp.Regexp // second person, or nobody in particular, is to do
	assigns   *regexp.Regexp // behind a name: that person will do
	marks     *regexp.Regexp // says itself that it is an action
	due       *regexp.Regexp
	works     *regexp.Regexp // verbs of work that is done after a meeting
	accepts   *regexp.Regexp // the whole beginning of a short answer
	refuses   *regexp.Regexp
	vetoes    *regexp.Regexp // done at once, past, or only imagined
	past      *regexp.Regexp // a decision that is told of
	decides   *regexp.Regexp // says itself that something is decided
	settles   *regexp.Regexp // decides if somebody agrees
	unsure    *regexp.Regexp // an answer that is none
	opens     *regexp.Regexp // says itself that something is open
	smallTalk *regexp.Regexp // questions about the call itself
}

// weights of the signals of an action. The least that is suggested is two signals, one of which must be a will to act.
const (
	willToAct  = 1.0
	marked     = 1.0
	named      = 0.75
	dated      = 1.0
	accepted   = 1.0
	workVerb   = 0.75
	lateInTalk = 0.25
	leastScore = 1.75
)

// fewest are the words of a sentence that can say what is to be done.
const fewest = 5

// Find returns what it finds in the sentences of a meeting whose people have these names, in order. Sentences in languages without cues
// are passed over.
func Find(sentences []prose.Sentence, names []string) []Finding {
	f := finder{sentences: sentences, names: foldedNames(names), folded: make([]string, len(sentences))}
	for i := range sentences {
		f.folded[i] = fold(sentences[i].Text)
	}
	var found []Finding
	for i := range sentences {
		t := tongues[sentences[i].Lang]
		if t == nil {
			continue
		}
		if d, ok := f.decision(t, i); ok {
			found = append(found, d)
			continue
		}
		if a, ok := f.action(t, i); ok {
			found = append(found, a)
			continue
		}
		if q, ok := f.question(t, i); ok {
			found = append(found, q)
		}
	}
	return found
}

type finder struct {
	sentences []prose.Sentence
	folded    []string
	names     map[string]string // folded: as given
}

func (f *finder) action(t *tongue, i int) (Finding, bool) {
	s, text := &f.sentences[i], f.folded[i]
	if s.Words < fewest || t.vetoes.MatchString(text) {
		return Finding{}, false
	}
	a := Finding{Kind: Action, At: i, Accepted: -1}
	due := t.due.FindStringIndex(text)
	commits := t.commits.MatchString(text) || due != nil && t.present.MatchString(text)
	name, assigned := f.assigned(t, text)
	requests := t.requests.MatchString(text)
	switch {
	case t.marks.MatchString(text):
		a.Score += willToAct + marked
	case commits, assigned, requests:
		a.Score += willToAct
	default:
		return Finding{}, false
	}
	switch {
	case assigned:
		a.Owner.Name, a.Score = name, a.Score+named
	case commits:
		a.Owner.Speaker = true
	case requests:
		if a.Owner.Name = f.addressed(text); a.Owner.Name != "" {
			a.Score += named
		}
	}
	if due != nil {
		a.Due, a.Score = verbatim(s.Text, text, due), a.Score+dated
	}
	at, refused := f.answer(t, i)
	if refused {
		return Finding{}, false
	}
	if at >= 0 {
		a.Accepted, a.Score = at, a.Score+accepted
	}
	// A request that names nobody, has no date and is not accepted is a remark, whatever its verb.
	if t.works.MatchString(text) && (commits || assigned || a.Owner.Name != "" || due != nil || at >= 0) {
		a.Score += workVerb
	}
	if i*5 >= len(f.sentences)*4 {
		a.Score += lateInTalk
	}
	return a, a.Score >= leastScore
}

func (f *finder) decision(t *tongue, i int) (Finding, bool) {
	s, text := &f.sentences[i], f.folded[i]
	if s.Words < 3 || s.Asks || t.vetoes.MatchString(text) || t.past.MatchString(text) {
		return Finding{}, false
	}
	d := Finding{Kind: Decision, At: i, Accepted: -1}
	at, refused := f.answer(t, i)
	switch {
	case refused:
		return Finding{}, false
	case t.decides.MatchString(text):
		d.Score += 1.5
	case t.settles.MatchString(text):
		d.Score++
	default:
		return Finding{}, false
	}
	if at >= 0 {
		d.Accepted, d.Score = at, d.Score+accepted
	}
	if s.Words >= fewest {
		d.Score += 0.5
	}
	if i*5 >= len(f.sentences)*4 {
		d.Score += lateInTalk
	}
	return d, d.Score >= leastScore
}

func (f *finder) question(t *tongue, i int) (Finding, bool) {
	s, text := &f.sentences[i], f.folded[i]
	if s.Words < fewest || t.smallTalk.MatchString(text) {
		return Finding{}, false
	}
	q := Finding{Kind: Question, At: i, Accepted: -1}
	if t.opens.MatchString(text) {
		q.Score += 1.5
	}
	if s.Asks {
		q.Score += 0.75
		for j := i + 1; j < len(f.sentences) && j <= i+4; j++ {
			if t.unsure.MatchString(f.folded[j]) {
				q.Score += 1
				break
			}
		}
	}
	return q, q.Score >= 1.5
}

// answer looks for somebody else's yes or no right after sentence i. at is -1 if there is no yes.
func (f *finder) answer(t *tongue, i int) (at int, refused bool) {
	asker := f.sentences[i].Speaker
	for j := i + 1; j < len(f.sentences) && j <= i+3; j++ {
		if f.sentences[j].Speaker == asker {
			continue
		}
		if t.refuses.MatchString(f.folded[j]) {
			return -1, true
		}
		if t.accepts.MatchString(f.folded[j]) {
			return j, false
		}
	}
	return -1, false
}

// assigned returns the name before "will send", "va préparer".
func (f *finder) assigned(t *tongue, text string) (name string, ok bool) {
	for _, m := range t.assigns.FindAllStringSubmatch(text, -1) {
		for _, word := range m[1:] {
			if name, ok := f.names[word]; ok {
				return name, true
			}
		}
	}
	return "", false
}

// addressed returns the first name in a text.
func (f *finder) addressed(text string) string {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isLetter(r) }) {
		if name, ok := f.names[word]; ok {
			return name
		}
	}
	return ""
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r > 127 }

// foldedNames are the first names of people, folded, with the names as given.
func foldedNames(names []string) map[string]string {
	m := make(map[string]string, len(names))
	for _, n := range names {
		if first, _, _ := strings.Cut(strings.TrimSpace(n), " "); first != "" {
			m[fold(first)] = n
		}
	}
	return m
}

// fold makes a text comparable with the patterns. It keeps the number of words.
func fold(text string) string {
	text = strings.NewReplacer("’", "'", "\u00a0", " ", "\u202f", " ").Replace(text)
	var b strings.Builder
	for i, w := range strings.Fields(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words.Fold(w))
	}
	return b.String()
}

// verbatim returns the words of text that the match m of its folded form covers.
func verbatim(text, folded string, m []int) string {
	first := len(strings.Fields(folded[:m[0]]))
	if m[0] > 0 && folded[m[0]-1] != ' ' {
		first-- // the match begins inside of a word
	}
	last := len(strings.Fields(folded[:m[1]]))
	all := strings.Fields(text)
	if first < 0 || last > len(all) || first >= last {
		return ""
	}
	return strings.Trim(strings.Join(all[first:last], " "), ",.;:!?")
}
