package whispercpp

import (
	"math"
	"strings"
	"time"
	"unicode"

	"souffleur/asr"
)

// Token is one text token of a decode.
type Token struct {
	Text       string        // its bytes: possibly a part of a UTF-8 character; a space in front begins a word
	LogP       float64       // natural log of its probability
	Start, End time.Duration // from the first sample; negative if the engine does not know
}

// MeanLogProb returns the mean natural log of the tokens' probabilities, 0 without tokens.
func MeanLogProb(tokens []Token) float64 {
	if len(tokens) == 0 {
		return 0
	}
	sum := 0.0
	for _, t := range tokens {
		sum += t.LogP
	}
	return sum / float64(len(tokens))
}

// WordsOf joins tokens to words. A word begins where a token begins with a space, as the model's vocabulary has it; in a
// script without spaces a phrase is one word. Tokens may cut UTF-8 characters, words do not. A word of punctuation only is
// joined to its neighbour ("quoi" + " ?"). Times lie within [0, length] and never run backwards.
func WordsOf(tokens []Token, length time.Duration) []asr.RecognizedWord {
	var words []asr.RecognizedWord
	for len(tokens) > 0 {
		n := wordLength(tokens)
		if w, ok := joinTokens(tokens[:n]); ok {
			words = append(words, w)
		}
		tokens = tokens[n:]
	}
	words = attachPunctuation(words)
	orderTimes(words, length)
	return words
}

// wordLength returns how many of the first tokens form a word, at least 1.
func wordLength(tokens []Token) int {
	for i := 1; i < len(tokens); i++ {
		if strings.HasPrefix(tokens[i].Text, " ") {
			return i
		}
	}
	return len(tokens)
}

// joinTokens makes one word of tokens; ok is false if nothing readable is in them.
func joinTokens(tokens []Token) (w asr.RecognizedWord, ok bool) {
	var text strings.Builder
	for _, t := range tokens {
		text.WriteString(t.Text)
	}
	w.Text = strings.TrimSpace(strings.ToValidUTF8(text.String(), ""))
	w.P = float32(confidence(tokens))
	w.Start, w.End = tokens[0].Start, tokens[len(tokens)-1].End
	return w, w.Text != ""
}

// confidence is the geometric mean of the tokens' probabilities. Punctuation does not count beside letters: whether a
// comma belongs there says nothing about the word.
func confidence(tokens []Token) float64 {
	sum, n := 0.0, 0
	for _, t := range tokens {
		if !IsPunctuation(strings.TrimSpace(t.Text)) {
			sum += t.LogP
			n++
		}
	}
	if n == 0 {
		sum, n = MeanLogProb(tokens), 1
	}
	return math.Exp(sum / float64(n))
}

// IsPunctuation says whether s is nothing but punctuation.
func IsPunctuation(s string) bool {
	for _, r := range s {
		if !unicode.IsPunct(r) {
			return false
		}
	}
	return s != ""
}

// noBreakSpace stands where French has a space before ? ! : ; and inside quotation marks: such a word stays one word.
const noBreakSpace = "\u00a0"

// attachPunctuation joins each word of punctuation only to the word before it, or, if it opens something or is the first,
// to the word after it. A joined word keeps the time and confidence of its letters.
func attachPunctuation(words []asr.RecognizedWord) []asr.RecognizedWord {
	kept := words[:0]
	prefix := ""
	for _, w := range words {
		switch {
		case !IsPunctuation(w.Text):
			w.Text = prefix + w.Text
			prefix = ""
			kept = append(kept, w)
		case opens(w.Text) || len(kept) == 0:
			prefix += w.Text + noBreakSpace
		default:
			kept[len(kept)-1].Text += noBreakSpace + w.Text
		}
	}
	if prefix != "" && len(kept) > 0 {
		kept[len(kept)-1].Text += noBreakSpace + strings.TrimSuffix(prefix, noBreakSpace)
	}
	return kept
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

// orderTimes puts the times of words into [0, length], in order. A word whose time is unknown takes the end of the one
// before it. Where two words overlap the first gives way: the engine stretches words over the pause behind them.
func orderTimes(words []asr.RecognizedWord, length time.Duration) {
	var last time.Duration
	for i := range words {
		w := &words[i]
		w.Start = min(max(w.Start, last), length)
		w.End = min(max(w.End, w.Start), length)
		if i > 0 {
			words[i-1].End = min(words[i-1].End, w.Start)
		}
		last = w.Start
	}
}
