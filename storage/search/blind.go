package search

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/blevesearch/bleve/v2/analysis"

	"souffleur/internal/seal"
)

// blindSize is the length of a blind word in bytes. Among the 2^13 words of a long meeting two share one once in 2^38
// meetings, and a match is compared with the text before it is shown.
const blindSize = 8

// blindPurpose is what the key for blind words is derived for; another one makes another index.
const blindPurpose = "souffleur search words 1"

// blinder makes blind words of one meeting.
type blinder struct{ key []byte }

func newBlinder(archive seal.Key) blinder { return blinder{archive.Derive(blindPurpose)} }

// of returns the blind word for a word of a language as [words] gives it.
func (b blinder) of(lang, word string) []byte {
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(lang + "\x00" + word))
	return mac.Sum(nil)[:blindSize]
}

// blind is the last filter of an analyzer: nothing readable comes after it.
type blind struct {
	blinder
	lang string
}

// Filter implements analysis.TokenFilter.
func (b blind) Filter(tokens analysis.TokenStream) analysis.TokenStream {
	for _, t := range tokens {
		t.Term = b.of(b.lang, string(t.Term))
	}
	return tokens
}
