package parakeet

import (
	"math"
	"strings"

	"souffleur/internal/whispercpp"
)

// leastP is the probability that a token has at least. The engine computes probabilities in single precision without guarding
// against overflow: a sum that does is no number.
const leastP = 1e-9

// logOf returns the natural log of a token's probability.
func logOf(p float64) float64 {
	if !(p >= leastP) {
		p = leastP
	}
	return math.Log(min(p, 1))
}

// spokenTokens drops what the vocabulary has for purposes other than speech: "<|nospeech|>", "<pad>".
func spokenTokens(tokens []whispercpp.Token) []whispercpp.Token {
	spoken := tokens[:0]
	for _, t := range tokens {
		text := strings.TrimSpace(t.Text)
		if len(text) > 2 && strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") {
			continue
		}
		spoken = append(spoken, t)
	}
	return spoken
}

// timedByLetters gives punctuation the end of what it follows: the transducer has a time for it, but nobody speaks it. The
// library does so itself for ASCII only.
func timedByLetters(tokens []whispercpp.Token) []whispercpp.Token {
	for i := 1; i < len(tokens); i++ {
		if whispercpp.IsPunctuation(strings.TrimSpace(tokens[i].Text)) {
			tokens[i].Start, tokens[i].End = tokens[i-1].End, tokens[i-1].End
		}
	}
	return tokens
}
