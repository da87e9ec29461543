package remote

import (
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"souffleur/asr"
)

// words returns the words of an answer with times in [0, length], in order. voiceEnd is where the voice ends, 0 if unknown.
func (a answer) words(length, voiceEnd time.Duration) []asr.RecognizedWord {
	words := a.timedWords()
	if words == nil {
		words = a.segmentWords()
	}
	if words == nil {
		if voiceEnd <= 0 || voiceEnd > length {
			voiceEnd = length
		}
		words = sharedOut(fieldsOf(a.text()), 0, voiceEnd, 0)
	}
	orderTimes(words, length)
	return words
}

// timedWords returns the words that the service has times for, spelled as in its text; nil if it has none.
func (a answer) timedWords() []asr.RecognizedWord {
	pieces := a.pieces()
	timed := false
	for _, p := range pieces {
		timed = timed || p.start >= 0
	}
	if !timed {
		return nil
	}
	if words := aligned(fieldsOf(a.text()), pieces); words != nil {
		return words
	}
	return joined(pieces)
}

// text is the whole text. Segments are cut anywhere by whisper.cpp's server, also within a word: what does not begin with a
// space then goes on with the word before.
func (a answer) text() string {
	var b strings.Builder
	spaced := len(a.Segments) > 0 && strings.HasPrefix(a.Segments[0].Text, " ")
	for i, s := range a.Segments {
		if i > 0 && !spaced {
			b.WriteByte(' ')
		}
		b.WriteString(s.Text)
	}
	if strings.TrimSpace(b.String()) == "" && a.Text != nil {
		return *a.Text
	}
	return b.String()
}

// spoken is a piece of text with its time; negative times are unknown.
type spoken struct {
	text       string
	start, end time.Duration
	p          float32
}

// pieces returns the words of an answer in order, whichever place the service puts them in.
func (a answer) pieces() []spoken {
	var out []spoken
	add := func(words []piece, segment number) {
		for _, w := range words {
			p := w.probability()
			if !p.known {
				p = segment
			}
			out = append(out, spoken{w.Word, w.Start.duration(), w.End.duration(), float32(min(max(p.value, 0), 1))})
		}
	}
	if len(a.Words) > 0 {
		add(a.Words, probabilityOf(a.logProb()))
		return out
	}
	for _, s := range a.Segments {
		add(s.Words, probabilityOf(s.logProb()))
	}
	return out
}

func probabilityOf(logProb number) number {
	if !logProb.known {
		return number{}
	}
	return number{value: math.Exp(min(logProb.value, 0)), known: true}
}

// aligned gives the words of a text the times of the pieces they consist of. Pieces may lack punctuation (OpenAI) or be parts
// of words (whisper.cpp). If text and pieces differ in their letters it returns nil.
func aligned(text []string, pieces []spoken) []asr.RecognizedWord {
	out := make([]asr.RecognizedWord, 0, len(text))
	for _, t := range text {
		w := asr.RecognizedWord{Text: t, Start: -1, End: -1}
		n := 0
		for rest := letters(t); rest != ""; {
			if len(pieces) == 0 {
				return nil
			}
			p := pieces[0]
			pieces = pieces[1:]
			part := letters(p.text)
			if part == "" {
				continue // punctuation stands in the text
			}
			after, ok := strings.CutPrefix(rest, part)
			if !ok {
				return nil
			}
			rest = after
			w.P = (w.P*float32(n) + p.p) / float32(n+1)
			n++
			if w.Start < 0 {
				w.Start = p.start
			}
			w.End = max(w.End, p.end)
		}
		out = append(out, w)
	}
	for _, p := range pieces {
		if letters(p.text) != "" {
			return nil
		}
	}
	return out
}

// letters returns what two spellings of a word are compared by: its letters and digits in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFC.String(s))
}

// joined makes words of pieces alone. If some begin with a space, those that do not go on with the word before.
func joined(pieces []spoken) []asr.RecognizedWord {
	spaced := false
	for _, p := range pieces[min(1, len(pieces)):] {
		spaced = spaced || strings.HasPrefix(p.text, " ")
	}
	var out []asr.RecognizedWord
	for _, p := range pieces {
		said := strings.Join(strings.Fields(p.text), noBreakSpace)
		if n := len(out); spaced && n > 0 && !strings.HasPrefix(p.text, " ") {
			out[n-1].Text += said
			out[n-1].End = max(out[n-1].End, p.end)
			continue
		}
		if said != "" {
			out = append(out, asr.RecognizedWord{Text: said, Start: p.start, End: p.end, P: p.p})
		}
	}
	return out
}

// segmentWords shares out the time of each segment among its words; nil if the service has no times for segments.
func (a answer) segmentWords() []asr.RecognizedWord {
	var out []asr.RecognizedWord
	for _, s := range a.Segments {
		start, end := s.Start.duration(), s.End.duration()
		if start < 0 || end < start {
			return nil
		}
		out = append(out, sharedOut(fieldsOf(s.Text), start, end, float32(probabilityOf(s.logProb()).value))...)
	}
	return out
}

// sharedOut gives each word a share of the time in proportion to its length.
func sharedOut(words []string, start, end time.Duration, p float32) []asr.RecognizedWord {
	total := 0
	for _, w := range words {
		total += utf8.RuneCountInString(w)
	}
	out := make([]asr.RecognizedWord, 0, len(words))
	done := 0
	place := func() time.Duration { return start + time.Duration(float64(end-start)*float64(done)/float64(total)) }
	for _, w := range words {
		word := asr.RecognizedWord{Text: w, Start: place(), P: p}
		done += utf8.RuneCountInString(w)
		word.End = place()
		out = append(out, word)
	}
	return out
}

// noBreakSpace stands where French has a space before ? ! : ; and inside quotation marks: such a word stays one word.
const noBreakSpace = "\u00a0"

// fieldsOf returns the words of a text. One of punctuation only is joined to the word before it, or, if it opens something or is
// the first, to the word after it.
func fieldsOf(text string) []string {
	var out []string
	prefix := ""
	for _, f := range strings.Fields(text) {
		switch {
		case letters(f) != "":
			out = append(out, prefix+f)
			prefix = ""
		case opens(f) || len(out) == 0:
			prefix += f + noBreakSpace
		default:
			out[len(out)-1] += noBreakSpace + f
		}
	}
	if prefix != "" && len(out) > 0 {
		out[len(out)-1] += noBreakSpace + strings.TrimSuffix(prefix, noBreakSpace)
	}
	return out
}

// opens says whether punctuation belongs to what follows it.
func opens(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.Ps, unicode.Pi) && r != '¿' && r != '¡' {
			return false
		}
	}
	return true
}

// orderTimes puts the times of words into [0, length], in order. A word whose time is unknown takes the end of the one before it;
// where two words overlap the first gives way.
func orderTimes(words []asr.RecognizedWord, length time.Duration) {
	var last, end time.Duration // where the word before begins and ends
	for i := range words {
		w := &words[i]
		if w.Start < 0 {
			w.Start = end
		}
		w.Start = min(max(w.Start, last), length)
		w.End = min(max(w.End, w.Start), length)
		if i > 0 {
			words[i-1].End = min(words[i-1].End, w.Start)
		}
		last, end = w.Start, w.End
	}
}
