package extract

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/cues"
	"souffleur/summarize/deadline"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
)

// people are those who took part, to tell who is to do something.
type people struct {
	names     []string                           // each once: of participants, and of voices that somebody named
	ids       map[string][]meeting.ParticipantID // by name; none for a voice at a shared microphone
	bySpeaker map[meeting.SpeakerID]string
	known     map[meeting.ParticipantID]meeting.PersonID // took part, and are not forgotten
}

func newPeople(job *minutes.Job) *people {
	p := &people{ids: map[string][]meeting.ParticipantID{}, bySpeaker: map[meeting.SpeakerID]string{}, known: map[meeting.ParticipantID]meeting.PersonID{}}
	forgotten := map[meeting.ParticipantID]bool{}
	for _, one := range job.People {
		forgotten[one.Participant] = one.Forgotten
		name := strings.TrimSpace(one.Name)
		if one.Forgotten || name == "" {
			continue
		}
		p.known[one.Participant] = one.Person
		p.ids[name] = append(p.ids[name], one.Participant)
		p.bySpeaker[meeting.SpeakerID(one.Participant)] = name
		p.names = append(p.names, name)
	}
	for speaker, name := range job.Names {
		if name = strings.TrimSpace(name); name != "" && !forgotten[speaker.Participant()] {
			p.bySpeaker[speaker] = name
			p.names = append(p.names, name)
			if id := speaker.Participant(); p.one(speaker) && !slices.Contains(p.ids[name], id) {
				p.ids[name] = append(p.ids[name], id)
			}
		}
	}
	slices.Sort(p.names)
	p.names = slices.Compact(p.names)
	return p
}

// words returns the words of people's names, folded: who is addressed is no subject.
func (p *people) words() map[string]bool {
	all := map[string]bool{}
	for _, name := range p.names {
		for part := range strings.FieldsFuncSeq(words.Fold(name), func(r rune) bool { return !unicode.IsLetter(r) }) {
			all[part] = true
		}
	}
	return all
}

// withoutNames makes names plain words of sentences.
func withoutNames(sentences []prose.Sentence, names map[string]bool) {
	for i := range sentences {
		s := &sentences[i]
		s.Stems = s.Stems[:0]
		for j := range s.Tokens {
			t := &s.Tokens[j]
			t.Plain = t.Plain || names[words.Fold(s.Text[t.Start:t.End])]
			if !t.Plain {
				s.Stems = append(s.Stems, t.Stem)
			}
		}
	}
}

// speaker returns the name of a speaker, and who that is if it is one participant. What a captioner typed was said by somebody else.
func (p *people) speaker(s meeting.SpeakerID) (string, meeting.ParticipantID) {
	if s.Captioner() {
		return "", ""
	}
	if p.one(s) {
		return p.bySpeaker[s], s.Participant()
	}
	return p.bySpeaker[s], ""
}

// one says whether a speaker is one participant, and no voice at a shared microphone.
func (p *people) one(s meeting.SpeakerID) bool {
	_, known := p.known[s.Participant()]
	return known && meeting.SpeakerID(s.Participant()) == s
}

// named returns who has a name, if it is one person: the last stay, if that person came twice.
func (p *people) named(name string) meeting.ParticipantID {
	ids := p.ids[name]
	if len(ids) == 0 {
		return ""
	}
	last := ids[len(ids)-1]
	for _, id := range ids[:len(ids)-1] {
		if p.known[id] == "" || p.known[id] != p.known[last] {
			return ""
		}
	}
	return last
}

// mostFindings bounds what is suggested of each kind: of more, the surest, as nobody would look through them.
const mostFindings = 60

// surest leaves out what was said before in the same words, and the least sure if there are too many of a kind.
func (q *quoter) surest(found []cues.Finding) []cues.Finding {
	seen := map[string]bool{}
	found = slices.DeleteFunc(found, func(f cues.Finding) bool {
		key := string(f.Kind) + " " + strings.ToLower(q.sentences[f.At].Text)
		again := seen[key]
		seen[key] = true
		return again || !stands(&q.sentences[f.At]) && q.sentences[f.At].Words > shortest
	})
	byScore := slices.Clone(found)
	slices.SortStableFunc(byScore, func(a, b cues.Finding) int { return cmp.Compare(b.Score, a.Score) })
	kept, of := map[int]bool{}, map[cues.Kind]int{}
	for _, f := range byScore {
		if of[f.Kind]++; of[f.Kind] <= mostFindings {
			kept[f.At] = true
		}
	}
	return slices.DeleteFunc(found, func(f cues.Finding) bool { return !kept[f.At] })
}

// writeFindings writes decisions, actions and questions.
func writeFindings(doc *minutes.Document, q *quoter, p *people, date string, found []cues.Finding) {
	for _, f := range q.surest(found) {
		var accepted []int
		if f.Accepted >= 0 {
			accepted = append(accepted, f.Accepted)
		}
		line := q.line(string(f.Kind), f.At, false, accepted, sureOfScore(f.Score))
		switch f.Kind {
		case cues.Decision:
			doc.Decisions = append(doc.Decisions, line)
		case cues.Question:
			doc.Questions = append(doc.Questions, line)
		case cues.Action:
			a := minutes.Action{Line: line, Due: f.Due, DueDate: deadline.Resolve(q.sentences[f.At].Lang, f.Due, date)}
			a.Owner, a.OwnerID = q.owner(p, f)
			doc.Actions = append(doc.Actions, a)
		}
	}
}

func (q *quoter) owner(p *people, f cues.Finding) (string, meeting.ParticipantID) {
	switch {
	case f.Owner.Speaker:
		return p.speaker(q.sentences[f.At].Speaker)
	case f.Owner.Accepter && f.Accepted >= 0:
		return p.speaker(q.sentences[f.Accepted].Speaker)
	case f.Owner.Name != "":
		return f.Owner.Name, p.named(f.Owner.Name)
	}
	return "", ""
}

// sureOfScore is the confidence in a suggestion: about 0.6 for the least that is suggested, towards 1 for more signals.
func sureOfScore(score float64) float64 { return 1 - math.Exp(-score*0.4) }
