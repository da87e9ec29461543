package prose

import (
	"maps"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
)

const (
	// telling is the share of frequent words of a language from which on a text may be in it: a third to a half of all words are.
	telling = 0.3
	// clearly is by how much it must be ahead of the next language.
	clearly = 1.3
	// enough are the words that tell a language.
	enough = 8
	// heardMost are the bytes of a speaker's words that are looked at.
	heardMost = 20_000
)

// heard returns the language of each speaker who has segments without one, by the frequent words in these. Speakers for whom it is not
// clear have none.
func heard(segments []meeting.Segment) map[meeting.SpeakerID]string {
	said := map[meeting.SpeakerID]*strings.Builder{}
	for i := range segments {
		s := &segments[i]
		if s.Lang != "" || s.Text == "" {
			continue
		}
		if said[s.Spk] == nil {
			said[s.Spk] = &strings.Builder{}
		}
		if b := said[s.Spk]; b.Len()+len(s.Text) < heardMost {
			b.WriteString(s.Text)
			b.WriteByte(' ')
		}
	}
	langs := make(map[meeting.SpeakerID]string, len(said))
	for speaker, b := range said {
		langs[speaker] = tongueOf(b.String())
	}
	return langs
}

// tongueOf returns the language of a text by its frequent words; "" if it is not clear, or none that has a list of them.
func tongueOf(text string) string {
	var best string
	var most, second int
	all := 0
	for _, lang := range slices.Sorted(words.Languages()) {
		if lang == words.Unknown {
			continue
		}
		frequent := words.Frequent(lang, text)
		n := 0
		for _, f := range frequent {
			if f {
				n++
			}
		}
		all = len(frequent)
		if n > most {
			best, most, second = lang, n, most
		} else {
			second = max(second, n)
		}
	}
	if all < enough || float64(most) < telling*float64(all) || float64(most) < clearly*float64(second) {
		return ""
	}
	return best
}

// Language returns the language that most was said in, by the words of the sentences, and its share of them. Sentences whose language is
// not known count as one more language, "".
func Language(sentences []Sentence) (lang string, share float64) {
	said := map[string]int{}
	all := 0
	for i := range sentences {
		said[sentences[i].Lang] += sentences[i].Words
		all += sentences[i].Words
	}
	for _, l := range slices.Sorted(maps.Keys(said)) {
		if said[l] > said[lang] {
			lang = l
		}
	}
	if all == 0 {
		return "", 0
	}
	return lang, float64(said[lang]) / float64(all)
}
