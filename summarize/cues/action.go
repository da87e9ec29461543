package cues

import (
	"strings"
	"unicode"
)

// What the signals of an action count. A will to act alone, or with the least of the others, is not suggested.
const (
	willToAct   = 1.0
	weakWill    = 0.75 // nobody in particular has it
	marked      = 1.0  // it says itself that it is an action
	named       = 0.75 // somebody is named
	dated       = 1.0
	accepted    = 1.0
	workVerb    = 0.75
	hasObject   = 0.5 // it says what is to be done
	lateInTalk  = 0.25
	joked       = -1.0
	leastAction = 2.5
)

const (
	// fewest are the words of a sentence that can say what is to be done.
	fewest = 5
	// objectWords are the meaningful words of a sentence that says what.
	objectWords = 3
	// answerWithin is how many sentences later somebody answers at the latest.
	answerWithin = 3
)

// will is who is to act.
type will struct {
	owner  Owner
	weight float64
	asked  bool // somebody else is to, who has to accept
	nobody bool // nobody in particular is to
	tacit  bool // nothing says that anybody will, but until when: somebody must accept it
}

func (f *finder) action(t *tongue, i int) (Finding, bool) {
	s, text := &f.sentences[i], f.folded[i]
	if s.Words < fewest || t.vetoes.match(text) {
		return Finding{}, false
	}
	due := t.due.find(text)
	w, ok := f.will(t, i, due != nil)
	if !ok {
		return Finding{}, false
	}
	yes, no := f.answer(t, i, w)
	if no {
		return Finding{}, false
	}
	if w.nobody && yes >= 0 && f.promised(t, yes) {
		if _, better := f.action(t, yes); better {
			return Finding{}, false // the promise says it better
		}
	}
	a := Finding{Kind: Action, At: i, Owner: w.owner, Score: w.weight, Accepted: yes}
	if a.Owner.Name != "" {
		a.Score += named
	}
	if due != nil {
		a.Due = verbatim(s.Text, text, due)
		a.Score += dated
	}
	if yes >= 0 {
		a.Score += accepted
		if w.asked && a.Owner == (Owner{}) {
			a.Owner.Accepter = true
		}
	}
	if w.tacit && (yes < 0 || a.Owner.Name == "" && !hasWord(text, t.work)) {
		return Finding{}, false
	}
	if w.asked && due == nil && (yes < 0 && s.Asks || a.Owner.Name == "" && (yes < 0 || !f.takesUp(t, yes))) {
		return Finding{}, false // nobody took it up: "you can save it" and "yeah" is how people think aloud
	}
	if hasWord(text, t.work) {
		a.Score += workVerb
	}
	if len(s.Stems) >= objectWords {
		a.Score += hasObject
	}
	if i >= f.late {
		a.Score += lateInTalk
	}
	if f.joked(t, i) {
		a.Score += joked
	}
	return a, a.Score >= leastAction
}

// will finds who is to act. dated says that the sentence says until when.
func (f *finder) will(t *tongue, i int, dated bool) (will, bool) {
	text := f.folded[i]
	extra := 0.0
	if t.marks.match(text) {
		extra = marked
	}
	if end, ok := t.assigns.match(text, t.isNotIdle); ok {
		return will{owner: Owner{Name: f.nameBefore(i, end)}, weight: willToAct + extra, asked: true}, true
	}
	if m := t.hands.find(text); m != nil {
		return will{owner: Owner{Name: f.nameNear(i, m[1])}, weight: willToAct + extra, asked: true}, true
	}
	if end, ok := t.namedDoes.match(text, t.isWork); ok {
		return will{owner: Owner{Name: f.nameBefore(i, end)}, weight: willToAct + extra, asked: true}, true
	}
	if t.promises.match(text) {
		return will{owner: Owner{Speaker: true}, weight: willToAct + workVerb + extra}, true
	}
	if _, ok := t.wills.match(text, t.isNotIdle); ok {
		return will{owner: Owner{Speaker: true}, weight: willToAct + extra}, true
	}
	if _, ok := t.asks.match(text, t.isNotIdle); ok {
		return will{owner: Owner{Name: f.nameNear(i, len(text))}, weight: willToAct + extra, asked: true}, true
	}
	if w, ok := f.willAtPresent(t, i, dated); ok {
		w.weight += extra
		return w, true
	}
	if _, ok := t.together.match(text, t.isNotIdle); ok {
		return will{weight: weakWill + extra}, true
	}
	if _, ok := t.needs.match(text, t.isNotIdle); ok {
		name := f.nameNear(i, len(text))
		return will{owner: Owner{Name: name}, weight: weakWill + extra, asked: true, nobody: name == ""}, true
	}
	if extra > 0 {
		return will{owner: Owner{Name: f.nameNear(i, len(text))}, weight: willToAct + extra, asked: true}, true
	}
	if dated {
		return will{owner: Owner{Name: f.nameNear(i, len(text))}, weight: weakWill, asked: true, tacit: true}, true
	}
	return will{}, false
}

// willAtPresent finds who is to act where it is said as if it were done now, or as an order: the verb must be of work then.
func (f *finder) willAtPresent(t *tongue, i int, dated bool) (will, bool) {
	text := f.folded[i]
	if _, ok := t.iDo.match(text, t.isWork); ok && dated {
		return will{owner: Owner{Speaker: true}, weight: willToAct}, true
	}
	if _, ok := t.youDo.match(text, t.isWork); ok {
		return will{owner: Owner{Name: f.nameNear(i, len(text))}, weight: willToAct, asked: true}, true
	}
	if _, ok := t.weDo.match(text, t.isWork); ok && dated {
		return will{weight: weakWill}, true
	}
	return will{}, false
}

// nameBefore returns the last name before a place in a folded sentence.
func (f *finder) nameBefore(i, end int) string {
	if n := strings.Count(f.folded[i][:end], somebody); n > 0 {
		return f.named[i][n-1]
	}
	return ""
}

// nameNear returns the last name before a place, else the first behind it.
func (f *finder) nameNear(i, end int) string {
	if name := f.nameBefore(i, end); name != "" || len(f.named[i]) == 0 {
		return name
	}
	return f.named[i][0]
}

// answer looks for somebody's yes or no right after sentence i. yes is -1 if there is none. Who promises something needs no yes, but may
// get thanks; who has been asked says it, or anybody else but who asked.
func (f *finder) answer(t *tongue, i int, w will) (yes int, no bool) {
	asker := f.sentences[i].Speaker
	for j := i + 1; j < len(f.sentences) && j <= i+answerWithin; j++ {
		if f.sentences[j].Speaker == asker {
			continue
		}
		switch text := f.folded[j]; {
		case t.refuses.MatchString(text):
			return -1, w.asked
		case t.accepts.MatchString(text), w.asked && f.promised(t, j):
			return j, false
		case !w.asked:
			return -1, false // what else somebody says is no thanks
		}
	}
	return -1, false
}

// takesUp says whether sentence j, which agrees, does more than that.
func (f *finder) takesUp(t *tongue, j int) bool {
	return f.promised(t, j) || t.undertakes.MatchString(f.folded[j])
}

// promised says whether the speaker of sentence j will do something.
func (f *finder) promised(t *tongue, j int) bool {
	if t.promises.match(f.folded[j]) {
		return true
	}
	_, ok := t.wills.match(f.folded[j], t.isNotIdle)
	return ok
}

// joked says whether somebody laughs at sentence i.
func (f *finder) joked(t *tongue, i int) bool {
	return i+1 < len(f.sentences) && f.sentences[i+1].Speaker != f.sentences[i].Speaker && t.jokes.MatchString(f.folded[i+1])
}

// hasWord says whether one of the words of a folded text is in a list.
func hasWord(text string, list map[string]bool) bool {
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if list[w] {
			return true
		}
	}
	return false
}

// verbatim returns the words of text that the match m of its folded form covers.
func verbatim(text, folded string, m []int) string {
	first := len(strings.Fields(folded[:m[0]]))
	if m[0] > 0 && folded[m[0]-1] != ' ' {
		first-- // the match begins inside of a word
	}
	last := len(strings.Fields(folded[:m[1]]))
	all := splitWords(text)
	if first < 0 || last > len(all) || first >= last {
		return ""
	}
	return strings.Trim(strings.Join(all[first:last], " "), ",.;:!?")
}
