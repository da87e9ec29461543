package storage

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"souffleur/internal/meeting"
)

// maxAlignment bounds the table in which the words of a correction are compared with the recogniser's: 1 MiB cells of two
// bytes. A segment has some thirty words; a correction that would need more is not compared, its time is shared out.
const maxAlignment = 1 << 20

// timedWord is a word of a text with its time.
type timedWord struct {
	text   string
	t0, t1 int64 // ms of the room clock
	p      float32
}

// realign returns the words of text, which somebody wrote in place of what s says, with times: words that stayed keep
// theirs and their confidence; those between share out, by length, the time of the words they replaced. Words that people
// typed have confidence 1. A segment without words gets none.
func realign(s *meeting.Segment, text string) []meeting.Word {
	if len(s.Words) == 0 {
		return nil
	}
	old := wordsOf(s)
	fresh := make([]timedWord, 0, len(old))
	for _, f := range strings.Fields(text) {
		fresh = append(fresh, timedWord{text: f, p: 1})
	}
	done, from := 0, 0
	for _, pair := range sameWords(old, fresh) {
		fill(fresh[done:pair.fresh], old, from, pair.old)
		kept := &fresh[pair.fresh]
		kept.t0, kept.t1, kept.p = old[pair.old].t0, old[pair.old].t1, old[pair.old].p
		done, from = pair.fresh+1, pair.old+1
	}
	fill(fresh[done:], old, from, len(old))
	words := make([]meeting.Word, 0, len(fresh))
	last := min(s.T0, s.T1)
	for _, w := range fresh {
		w.t0 = max(w.t0, last)
		w.t1 = max(w.t1, w.t0)
		last = w.t0
		words = append(words, meeting.Word{Text: w.text, T0: w.t0, T1: w.t1, P: w.p})
	}
	return words
}

// wordsOf returns the words of the segment's text. Recognisers may cut finer than at white space: "l'" and "heure".
func wordsOf(s *meeting.Segment) []timedWord {
	fields := strings.Fields(s.Text)
	words := make([]timedWord, 0, len(fields))
	next := 0
	for _, field := range fields {
		w := timedWord{text: field, p: 1}
		for rest, first := field, true; rest != ""; first = false {
			if next == len(s.Words) {
				return sharedOut(fields, s)
			}
			part := s.Words[next]
			next++
			after, ok := strings.CutPrefix(rest, strings.TrimSpace(part.Text))
			if !ok {
				return sharedOut(fields, s)
			}
			rest, w.t1, w.p = after, part.T1, min(w.p, part.P)
			if first {
				w.t0 = part.T0
			}
		}
		words = append(words, w)
	}
	return words
}

// sharedOut gives the words of a text whose recognised words are others the segment's time.
func sharedOut(fields []string, s *meeting.Segment) []timedWord {
	words := make([]timedWord, len(fields))
	for i, f := range fields {
		words[i] = timedWord{text: f, p: s.Conf}
	}
	share(words, s.T0, s.T1)
	return words
}

// fill gives words the time of old[from:to], which they replace; if they replace nothing, the pause in which they stand.
func fill(words, old []timedWord, from, to int) {
	if len(words) == 0 {
		return
	}
	var t0, t1 int64
	switch {
	case from < to:
		t0, t1 = old[from].t0, old[to-1].t1
	case from > 0 && to < len(old):
		t0, t1 = old[from-1].t1, old[to].t0
	case from > 0:
		t0, t1 = old[from-1].t1, old[from-1].t1
	case to < len(old):
		t0, t1 = old[to].t0, old[to].t0
	}
	share(words, t0, t1)
}

// share gives each word a part of the time in proportion to its length.
func share(words []timedWord, t0, t1 int64) {
	t1 = max(t0, t1)
	var total, done int64
	for _, w := range words {
		total += int64(utf8.RuneCountInString(w.text))
	}
	for i := range words {
		w := &words[i]
		w.t0 = t0 + part(t1-t0, done, total)
		done += int64(utf8.RuneCountInString(w.text))
		w.t1 = t0 + part(t1-t0, done, total)
	}
}

// part returns span × done ÷ total without overflow: spans may come from outside.
func part(span, done, total int64) int64 {
	return span/total*done + span%total*done/total
}

// samePair is a word that stands in both texts.
type samePair struct{ old, fresh int }

// sameWords returns the longest common subsequence of two texts, by rising position. Case and punctuation do not count.
func sameWords(old, fresh []timedWord) []samePair {
	a, b := keysOf(old), keysOf(fresh)
	var pairs []samePair
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		pairs = append(pairs, samePair{head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for _, p := range commonWords(a[head:len(a)-tail], b[head:len(b)-tail]) {
		pairs = append(pairs, samePair{head + p.old, head + p.fresh})
	}
	for i := tail; i > 0; i-- {
		pairs = append(pairs, samePair{len(a) - i, len(b) - i})
	}
	return pairs
}

// commonWords is the longest common subsequence by dynamic programming; nothing if the table would be too large.
func commonWords(a, b []string) []samePair {
	if len(a) == 0 || len(b) == 0 || (len(a)+1)*(len(b)+1) > maxAlignment {
		return nil
	}
	width := len(b) + 1
	length := make([]uint16, (len(a)+1)*width) // of the longest subsequence of a[i:] and b[j:]; at most √maxAlignment
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
				continue
			}
			length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
		}
	}
	var pairs []samePair
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, samePair{i, j})
			i, j = i+1, j+1
		case length[(i+1)*width+j] >= length[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// keysOf returns the words as they are compared: letters and digits in lower case. Of a word without any, all of it.
func keysOf(words []timedWord) []string {
	keys := make([]string, len(words))
	for i, w := range words {
		keys[i] = strings.ToLower(strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
				return r
			}
			return -1
		}, w.text))
		if keys[i] == "" {
			keys[i] = w.text
		}
	}
	return keys
}
