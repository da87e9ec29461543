package eval

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Span is a stretch of time since a zero that is common to all that is compared.
type Span struct{ From, To time.Duration }

func (s Span) overlaps(t Span) bool { return s.From < t.To && t.From < s.To }

// Lags are delays.
type Lags []time.Duration

// At returns the p-th percentile by nearest rank; 0 of none.
func (l Lags) At(p int) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	return sorted[max(0, (p*len(sorted)+99)/100-1)]
}

// Mean returns the mean; 0 of none.
func (l Lags) Mean() time.Duration {
	if len(l) == 0 {
		return 0
	}
	sum := time.Duration(0)
	for _, d := range l {
		sum += d
	}
	return sum / time.Duration(len(l))
}

// Word is a word of a reference, in the form of [Normalize], and when it was said.
type Word struct {
	Text string
	Span
}

// Timed gives the words of text in lang, which was said in utterances (in order, apart), times that are estimated: the words
// follow each other without a pause inside utterances, each as long as its characters and one more for the gap behind it.
func Timed(lang, text string, utterances []Span) []Word {
	said := Normalize(lang, text)
	whole := 0
	for _, w := range said {
		whole += letters(w)
	}
	var voice time.Duration
	for _, u := range utterances {
		voice += u.To - u.From
	}
	words := make([]Word, len(said))
	before := 0
	for i, w := range said {
		from := voice * time.Duration(before) / time.Duration(whole)
		before += letters(w)
		to := voice * time.Duration(before) / time.Duration(whole)
		words[i] = Word{w, Span{spokenAt(utterances, from, false), spokenAt(utterances, to, true)}}
	}
	return words
}

func letters(word string) int { return len([]rune(word)) + 1 }

// spokenAt returns when so much had been said. Between two utterances that is the end of the first or the beginning of the
// second.
func spokenAt(utterances []Span, said time.Duration, end bool) time.Duration {
	at := time.Duration(0)
	for _, u := range utterances {
		length := u.To - u.From
		at = u.To
		if said < length || said == length && end {
			return u.From + said
		}
		said -= length
	}
	return at
}

// Shown is an update, the time it was shown at, and the time of the speech that it claims to write.
type Shown struct {
	Update
	At   time.Duration
	Says Span
}

// WordLags are the lags of the words that finals have, in the order of the reference.
type WordLags struct {
	First     Lags // to the first caption with the word
	Committed Lags // to the first caption in whose stable text it was; a final is stable
	Final     Lags // to the first final with it
	Missed    int  // words of the reference that no final has
}

// Add joins two scores.
func (l WordLags) Add(m WordLags) WordLags {
	return WordLags{
		First: append(slices.Clip(l.First), m.First...), Committed: append(slices.Clip(l.Committed), m.Committed...),
		Final: append(slices.Clip(l.Final), m.Final...), Missed: l.Missed + m.Missed,
	}
}

// FollowWords finds for each word of a reference when readers saw it. shown holds the captions of one speaker, in the order of
// their times.
//
// The last finals of all segments, in the order of speech, are aligned with the reference. So each segment gets its words of
// the reference, and every caption of the segment is aligned with those alone: a final with all of them, a partial with as
// many as it has come to. A word counts as seen where it is aligned with an equal word.
func FollowWords(reference []Word, shown []Shown) WordLags {
	texts := make([]string, len(reference))
	for i, w := range reference {
		texts[i] = w.Text
	}
	seen := make([]sighting, len(reference))
	for _, s := range segmentsOf(texts, shown) {
		s.follow(texts[s.from:s.to], seen[s.from:s.to])
	}
	var lags WordLags
	for i, w := range reference {
		if !seen[i].kept {
			lags.Missed++
			continue
		}
		lags.First = append(lags.First, seen[i].first-w.To)
		lags.Committed = append(lags.Committed, seen[i].committed-w.To)
		lags.Final = append(lags.Final, seen[i].final-w.To)
	}
	return lags
}

// segment is the captions of a segment with a final, and its words of the reference, from and before to.
type segment struct {
	shown    []Shown
	last     Shown // final
	words    []string
	from, to int
}

// segmentsOf returns the segments with finals, in the order of speech, each with its words of the reference.
func segmentsOf(reference []string, shown []Shown) []*segment {
	all := make(map[string]*segment)
	for _, u := range shown {
		s := all[u.Segment]
		if s == nil {
			s = &segment{}
			all[u.Segment] = s
		}
		s.shown = append(s.shown, u)
		if u.Final {
			s.last, s.words = u, Normalize(u.Lang, u.Text)
		}
	}
	maps.DeleteFunc(all, func(_ string, s *segment) bool { return !s.last.Final })
	sorted := slices.SortedFunc(maps.Values(all), func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.last.Says.From, b.last.Says.From), cmp.Compare(a.last.Segment, b.last.Segment))
	})
	var whole []string
	for _, s := range sorted {
		whole = append(whole, s.words...)
	}
	placed := align(reference, whole, false)
	begin := 0
	for _, s := range sorted {
		s.claim(placed, begin)
		begin += len(s.words)
	}
	return sorted
}

// claim gives s the stretch of the reference that is aligned with its words, which are those from begin on of all finals.
func (s *segment) claim(placed []int, begin int) {
	first := true
	for i, j := range placed {
		if j < begin || j >= begin+len(s.words) {
			continue
		}
		if first {
			s.from, first = i, false
		}
		s.to = i + 1
	}
}

// sighting is when a word of the reference was seen.
type sighting struct {
	kept                             bool // the last final has it
	first, committed, final          time.Duration
	wasFirst, wasCommitted, wasFinal bool
}

func (s *segment) follow(reference []string, seen []sighting) {
	for i, j := range align(reference, s.words, false) {
		seen[i].kept = j >= 0 && reference[i] == s.words[j]
	}
	for _, u := range s.shown {
		said := Normalize(u.Lang, u.Text)
		stable := len(said)
		if !u.Final {
			runes := []rune(u.Text)
			stable = len(Normalize(u.Lang, strings.TrimSpace(string(runes[:max(0, min(u.Stable, len(runes)))]))))
		}
		for i, j := range align(reference, said, !u.Final) {
			if j >= 0 && reference[i] == said[j] {
				seen[i].see(u.At, j < stable, u.Final)
			}
		}
	}
}

func (s *sighting) see(at time.Duration, stable, final bool) {
	if !s.wasFirst {
		s.first, s.wasFirst = at, true
	}
	if stable && !s.wasCommitted {
		s.committed, s.wasCommitted = at, true
	}
	if final && !s.wasFinal {
		s.final, s.wasFinal = at, true
	}
}
