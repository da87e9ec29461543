package cues

// What the signals of a decision count.
const (
	saysDecided   = 1.5
	saysSettled   = 1.0
	agreedAfter   = 1.0
	agreedBefore  = 0.75
	votedOn       = 0.75
	wholeThought  = 0.25 // it is long enough to say what was decided
	leastDecision = 2.0
)

// before is how many sentences back people agree to what is then put into words.
const before = 4

func (f *finder) decision(t *tongue, i int) (Finding, bool) {
	s, text := &f.sentences[i], f.folded[i]
	if s.Words < 3 || t.vetoes.match(text) || t.told.match(text) {
		return Finding{}, false
	}
	d := Finding{Kind: Decision, At: i, Accepted: -1}
	switch {
	case t.decides.match(text):
		d.Score = saysDecided
	case t.settles.match(text), t.concludes.MatchString(text):
		d.Score = saysSettled
	default:
		return Finding{}, false
	}
	yes, no := f.answer(t, i, will{asked: true})
	if no {
		return Finding{}, false
	}
	if yes >= 0 {
		d.Accepted = yes
		d.Score += agreedAfter
	}
	if s.Asks && (yes < 0 || !t.votes.match(text)) {
		return Finding{}, false // a proposal
	}
	agreed, voted := f.agreedBefore(t, i)
	if agreed {
		d.Score += agreedBefore
	}
	if voted {
		d.Score += votedOn
	}
	if s.Words >= fewest {
		d.Score += wholeThought
	}
	if i >= f.late {
		d.Score += lateInTalk
	}
	return d, d.Score >= leastDecision
}

// agreedBefore says whether two people agreed to something right before sentence i, and whether they were asked to.
func (f *finder) agreedBefore(t *tongue, i int) (agreed, voted bool) {
	by := map[string]bool{}
	for j := max(0, i-before); j < i; j++ {
		if t.accepts.MatchString(f.folded[j]) && f.sentences[j].Speaker != f.sentences[i].Speaker {
			by[string(f.sentences[j].Speaker)] = true
		}
		voted = voted || t.votes.match(f.folded[j])
	}
	return len(by) > 1 || voted && len(by) > 0, voted
}
