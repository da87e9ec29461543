package cues

// What the signals of an open question count.
const (
	asked         = 0.75
	noAnswer      = 1.25 // somebody says that they do not know
	answered      = -0.75
	saysOpen      = 1.5
	leastQuestion = 1.75
)

func (f *finder) question(t *tongue, i int) (Finding, bool) {
	s, text := &f.sentences[i], f.folded[i]
	if s.Words < fewest || t.smallTalk.match(text) {
		return Finding{}, false
	}
	q := Finding{Kind: Question, At: i, Accepted: -1}
	if t.opens.match(text) {
		q.Score += saysOpen
	}
	asks := s.Asks || t.interrogates.MatchString(text)
	if !asks && q.Score == 0 {
		return Finding{}, false
	}
	if asks {
		q.Score += asked
	}
	for j := i + 1; j < len(f.sentences) && j <= i+answerWithin; j++ {
		if t.unsure.match(f.folded[j]) && f.sentences[j].Speaker != s.Speaker {
			q.Score += noAnswer
			break
		}
		if j == i+1 && t.accepts.MatchString(f.folded[j]) {
			q.Score += answered
		}
	}
	if s.Words >= fewest+2 {
		q.Score += wholeThought
	}
	return q, q.Score >= leastQuestion
}
