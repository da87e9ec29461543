package asr

import (
	"slices"
	"strings"
)

// inventions are texts that engines write for noise and silence: ends of videos and credits of subtitles, which their
// training data was full of. A text is refused only when it is nothing else, and only on weak evidence, so that a real
// "merci" survives.
var inventions = map[string][]string{
	"fr": {
		"merci", "merci beaucoup", "merci à tous", "merci d'avoir regardé", "merci d'avoir regardé cette vidéo",
		"abonnez-vous", "à bientôt", "au revoir", "à la prochaine", "merci de votre attention",
	},
	"en": {
		"thank you", "thanks", "thank you very much", "thanks for watching", "thank you for watching", "bye", "bye bye", "you",
		"please subscribe", "see you next time", "thank you so much for watching",
	},
}

// credits are parts of texts that nobody says in a meeting, in any language.
var credits = []string{"sous-titr", "amara.org", "merci d'avoir regardé", "abonnez-vous", "subtitles by", "thanks for watching", "please subscribe"}

// maxCredit is how many code points a text with a credit in it may have to be refused.
const maxCredit = 60

// invented says whether a text in lang is a known invention. Text in an unknown language is compared with all lists.
func invented(said, lang string) bool {
	said = foldText(said)
	if len([]rune(said)) <= maxCredit && slices.ContainsFunc(credits, func(c string) bool { return strings.Contains(said, c) }) {
		return true
	}
	if list, known := inventions[lang]; known {
		return slices.Contains(list, said)
	}
	for _, list := range inventions {
		if slices.Contains(list, said) {
			return true
		}
	}
	return false
}

// foldText folds each word of a text, and writes the apostrophe one way.
func foldText(s string) string {
	var out []string
	for _, w := range strings.Fields(strings.ReplaceAll(s, "’", "'")) {
		if w = fold(w); w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}
