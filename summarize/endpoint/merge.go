package endpoint

import (
	"cmp"
	"slices"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
	"souffleur/summarize/verify"
)

const (
	// sameWords is the share of their words that two facts have in common when they say the same.
	sameWords = 0.6
	// sameWordsThere is that share for facts that cite the same segment.
	sameWordsThere = 0.4
)

// stemsOf returns the distinct content stems of a sentence, sorted.
func stemsOf(lang, text string) []string { return distinct(prose.Stems(lang, text)) }

// alike returns the share of the stems of two sentences that both have, 0 to 1.
func alike(x, y []string) float64 {
	both := 0
	for _, stem := range x {
		if _, ok := slices.BinarySearch(y, stem); ok {
			both++
		}
	}
	all := len(x) + len(y) - both
	if all == 0 {
		return 0
	}
	return float64(both) / float64(all)
}

func distinct(stems []string) []string {
	slices.Sort(stems)
	return slices.Compact(stems)
}

// merged leaves out facts that say what an earlier one says, and ranks the others: said more often first, else as the model had them. A
// point that repeats a decision, an action or a question goes, wherever it stands.
func merged(lang string, facts []fact) []fact {
	for i := range facts {
		facts[i].stems = stemsOf(lang, facts[i].Text)
	}
	var out []fact
	for _, kind := range []string{decision, action, open, point} {
		for _, f := range facts {
			if f.Kind != kind {
				continue
			}
			at := slices.IndexFunc(out, func(o fact) bool { return repeats(o, f) })
			if at < 0 {
				f.mentions = 1
				out = append(out, f)
				continue
			}
			out[at].mentions++
		}
	}
	slices.SortStableFunc(out, func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(b.mentions, a.mentions))
	})
	return out
}

func repeats(a, b fact) bool {
	if a.Kind != b.Kind && b.Kind != point {
		return false
	}
	share := alike(a.stems, b.stems)
	there := slices.ContainsFunc(a.Evidence, func(id meeting.SegmentID) bool { return slices.Contains(b.Evidence, id) })
	return share >= sameWords || there && share >= sameWordsThere
}

// confidence of a line: what a recogniser was sure of bounds it, and what cannot be checked halves it.
func (w *work) confidence(evidence []meeting.SegmentID, unverified string) float64 {
	sum, n := 0.0, 0.0
	for _, id := range evidence {
		if conf := float64(w.conf[id]); conf > 0 {
			sum, n = sum+conf, n+1
		}
	}
	sure := passed
	if n > 0 {
		sure *= min(sum/n, 1)
	}
	if unverified != "" {
		sure /= 2
	}
	return float64(int(sure*100+0.5)) / 100
}

// passed is the confidence of a line that passed all checks: they compare words, not meanings.
const passed = 0.9

// lineOf makes a line of a fact.
func (w *work) lineOf(kind string, f fact) minutes.Line {
	return w.newLine(kind, f.Text, f.Evidence, f.Unverified)
}

func (w *work) newLine(kind, text string, evidence []meeting.SegmentID, unverified string) minutes.Line {
	evidence = w.byTime(evidence)
	return minutes.Line{
		ID: minutes.LineID(kind, text, evidence), Text: text, Evidence: evidence, Confidence: w.confidence(evidence, unverified), Unverified: unverified,
	}
}

// byTime returns segments once each, by time, at most as many as a line may cite.
func (w *work) byTime(ids []meeting.SegmentID) []meeting.SegmentID {
	var once []meeting.SegmentID
	for _, id := range ids {
		if !slices.Contains(once, id) && len(once) < verify.MostEvidence {
			once = append(once, id)
		}
	}
	slices.SortStableFunc(once, func(a, b meeting.SegmentID) int { return cmp.Compare(w.place[a], w.place[b]) })
	return once
}

// ownerID returns the participant whom an owner's name means; "" if it is none, or may be several.
func ownerID(people []meeting.Person, owner string) meeting.ParticipantID {
	var id meeting.ParticipantID
	found := 0
	for _, p := range people {
		name, first := words.Fold(p.Name), ""
		for i, r := range name {
			if r == ' ' {
				first = name[:i]
				break
			}
		}
		switch words.Fold(owner) {
		case name:
			return p.Participant
		case first:
			id, found = p.Participant, found+1
		}
	}
	if found != 1 || owner == "" {
		return ""
	}
	return id
}
