package asr

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold returns the word as two hypotheses are compared: composed, in lower case, without punctuation at its edges. A word
// of punctuation alone folds to "".
func fold(word string) string {
	return strings.TrimFunc(strings.ToLower(norm.NFC.String(word)), isEdge)
}

func isEdge(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }

// sameWord says whether two hypotheses agree on a word.
func sameWord(a, b RecognizedWord) bool { return fold(a.Text) == fold(b.Text) }

// commonPrefix returns how many words a and b begin with in common.
func commonPrefix(a, b []RecognizedWord) int {
	n := 0
	for n < len(a) && n < len(b) && sameWord(a[n], b[n]) {
		n++
	}
	return n
}

// text joins words as readers see them.
func text(words []RecognizedWord) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = w.Text
	}
	return strings.Join(parts, " ")
}
