package whisper

import (
	"math"
	"strings"
	"time"
	"unicode"

	"souffleur/asr"
)

// token is one text token of a decode.
type token struct {
	text       string        // its bytes: possibly a part of a UTF-8 character
	logP       float64       // natural log of its probability
	start, end time.Duration // from the first sample; negative if the engine does not know
}

// echoTokens is how many tokens may begin where the audio ends: a last short word whose time is vague.
const echoTokens = 5

// withoutEcho drops text behind the end of the audio: a model that does not find the end of its text says sentences again,
// and the engine places all of them on the last instant.
func withoutEcho(tokens []token, length time.Duration) []token {
	i := len(tokens)
	for i > 0 && tokens[i-1].start >= length-10*time.Millisecond { // the unit of times
		i--
	}
	for i > 0 && i < len(tokens) && !strings.HasPrefix(tokens[i].text, " ") { // the rest of a word that began before
		i++
	}
	if len(tokens)-i <= echoTokens {
		return tokens
	}
	return tokens[:i]
}

// meanLogProb returns the mean natural log of the tokens' probabilities, 0 without tokens.
func meanLogProb(tokens []token) float64 {
	if len(tokens) == 0 {
		return 0
	}
	sum := 0.0
	for _, t := range tokens {
		sum += t.logP
	}
	return sum / float64(len(tokens))
}

// wordsOf joins tokens to words. A word begins where a token begins with a space, as the model's vocabulary has it; in a
// script without spaces a phrase is one word. Tokens may cut UTF-8 characters, words do not. A word of punctuation only is
// joined to its neighbour ("quoi" + " ?"). Times lie within [0, length] and never run backwards.
func wordsOf(tokens []token, length time.Duration) []asr.RecognizedWord {
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
func wordLength(tokens []token) int {
	for i := 1; i < len(tokens); i++ {
		if strings.HasPrefix(tokens[i].text, " ") {
			return i
		}
	}
	return len(tokens)
}

// joinTokens makes one word of tokens; ok is false if nothing readable is in them.
func joinTokens(tokens []token) (w asr.RecognizedWord, ok bool) {
	var text strings.Builder
	for _, t := range tokens {
		text.WriteString(t.text)
	}
	w.Text = strings.TrimSpace(strings.ToValidUTF8(text.String(), ""))
	w.P = float32(confidence(tokens))
	w.Start, w.End = tokens[0].start, tokens[len(tokens)-1].end
	return w, w.Text != ""
}

// confidence is the geometric mean of the tokens' probabilities. Punctuation does not count beside letters: whether a
// comma belongs there says nothing about the word.
func confidence(tokens []token) float64 {
	sum, n := 0.0, 0
	for _, t := range tokens {
		if !isPunctuation(strings.TrimSpace(t.text)) {
			sum += t.logP
			n++
		}
	}
	if n == 0 {
		sum, n = meanLogProb(tokens), 1
	}
	return math.Exp(sum / float64(n))
}

func isPunctuation(s string) bool {
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
		case !isPunctuation(w.Text):
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
