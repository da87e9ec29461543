package eval

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normalize brings text in lang ("fr", "en"; others like French but for numbers and elisions) to the form in which it is
// scored, as words:
//
//  1. compatibility composition (NFKC), lower case, one form of apostrophe;
//  2. text in brackets and parentheses is dropped: it is not speech;
//  3. numbers in digits become words, so that "3,5 %" equals "trois virgule cinq pour cent"; ordinals in digits, too;
//  4. fr: l', d', qu' and the like are words of their own ("l'été" is "l" "été"; "aujourd'hui" stays whole);
//     en: contractions are spelled out ("don't" is "do" "not");
//  5. all other punctuation, hyphens included, separates words. Accents are kept.
func Normalize(lang, text string) []string {
	text = strings.ToLower(norm.NFKC.String(text))
	text = strings.NewReplacer("’", "'", "ʼ", "'", "`", "'", "´", "'").Replace(text)
	text = bracketed.ReplaceAllString(text, " ")
	text = spellNumbers(lang, text)
	switch lang {
	case "fr":
		text = elision.ReplaceAllString(text, "$1$2 ")
	case "en":
		text = expandContractions(text)
	}
	return words(text)
}

var (
	bracketed = regexp.MustCompile(`\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|\*[^*]*\*`)
	elision   = regexp.MustCompile(`(^|[^\p{L}])(l|d|j|m|t|s|n|c|qu|jusqu|lorsqu|puisqu|quoiqu)'`)
)

// words splits text at everything that is neither letter, digit, mark, nor an apostrophe inside a word.
func words(text string) []string {
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) && r != '\''
	})
	var out []string
	for _, w := range fields {
		if w = strings.Trim(w, "'"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// irregular are English contractions that do not follow their ending.
var irregular = map[string]string{
	"won't": "will not", "can't": "can not", "cannot": "can not", "shan't": "shall not", "let's": "let us", "gonna": "going to",
	"wanna": "want to", "gotta": "got to", "y'all": "you all",
}

// endings are English contractions by their ending. 's is left: it is "is" as often as it is a possessive.
var endings = []struct{ from, to string }{
	{"n't", " not"}, {"'re", " are"}, {"'ve", " have"}, {"'ll", " will"}, {"'d", " would"}, {"'m", " am"},
}

func expandContractions(text string) string {
	fields := strings.Fields(text)
	for i, w := range fields {
		bare := strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) })
		if full, ok := irregular[bare]; ok {
			fields[i] = full
			continue
		}
		for _, e := range endings {
			if stem, ok := strings.CutSuffix(bare, e.from); ok && stem != "" {
				fields[i] = stem + e.to
				break
			}
		}
	}
	return strings.Join(fields, " ")
}
