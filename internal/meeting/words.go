package meeting

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fields cuts text where a line may be broken: at white space and control characters. No-break spaces hold together, as
// French needs them before "?" and "!".
func Fields(text string) []string {
	const noBreak, narrowNoBreak = '\u00a0', '\u202f'
	return strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool {
		return (unicode.IsSpace(r) || unicode.IsControl(r)) && r != noBreak && r != narrowNoBreak
	})
}

// TextWords returns the words of the segment's text, as [Fields] cuts it, with the times of those that were recognised: one
// may consist of several ("l'" and "heure", or punctuation), and then has the lowest confidence of them. Where others were
// recognised, the segment's time is shared out, with its confidence.
func (s *Segment) TextWords() []Word {
	fields := Fields(s.Text)
	words := make([]Word, 0, len(fields))
	next := 0
	for _, field := range fields {
		w := Word{Text: field, P: 1}
		for rest, first := field, true; rest != ""; first = false {
			if next == len(s.Words) {
				return s.sharedOut(fields)
			}
			part := s.Words[next]
			next++
			after, ok := strings.CutPrefix(strings.TrimSpace(rest), strings.TrimSpace(part.Text))
			if !ok {
				return s.sharedOut(fields)
			}
			rest, w.T1, w.P = after, part.T1, min(w.P, part.P)
			if first {
				w.T0 = part.T0
			}
		}
		words = append(words, w)
	}
	return words
}

func (s *Segment) sharedOut(fields []string) []Word {
	words := make([]Word, len(fields))
	for i, f := range fields {
		words[i] = Word{Text: f, P: s.Conf}
	}
	ShareOut(words, s.T0, s.T1)
	return words
}

// ShareOut gives each word a share of the time from t0 to t1 in proportion to its length.
func ShareOut(words []Word, t0, t1 int64) {
	var total, done int64
	for _, w := range words {
		total += int64(utf8.RuneCountInString(w.Text))
	}
	span := max(t1-t0, 0)
	for i := range words {
		w := &words[i]
		w.T0 = t0 + part(span, done, total)
		done += int64(utf8.RuneCountInString(w.Text))
		w.T1 = t0 + part(span, done, total)
	}
}

// part returns span × done ÷ total without overflow.
func part(span, done, total int64) int64 {
	return span/total*done + span%total*done/total
}
