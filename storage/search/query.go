package search

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"

	"souffleur/internal/words"
)

// What a query may be at most: beyond it, nobody looks for something.
const (
	MaxQuery  = 200 // code points
	maxWanted = 16  // words
)

// Errors of [Index.Search] that are about the query.
var (
	ErrNothingWanted = errors.New("the query has no word to look for")
	ErrQueryTooLong  = errors.New("the query is too long")
)

// query is what a person is looking for: every word and every phrase must be in a segment.
type query struct {
	words   string   // outside of quotes
	phrases []string // inside
}

// quotes are the pairs of quotation marks that make a phrase. One that is not closed is closed by the end.
var quotes = map[rune]rune{'"': '"', '“': '”', '«': '»', '„': '“'}

// parseQuery reads what a person typed.
func parseQuery(typed string) (query, error) {
	if !utf8.ValidString(typed) || utf8.RuneCountInString(typed) > MaxQuery {
		return query{}, ErrQueryTooLong
	}
	var q query
	var plain, phrase strings.Builder
	var closing rune
	for _, r := range typed {
		switch {
		case closing != 0 && r == closing:
			q.phrases = append(q.phrases, phrase.String())
			phrase.Reset()
			closing = 0
		case closing != 0:
			phrase.WriteRune(r)
		case quotes[r] != 0:
			closing = quotes[r]
			plain.WriteByte(' ')
		default:
			plain.WriteRune(r)
		}
	}
	q.words = plain.String()
	if phrase.Len() > 0 {
		q.phrases = append(q.phrases, phrase.String())
	}
	return q, nil
}

// wanted is a query in the words of one language.
type wanted struct {
	all     []string // every word, those of phrases too: all must be there; sorted, each once
	single  []string // those outside of phrases
	phrases [][]place
}

// place is a word of a phrase and how far it stands behind the first, in words.
type place struct {
	word   string
	behind int
}

// in returns the query in the words of a language. No words: in that language there is nothing to look for.
func (q query) in(lang string) (wanted, error) {
	w := wanted{single: q.telling(lang)}
	w.all = slices.Clone(w.single)
	for _, phrase := range q.phrases {
		tokens := words.Of(lang, phrase)
		if len(tokens) == 0 {
			continue
		}
		places := make([]place, len(tokens))
		for i, t := range tokens {
			places[i] = place{string(t.Term), t.Position - tokens[0].Position}
			w.all = append(w.all, string(t.Term))
		}
		w.phrases = append(w.phrases, places)
	}
	slices.Sort(w.all)
	w.all = slices.Compact(w.all)
	if len(w.all) > maxWanted {
		return wanted{}, ErrQueryTooLong
	}
	return w, nil
}

// telling returns the words outside of phrases that must be there: those that tell segments apart, or all if none does.
func (q query) telling(lang string) []string {
	isFrequent := words.Frequent(lang, q.words)
	var all, telling []string
	for i, t := range words.Of(lang, q.words) {
		all = append(all, string(t.Term))
		if !isFrequent[i] {
			telling = append(telling, string(t.Term))
		}
	}
	if len(telling) == 0 && len(q.phrases) == 0 {
		return all
	}
	return telling
}

// find compares a text with what is wanted. It returns the places of the wanted words as code points of the text, [from, to),
// by rising place, or nothing if something wanted is missing.
func (w wanted) find(lang, text string) [][2]int {
	tokens := words.Of(lang, text)
	at := make(map[int]*analysis.Token, len(tokens)) // by position
	places := map[string][]int{}                     // positions of a word
	for _, t := range tokens {
		at[t.Position] = t
		places[string(t.Term)] = append(places[string(t.Term)], t.Position)
	}
	found := map[int]bool{}
	for _, word := range w.single {
		if len(places[word]) == 0 {
			return nil
		}
		for _, p := range places[word] {
			found[p] = true
		}
	}
	for _, phrase := range w.phrases {
		if !findPhrase(phrase, places, at, found) {
			return nil
		}
	}
	var spans [][2]int
	for _, t := range tokens {
		if found[t.Position] {
			from := utf8.RuneCountInString(text[:t.Start])
			spans = append(spans, [2]int{from, from + utf8.RuneCountInString(text[t.Start:t.End])})
		}
	}
	return spans
}

// findPhrase marks every occurrence of a phrase in found and says whether there was one.
func findPhrase(phrase []place, places map[string][]int, at map[int]*analysis.Token, found map[int]bool) bool {
	any := false
	for _, first := range places[phrase[0].word] {
		whole := !slices.ContainsFunc(phrase, func(p place) bool {
			t := at[first+p.behind]
			return t == nil || string(t.Term) != p.word
		})
		if !whole {
			continue
		}
		any = true
		for _, p := range phrase {
			found[first+p.behind] = true
		}
	}
	return any
}
