package extract

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
)

// quoter makes lines of sentences, and remembers which segments they cite.
type quoter struct {
	sentences []prose.Sentence
	place     map[meeting.SegmentID]int // in the transcript
	cited     map[meeting.SegmentID]bool
}

func newQuoter(job *minutes.Job, sentences []prose.Sentence) *quoter {
	q := &quoter{sentences: sentences, place: make(map[meeting.SegmentID]int, len(job.Segments)), cited: map[meeting.SegmentID]bool{}}
	for i := range job.Segments {
		q.place[job.Segments[i].Seg] = i
	}
	return q
}

// line quotes sentence i, with the one before if it cannot be understood without; follows says that this one is shown right before.
// Sentences in also are evidence too, but not quoted: who agreed.
func (q *quoter) line(kind string, i int, follows bool, also []int, confidence float64) minutes.Line {
	text := q.clean(i)
	rests := append([]int{i}, also...)
	if before := i - 1; !follows && q.needsContext(i) {
		text = q.clean(before) + joint(q.sentences[before].Speaker == q.sentences[i].Speaker) + text
		rests = append(rests, before)
	}
	evidence := q.evidence(rests)
	return minutes.Line{
		ID: minutes.LineID(kind, text, evidence), Text: text, Evidence: evidence,
		Confidence: math.Round(confidence*100) / 100, Quote: true,
	}
}

// joint stands between two sentences: a dash where another person goes on, as in a printed dialogue.
func joint(same bool) string {
	if same {
		return " "
	}
	return " — "
}

// clean returns what a sentence says, without fillers; the whole of it if nothing else is left.
func (q *quoter) clean(i int) string {
	s := &q.sentences[i]
	if text := prose.Clean(s.Lang, s.Text); text != "" {
		return text
	}
	return s.Text
}

// evidence returns the segments of sentences, each once, by time.
func (q *quoter) evidence(sentences []int) []meeting.SegmentID {
	var all []meeting.SegmentID
	for _, i := range sentences {
		all = append(all, q.sentences[i].Segments...)
	}
	slices.SortStableFunc(all, func(a, b meeting.SegmentID) int { return cmp.Compare(q.place[a], q.place[b]) })
	all = slices.Compact(all)
	for _, id := range all {
		q.cited[id] = true
	}
	return all
}

const (
	// contextPause is after how long a silence what was said before explains nothing any more, ms.
	contextPause = 10_000
	// bare is how few meaningful words a sentence has that cannot be understood without the one before.
	bare = 2
)

// needsContext says whether sentence i points to what was said right before it, and that can be quoted with it.
func (q *quoter) needsContext(i int) bool {
	if i == 0 {
		return false
	}
	s, before := &q.sentences[i], &q.sentences[i-1]
	if before.Words < 3 || before.Words+s.Words > longest || len(before.Text) > lengthiest || len(before.Segments) > manySegments || s.T0-before.T1 > contextPause {
		return false
	}
	return len(s.Stems) <= bare || pointsBack(s.Lang, s.Text)
}

// pronouns at the beginning of a sentence stand for what was said before. Folded. "Il y a" and "il faut" stand for nothing.
var pronouns = map[string]map[string]bool{
	"en": set("it it's it'll they they're they'll he he's she she's this that that's these those them their his her its which"),
	"fr": set("il elle ils elles ca cela celui celle ceux celles c'est c'etait ce leur lui ceci celui-ci celle-ci laquelle lequel"),
}

// openers may stand before such a pronoun.
var openers = map[string]map[string]bool{
	"en": set("and but so because then well yes no okay ok right"),
	"fr": set("et mais donc alors parce que puis oui non ok bon ben car"),
}

// impersonal follow a French "il" that stands for nothing.
var impersonal = set("y faut faudra faudrait s'agit reste est")

func pointsBack(lang, text string) bool {
	fields := strings.Fields(strings.ReplaceAll(text, "’", "'"))
	for i, w := range fields {
		word := words.Fold(strings.Trim(w, ",.;:!?…"))
		if openers[lang][word] || prose.IsFiller(lang, w) {
			continue
		}
		if word == "il" && i+1 < len(fields) && impersonal[words.Fold(fields[i+1])] {
			return false
		}
		return pronouns[lang][word]
	}
	return false
}

func set(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// sureOfRank is the confidence in a point: how central it is, never less than one half, as it is a quote in any case.
func sureOfRank(rank float64) float64 { return 0.5 + rank/2 }

const (
	// titlePhrases are the keyphrases of a title.
	titlePhrases = 3
	// titleWords are the first words of a point that stand for a title where no phrase is said twice.
	titleWords = 6
)

// titleOf returns the title of a topic: its keyphrases, else the beginning of its first point.
func titleOf(phrases []string, points []minutes.Line) string {
	if len(phrases) > 0 {
		return strings.Join(phrases, ", ")
	}
	fields := meeting.Fields(points[0].Text)
	if len(fields) <= titleWords {
		return points[0].Text
	}
	return strings.TrimRight(strings.Join(fields[:titleWords], " "), ",;:.") + " …"
}
