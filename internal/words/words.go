// Package words makes words of texts in a form in which they can be compared: without case and accents, by their stems in the
// languages that have a stemmer here. Search finds by them, minutes count by them.
package words

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/registry"
	"golang.org/x/text/unicode/norm"
)

// Unknown is the language of texts whose language is not known, or has no stemmer here: their words are only folded.
const Unknown = ""

// recipes says what is done to the folded words of a language, by the names of Bleve's filters, and which words of it are
// too frequent to tell texts apart. Words are folded first, so that what a person types without accents is stemmed the
// same way; most rules of the light stemmers hold without accents.
var recipes = map[string]struct{ before, stem, frequent string }{
	"de": {"", de.LightStemmerName, de.StopName},
	"en": {en.PossessiveName, en.SnowballStemmerName, en.StopName},
	"es": {"", es.LightStemmerName, es.StopName},
	"fr": {fr.ElisionName, fr.LightStemmerName, fr.StopName},
	"it": {it.ElisionName, it.LightStemmerName, it.StopName},
	"nl": {"", nl.SnowballStemmerName, nl.StopName},
	"pt": {"", pt.LightStemmerName, pt.StopName},
}

// Language returns the language by whose rules the words of a text in lang are made.
func Language(lang string) string {
	if _, ok := recipes[lang]; ok {
		return lang
	}
	return Unknown
}

// tokenizer cuts text at the word boundaries of Unicode (UAX 29).
var tokenizer = unicode.NewUnicodeTokenizer()

// tongue is how the words of one language are made.
type tongue struct {
	folding  []analysis.TokenFilter // up to where frequent words are told by their list
	stemming []analysis.TokenFilter // what comes after
	frequent map[string]bool        // folded
}

// tongues makes what all languages need, once. It must not be changed.
var tongues = sync.OnceValue(func() map[string]tongue {
	cache := registry.NewCache()
	named := func(name string) analysis.TokenFilter {
		f, err := cache.TokenFilterNamed(name)
		if err != nil {
			panic(err) // the names are those of linked packages; a test makes all
		}
		return f
	}
	all := map[string]tongue{Unknown: {folding: []analysis.TokenFilter{fold{}}}}
	for lang, r := range recipes {
		of := tongue{folding: []analysis.TokenFilter{fold{}}, stemming: []analysis.TokenFilter{named(r.stem)}, frequent: map[string]bool{}}
		if r.before != "" {
			of.folding = append(of.folding, named(r.before))
		}
		list, err := cache.TokenMapNamed(r.frequent)
		if err != nil {
			panic(err)
		}
		for word := range list {
			of.frequent[string(foldedBytes(word))] = true
		}
		all[lang] = of
	}
	return all
})

// Languages returns all languages, Unknown included.
func Languages() iter.Seq[string] { return maps.Keys(tongues()) }

// Analyzer returns what makes words of a language's text; last comes last. lang must be one of [Languages].
func Analyzer(lang string, last ...analysis.TokenFilter) analysis.Analyzer {
	of := tongues()[lang]
	return &analysis.DefaultAnalyzer{Tokenizer: tokenizer, TokenFilters: slices.Concat(of.folding, of.stemming, last)}
}

// Of returns the words of a text as they are compared, with their places in it.
func Of(lang, text string) analysis.TokenStream { return Analyzer(lang).Analyze([]byte(text)) }

// Frequent says of each word that [Of] gives whether it is one of the most frequent of its language.
func Frequent(lang, text string) []bool {
	of := tongues()[lang]
	folded := (&analysis.DefaultAnalyzer{Tokenizer: tokenizer, TokenFilters: of.folding}).Analyze([]byte(text))
	is := make([]bool, len(folded))
	for i, t := range folded {
		is[i] = of.frequent[string(t.Term)]
	}
	return is
}

// fold takes case, accents and ligatures off words ("Œuvrées" is "oeuvrees") and leaves their places as they are.
type fold struct{}

var ascii = asciifolding.New()

// Filter implements analysis.TokenFilter.
func (fold) Filter(tokens analysis.TokenStream) analysis.TokenStream {
	for _, t := range tokens {
		t.Term = foldedBytes(string(t.Term))
	}
	return tokens
}

// Fold takes case, accents and ligatures off a word.
func Fold(word string) string { return string(foldedBytes(word)) }

// foldedBytes folds a word. Only the marks of European scripts are taken off: elsewhere a mark may be a vowel.
func foldedBytes(word string) []byte {
	plain := strings.Map(func(r rune) rune {
		if r >= 0x0300 && r <= 0x036f { // Combining Diacritical Marks
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ToLower(word)))
	return ascii.Filter(norm.NFKC.Bytes([]byte(plain)))
}
