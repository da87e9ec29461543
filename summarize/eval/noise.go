package eval

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"souffleur/internal/meeting"
)

// Noise is what a recogniser does to speech.
type Noise struct {
	Errors float64 // share of words that are left out, or taken for others
	Bare   bool    // it writes no punctuation and no capitals
	Seed   uint64
}

// Noisy returns a copy of a script as a recogniser might write it. Words are taken for others of the vocabulary that look like them. Equal
// scripts, noise and vocabularies give equal texts; labels stay, as their segments do.
func (s *Script) Noisy(n Noise, vocabulary []string) *Script {
	h := fnv.New64a()
	h.Write([]byte(s.Title))
	w := mishearing{r: rand.New(rand.NewPCG(n.Seed, h.Sum64())), noise: n, vocabulary: vocabulary}
	noisy := *s
	noisy.Segments = slices.Clone(s.Segments)
	for i := range noisy.Segments {
		g := &noisy.Segments[i]
		var out []string
		for _, word := range meeting.Fields(g.Text) {
			if heard := w.word(word); heard != "" {
				out = append(out, heard)
			}
		}
		g.Text = strings.Join(out, " ")
	}
	return &noisy
}

// Vocabulary returns the words of scripts in a language, in lower case, each once and in order.
func Vocabulary(scripts map[string]*Script, lang string) []string {
	var all []string
	for _, s := range scripts {
		if s.Lang != lang {
			continue
		}
		for i := range s.Segments {
			for _, word := range meeting.Fields(s.Segments[i].Text) {
				if word = bareWord(word); word != "" {
					all = append(all, word)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mishearing hears words.
type mishearing struct {
	r          *rand.Rand
	noise      Noise
	vocabulary []string // sorted
}

func (m *mishearing) word(word string) string {
	p := m.r.Float64()
	heard := word
	switch {
	case p < m.noise.Errors/2:
		return ""
	case p < m.noise.Errors:
		heard = m.alike(word)
	}
	if m.noise.Bare {
		return bareWord(heard)
	}
	return heard
}

// alike returns another word with the same first letter and about the same length, and the marks of the word behind it.
func (m *mishearing) alike(word string) string {
	bare := bareWord(word)
	first, size := utf8.DecodeRuneInString(bare)
	if size == 0 {
		return word
	}
	var like []string
	at, _ := slices.BinarySearch(m.vocabulary, string(first))
	for _, other := range m.vocabulary[at:] {
		if r, _ := utf8.DecodeRuneInString(other); r != first {
			break
		}
		if d := len(other) - len(bare); d >= -1 && d <= 1 && other != bare {
			like = append(like, other)
		}
	}
	if len(like) == 0 {
		return word
	}
	marks := word[len(strings.TrimRightFunc(word, func(r rune) bool { return strings.ContainsRune(".,;:!?…", r) })):]
	return like[m.r.IntN(len(like))] + marks
}

// bareWord returns a word in lower case without marks. Apostrophes and hyphens inside of it stay.
func bareWord(word string) string {
	kept := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("'’-", r) {
			return r
		}
		return -1
	}, strings.ToLower(word))
	return strings.Trim(kept, "'’-")
}
