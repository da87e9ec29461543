package extract

import (
	"cmp"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"souffleur/internal/words"
	"souffleur/summarize/prose"
)

const (
	// longestPhrase are the words of a keyphrase.
	longestPhrase = 3
	// rare is how often a phrase must be said.
	rare = 2
	// properWeight is what names and acronyms count beside other words.
	properWeight = 1.5
	// shortWord are the letters of a word that is no keyphrase by itself, unless it is an acronym.
	shortWord = 3
)

// gram is up to three stems in a row, by their numbers, which begin at 1.
type gram [longestPhrase]int32

func (g gram) words() int {
	n := 0
	for n < longestPhrase && g[n] != 0 {
		n++
	}
	return n
}

// phrases finds what a meeting, or a part of it, is about.
type phrases struct {
	sentences []prose.Sentence
	stems     map[string]int32
	said      map[gram]int
}

func newPhrases(sentences []prose.Sentence) *phrases {
	p := &phrases{sentences: sentences, stems: map[string]int32{}, said: map[gram]int{}}
	for i := range sentences {
		p.grams(i, func(g gram, _ string, _ bool) { p.said[g]++ })
	}
	return p
}

// use is how a phrase is used in a part of the meeting.
type use struct {
	gram     gram
	count    int
	proper   int
	speakers map[string]bool
	forms    map[string]int // how it is written
	score    float64
}

// best returns up to most phrases of the sentences from first up to, not including, end. Those of a part are told by how much more they
// are said there than elsewhere.
func (p *phrases) best(first, end, most int) []string {
	part := end-first < len(p.sentences)
	uses := map[gram]*use{}
	for i := first; i < end; i++ {
		speaker := string(p.sentences[i].Speaker)
		p.grams(i, func(g gram, form string, proper bool) {
			if p.said[g] < rare {
				return
			}
			u := uses[g]
			if u == nil {
				u = &use{gram: g, speakers: map[string]bool{}, forms: map[string]int{}}
				uses[g] = u
			}
			u.count++
			u.speakers[speaker] = true
			u.forms[form]++
			if proper {
				u.proper++
			}
		})
	}
	all := make([]*use, 0, len(uses))
	for _, u := range uses {
		u.score = float64(u.count) * math.Log(float64(1+u.gram.words())) * float64(len(u.speakers))
		if u.proper*2 > u.count {
			u.score *= properWeight
		}
		if part {
			u.score *= float64(u.count) / float64(p.said[u.gram])
		}
		if u.count >= rare && !u.poor() {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *use) int {
		return cmp.Or(cmp.Compare(b.score, a.score), slices.Compare(a.gram[:], b.gram[:]))
	})
	return distinctPhrases(all, most)
}

// poor says that a single word tells nothing: it is short, rare or of every meeting.
func (u *use) poor() bool {
	if u.gram.words() > 1 || u.proper*2 > u.count {
		return false
	}
	form := u.form()
	return u.count <= rare || len([]rune(form)) <= shortWord || dull[words.Fold(form)]
}

// dull are words of English and French that are no subject by themselves, though they are not among the most frequent. Folded.
var dull = set(`second last better best next other another little good great fine nice sure much many still even back time times today tomorrow
	week weeks day days month year years minute minutes hour hours people everybody everyone somebody something anything nothing everything
	need needs work works start look looks tell talk talking come comes coming take takes took make makes made give gave keep left first
	point points question thought else whole maybe already again always never enough basically probably please thank thanks sorry
	tout tous toute toutes autre autres meme memes petit petite grand grande bonne jour jours semaine mois annee fois heure heures minute
	demain hier soir matin gens monde personne quelqu'un rien besoin marche regarde regarder passer passe prendre prend mettre mets savoir
	sait voir vois vient venir donner donne trouver trouve parler parle reste rester peu encore toujours jamais maintenant premier premiere
	dernier derniere point points question merci pardon desole vraiment franchement certes depuis pendant avant`)

// form returns how a phrase is written most often.
func (u *use) form() string {
	best := ""
	for form, n := range u.forms {
		if best == "" || n > u.forms[best] || n == u.forms[best] && form < best {
			best = form
		}
	}
	return best
}

// distinctPhrases leaves out those that share a word with a better one.
func distinctPhrases(all []*use, most int) []string {
	taken := map[int32]bool{}
	out := []string{}
	for _, u := range all {
		if len(out) == most {
			break
		}
		own := u.gram[:u.gram.words()]
		if slices.ContainsFunc(own, func(stem int32) bool { return taken[stem] }) {
			continue
		}
		for _, stem := range own {
			taken[stem] = true
		}
		out = append(out, u.form())
	}
	return out
}

// grams calls yield with each phrase of sentence i, as it is written, and whether it is a name or an acronym.
func (p *phrases) grams(i int, yield func(g gram, form string, proper bool)) {
	s := &p.sentences[i]
	for first := range s.Tokens {
		var g gram
		proper := true
		for n := 0; n < longestPhrase && first+n < len(s.Tokens); n++ {
			t := s.Tokens[first+n]
			word := s.Text[t.Start:t.End]
			if t.Plain || !startsWithLetter(word) || n > 0 && !joined(s.Text[s.Tokens[first+n-1].End:t.Start]) {
				break
			}
			id, ok := p.stems[t.Stem]
			if !ok {
				id = int32(len(p.stems) + 1)
				p.stems[t.Stem] = id
			}
			g[n] = id
			isProper := isProper(word, first+n == 0)
			proper = proper && isProper
			form := s.Text[s.Tokens[first].Start:t.End]
			if first == 0 && !proper {
				form = lowerFirst(form)
			}
			yield(g, form, proper)
		}
	}
}

// joined says whether what stands between two words leaves them together.
func joined(between string) bool { return between == " " || between == "-" || between == "" }

func startsWithLetter(word string) bool {
	for _, r := range word {
		return unicode.IsLetter(r)
	}
	return false
}

// isProper says whether a word is written like a name or an acronym. The first of a sentence is only if it has capitals further on.
func isProper(word string, first bool) bool {
	for i, r := range word {
		if unicode.IsUpper(r) && (i > 0 || !first) {
			return true
		}
	}
	return false
}

func lowerFirst(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToLower(r)) + text[size:]
}
