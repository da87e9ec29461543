package prose

import (
	"unicode"

	"souffleur/internal/words"
)

// Token is one word of a text.
type Token struct {
	Stem       string // folded
	Start, End int    // bytes of the text
	Plain      bool   // it says nothing of what the text is about: a frequent word, a filler, a single letter
}

// prefix is what is kept of words in languages without a stemmer here, in letters.
const prefix = 6

// Tokens returns the words of a text, in order. Languages without a list of frequent words have no plain ones, but single letters.
func Tokens(lang, text string) []Token {
	l := words.Language(lang)
	stream := words.Of(l, text)
	frequent := words.Frequent(l, text)
	tokens := make([]Token, len(stream))
	for i, t := range stream {
		stem := string(t.Term)
		if l == words.Unknown {
			stem = firstLetters(stem, prefix)
		}
		plain := i < len(frequent) && frequent[i] || len(stem) < 2 && !isDigits(stem) || fillers[lang][stem] || common[lang][stem]
		tokens[i] = Token{Stem: stem, Start: t.Start, End: t.End, Plain: plain}
	}
	return tokens
}

// Stems returns the stems of the words of a text that carry meaning.
func Stems(lang, text string) []string { return stemsOf(Tokens(lang, text)) }

func stemsOf(tokens []Token) []string {
	stems := make([]string, 0, len(tokens))
	for _, t := range tokens {
		if !t.Plain {
			stems = append(stems, t.Stem)
		}
	}
	return stems
}

// common are words that the lists of search leave in, because somebody may look for them, and that fill every meeting. Folded.
var common = map[string]map[string]bool{
	"en": set("okay ok yeah yes no just like know think go get got well right really thing things mean say said want would could also maybe sort kind bit lot actually one going gonna let us"),
	"fr": set("oui non ok bon ben alors donc voila quoi chose chos peut faire fair fait dire dir dit vais va aller all parc que quand etre etr avoir apres bien tres aussi plus juste truc genre enfin effectivement"),
}

func isDigits(s string) bool {
	for _, r := range s {
		if !unicode.IsDigit(r) {
			return false
		}
	}
	return s != ""
}

func firstLetters(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

const (
	// everyTenth and atLeast are in how many sentences a word of a language without a list of frequent words may be, before it is taken
	// for one.
	everyTenth = 10
	atLeast    = 4
)

// dropFrequent takes the frequent words out of the stems of sentences whose language has no list of them.
func dropFrequent(sentences []Sentence) {
	said, all := map[string]int{}, 0
	for i := range sentences {
		if s := &sentences[i]; words.Language(s.Lang) == words.Unknown {
			all++
			once := map[string]bool{}
			for _, stem := range s.Stems {
				if !once[stem] {
					once[stem] = true
					said[stem]++
				}
			}
		}
	}
	if all == 0 {
		return
	}
	most := max(atLeast, all/everyTenth)
	for i := range sentences {
		s := &sentences[i]
		if words.Language(s.Lang) != words.Unknown {
			continue
		}
		for j := range s.Tokens {
			if t := &s.Tokens[j]; said[t.Stem] > most {
				t.Plain = true
			}
		}
		s.Stems = stemsOf(s.Tokens)
	}
}
