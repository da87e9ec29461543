// Package prose makes sentences of what was said in a meeting. Recognisers cut speech at pauses, not at full stops, and speakers
// rarely end a sentence before they begin the next: a sentence here may be a part of a segment, or begin in one and end in the next.
// Every sentence knows the segments that it stands in, and its text is theirs, word for word.
package prose

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"souffleur/internal/meeting"
)

// Sentence is what one speaker said in one breath of thought.
type Sentence struct {
	Speaker  meeting.SpeakerID   // participant, or voice of a shared microphone
	Segments []meeting.SegmentID // in which it stands, in order; at least one
	Turn     int                 // counts turns from 0: a new one begins when another speaker does, or after a long pause
	T0, T1   int64               // room clock, ms: of its segments
	Lang     string              // as recognised, else as its speaker's words tell; "" if neither does
	Text     string              // as it was recognised or corrected, white space made single
	Words    int                 // of the text, fillers left out
	Tokens   []Token             // its words
	Stems    []string            // of those that carry meaning, in order
	Asks     bool                // it ends with a question mark
}

const (
	// joinGap is the longest pause in which a sentence goes on in the speaker's next segment, ms. Recognition cuts after pauses of
	// half a second, and at twelve seconds of speech without any.
	joinGap = 2_500
	// turnGap is the pause after which the same speaker begins a new turn, ms.
	turnGap = 20_000
	// longest is where a sentence without any full stop is cut, in words.
	longest = 60
	// breath is from where such a sentence is cut before a word that begins another thought.
	breath = 30
)

// Of returns the sentences of segments, which are in the order of the transcript. Gaps and empty segments have none.
func Of(segments []meeting.Segment) []Sentence {
	c := cutter{heard: heard(segments)}
	for i := range segments {
		c.take(&segments[i])
	}
	c.end()
	dropFrequent(c.done)
	return c.done
}

// cutter gathers words of one speaker until a sentence ends.
type cutter struct {
	done []Sentence
	open Sentence // what has been said of the present sentence
	said []string // its words
	turn int
	last *meeting.Segment // before this one, of any speaker

	heard map[meeting.SpeakerID]string // languages of segments that have none
}

func (c *cutter) take(s *meeting.Segment) {
	said := meeting.Fields(s.Text)
	if len(said) == 0 {
		return
	}
	if c.last != nil {
		pause := s.T0 - c.last.T1
		other := c.last.Spk != s.Spk
		if other || pause > joinGap || c.last.Lang != s.Lang {
			c.end()
		}
		if other || pause > turnGap {
			c.turn++
		}
	}
	c.last = s
	lang := s.Lang
	if lang == "" {
		lang = c.heard[s.Spk]
	}
	for _, word := range said {
		c.add(s, lang, word)
	}
}

// add takes one word of a segment.
func (c *cutter) add(s *meeting.Segment, lang, word string) {
	if len(c.said) >= longest || len(c.said) >= breath && begins(lang, word) {
		c.end()
	}
	if len(c.said) == 0 {
		c.open = Sentence{Speaker: s.Spk, Turn: c.turn, T0: s.T0, Lang: lang}
	}
	if n := len(c.open.Segments); n == 0 || c.open.Segments[n-1] != s.Seg {
		c.open.Segments = append(c.open.Segments, s.Seg)
	}
	c.open.T1 = s.T1
	c.said = append(c.said, word)
	if ends(word) {
		c.end()
	}
}

// end closes the present sentence.
func (c *cutter) end() {
	if len(c.said) == 0 {
		return
	}
	s := c.open
	s.Text = strings.Join(c.said, " ")
	bare := strings.TrimRight(s.Text, closing)
	s.Asks = strings.HasSuffix(bare, "?") || strings.HasSuffix(bare, "？")
	for _, w := range c.said {
		if !IsFiller(s.Lang, w) {
			s.Words += wordsIn(w)
		}
	}
	s.Tokens = Tokens(s.Lang, s.Text)
	s.Stems = stemsOf(s.Tokens)
	c.done = append(c.done, s)
	c.open, c.said = Sentence{}, nil
}

// closing are marks that stand behind the end of a sentence. French puts no-break spaces before them.
const closing = " \u00a0\u202f»”\"')"

// ends says whether a sentence ends with this word. A full stop after one letter or after digits ("M. Dupont", "point 2.") is none.
func ends(word string) bool {
	bare := strings.TrimRight(word, closing)
	if last, _ := utf8.DecodeLastRuneInString(bare); strings.ContainsRune("?!…。？！।؟", last) {
		return true
	}
	if !strings.HasSuffix(bare, ".") {
		return false
	}
	stem := strings.TrimRight(bare, ".")
	return len([]rune(stem)) > 1 && !abbreviations[strings.ToLower(stem)]
}

// abbreviations end with a full stop inside of sentences.
var abbreviations = map[string]bool{"mr": true, "mrs": true, "ms": true, "dr": true, "mme": true, "mlle": true, "etc": true, "cf": true, "st": true, "vs": true, "approx": true}

// wordsIn returns how many words stand between two spaces: none in marks alone, one in most scripts, and one for two letters in those
// that write without spaces, which is about right for Chinese and Japanese.
func wordsIn(w string) int {
	dense, letters := 0, 0
	for _, r := range w {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			dense++
		case unicode.IsLetter(r), unicode.IsDigit(r):
			letters++
		}
	}
	return (dense+1)/2 + min(letters, 1)
}

// starters begin a new thought where nobody speaks full stops.
var starters = map[string]map[string]bool{
	"en": set("so and but because then now okay ok well also however"),
	"fr": set("donc et mais alors ensuite puis maintenant après sinon voilà"),
}

func begins(lang, word string) bool {
	return starters[lang][strings.ToLower(strings.Trim(word, ",.;:"))]
}

// fillers are words that say nothing.
var fillers = map[string]map[string]bool{
	"en": set("uh um uhm er erm hm hmm mm mhm ah oh"),
	"fr": set("euh heu hum ben bah hein hm hmm mm ah oh bof"),
}

// IsFiller says whether a word, with what stands around it, says nothing.
func IsFiller(lang, word string) bool {
	return fillers[lang][strings.ToLower(strings.Trim(word, ",.;:!?…-"))]
}

// Clean returns a text without fillers, and without a word said twice in a row: for display. What it leaves is verbatim.
func Clean(lang, text string) string {
	var kept []string
	for _, word := range meeting.Fields(text) {
		bare := strings.ToLower(strings.Trim(word, ",.;:…"))
		if IsFiller(lang, word) {
			continue
		}
		if n := len(kept); n > 0 && bare != "" && bare == strings.ToLower(strings.Trim(kept[n-1], ",.;:…")) && stutters(lang, bare) {
			kept[n-1] = word
			continue
		}
		kept = append(kept, word)
	}
	return ended(strings.Join(kept, " "), text)
}

// ended gives what is left of a text the end mark of the whole, where a filler that ended it took that along: "…, hein."
func ended(kept, text string) string {
	bare := strings.TrimRight(kept, ", ")
	if bare == kept {
		return kept
	}
	text = strings.TrimSpace(text)
	return bare + text[len(strings.TrimRight(text, ".!?…")):]
}

// stutters says whether a word that is repeated is a slip: short function words are; "very very" and "non non" may be meant.
func stutters(lang, word string) bool {
	switch lang {
	case "en":
		return slips["en"][word]
	case "fr":
		return slips["fr"][word]
	}
	return false
}

var slips = map[string]map[string]bool{
	"en": set("i you he she it we they the a an to of in on and but so is was that this if"),
	"fr": set("je tu il elle on nous vous ils elles le la les un une des de du à en et mais donc est que qui ce c'est j'ai si"),
}

func set(list string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}
