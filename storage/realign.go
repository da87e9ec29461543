package storage

import (
	"strings"
	"unicode"

	"souffleur/internal/meeting"
)

// maxAlignment bounds the table in which the words of a correction are compared with the recogniser's: 1 MiB cells of two
// bytes. A segment has some thirty words; a correction that would need more is not compared, its time is shared out.
const maxAlignment = 1 << 20

// realign returns the words of text, which somebody wrote in place of what s says, with times: words that stayed keep
// theirs and their confidence; those between share out, by length, the time of the words they replaced. Words that people
// typed have confidence 1. A segment without words gets none.
func realign(s *meeting.Segment, text string) []meeting.Word {
	if len(s.Words) == 0 {
		return nil
	}
	old := s.TextWords()
	fresh := make([]meeting.Word, 0, len(old))
	for _, f := range meeting.Fields(text) {
		fresh = append(fresh, meeting.Word{Text: f, P: 1})
	}
	done, from := 0, 0
	for _, pair := range sameWords(old, fresh) {
		fill(fresh[done:pair.fresh], old, from, pair.old)
		kept := &fresh[pair.fresh]
		kept.T0, kept.T1, kept.P = old[pair.old].T0, old[pair.old].T1, old[pair.old].P
		done, from = pair.fresh+1, pair.old+1
	}
	fill(fresh[done:], old, from, len(old))
	last := min(s.T0, s.T1)
	for i := range fresh { // in order, whatever the recogniser said
		w := &fresh[i]
		w.T0 = max(w.T0, last)
		w.T1 = max(w.T1, w.T0)
		last = w.T0
	}
	return fresh
}

// fill gives words the time of old[from:to], which they replace; if they replace nothing, the pause in which they stand.
func fill(words, old []meeting.Word, from, to int) {
	if len(words) == 0 {
		return
	}
	var t0, t1 int64
	switch {
	case from < to:
		t0, t1 = old[from].T0, old[to-1].T1
	case from > 0 && to < len(old):
		t0, t1 = old[from-1].T1, old[to].T0
	case from > 0:
		t0, t1 = old[from-1].T1, old[from-1].T1
	case to < len(old):
		t0, t1 = old[to].T0, old[to].T0
	}
	meeting.ShareOut(words, t0, t1)
}

// samePair is a word that stands in both texts.
type samePair struct{ old, fresh int }

// sameWords returns the longest common subsequence of two texts, by rising position. Case and punctuation do not count.
func sameWords(old, fresh []meeting.Word) []samePair {
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
func keysOf(words []meeting.Word) []string {
	keys := make([]string, len(words))
	for i, w := range words {
		keys[i] = strings.ToLower(strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
				return r
			}
			return -1
		}, w.Text))
		if keys[i] == "" {
			keys[i] = w.Text
		}
	}
	return keys
}
