package verify

import (
	"strings"
	"unicode"

	"souffleur/internal/words"
)

// bare returns the words of a text, folded, without the marks around them and without elided articles ("l'équipe" is "equipe").
func bare(text string) []string {
	var out []string
	for _, w := range cut(text) {
		out = append(out, w.folded)
	}
	return out
}

// word is a word with how it was written.
type word struct {
	written string // as it stands in the text, without marks around it
	folded  string
	first   bool // it begins a sentence
}

// cut takes a text apart into words. Hyphens and apostrophes separate, so that compounds and elisions compare by their parts.
func cut(text string) []word {
	var out []word
	first := true
	start := -1
	end := func(to int) {
		if start < 0 {
			return
		}
		written := text[start:to]
		out = append(out, word{written: written, folded: words.Fold(written), first: first})
		first, start = false, -1
	}
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) {
			if start < 0 {
				start = i
			}
			continue
		}
		end(i)
		if strings.ContainsRune(".!?…\n•—", r) || len(out) == 0 {
			first = true
		}
	}
	end(len(text))
	return out
}

// straight makes apostrophes and white space the same everywhere, folds letters and keeps marks.
func straight(text string) string {
	text = strings.NewReplacer("’", "'", "ʼ", "'").Replace(text)
	return words.Fold(strings.Join(strings.Fields(text), " "))
}
