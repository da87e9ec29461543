package asr

import (
	"bytes"
	"compress/flate"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of the hallucination filter. Engines invent text where there is no speech.
const (
	minVoicedRatio  = 0.25                    // share of voice below which nothing is recognised
	minLogProb      = -1.0                    // mean log probability below which the text is guessed
	firstLogProb    = -1.5                    // the same of a partial while readers see nothing; see leastFor
	overdueLogProb  = -1.8                    // the same once a second of voice was heard
	weakLogProb     = -0.7                    // the same where less than half is voice
	doubtfulLogProb = -0.5                    // below which known inventions are not believed
	maxDeflateRatio = 2.4                     // text that compresses better repeats itself (Whisper's own bound)
	maxRepeats      = 4                       // times a run of 1 to 4 words may stand in a row: fewer than this
	maxWordRate     = 8.0                     // words a second that nobody speaks
	shortVoice      = 1500 * time.Millisecond // voice below which known inventions are not believed
	promptWords     = 4                       // words in a row from the prompt, and nothing else, that nobody is believed to say
	maxFromVoice    = 500 * time.Millisecond  // distance from voice at which a word is invented
)

// refusal says why a text is not believed; it is counted and logged, never the text. "" means believed.
type refusal string

const (
	refusedSilence    refusal = "silence"    // too little voice to recognise
	refusedDoubt      refusal = "doubt"      // the engine was guessing
	refusedRepetition refusal = "repetition" // a loop
	refusedShort      refusal = "short"      // a final that lost words
	refusedPhrase     refusal = "phrase"     // a known invention
	refusedPrompt     refusal = "prompt"     // the prompt, read back
)

// tooSilent says whether a stretch of speech should not be recognised at all.
func tooSilent(s speech, cfg endpointing) bool {
	return s.voicedRatio() < minVoicedRatio || s.rms() < cfg.floor/2 // pre-roll and pause dilute it
}

// believe cleans the words of r about s, recognised with a glossary, and says whether they are believed: their mean
// log probability must be least at least. Of a recogniser that is
// silent on noise only loops are not: words far from voice are some that the voice detector missed, a rare word is unsure
// without being guessed, and who reads out the glossary said it.
func believe(r Result, glossary string, s speech, least float64) ([]RecognizedWord, refusal) {
	if r.sober {
		s.voiced = []span{{s.start, s.start + int64(len(s.pcm))}}
	}
	words := cleanWords(r.Words, s)
	if len(words) == 0 {
		return nil, ""
	}
	logProb, voiced := r.LogProb, voicedTime(s)
	switch {
	case !r.sober && (math.IsNaN(logProb) || logProb < least || logProb < weakLogProb && s.voicedRatio() < 0.5):
		return nil, refusedDoubt
	case repeats(words) || float64(len(words)) > maxWordRate*max(duration(int64(len(s.pcm))).Seconds(), 1):
		return nil, refusedRepetition
	case r.sober:
		return words, ""
	case (voiced < shortVoice || logProb < doubtfulLogProb) && invented(text(words), r.Lang):
		return nil, refusedPhrase
	case readBack(words, glossary):
		return nil, refusedPrompt
	}
	return words, ""
}

// readBack says whether words are a piece of the glossary: engines repeat their prompt where they hear nothing they know.
func readBack(words []RecognizedWord, glossary string) bool {
	if len(words) < promptWords {
		return false
	}
	var given, said strings.Builder
	for _, w := range strings.Fields(glossary) {
		given.WriteString(" " + fold(w))
	}
	for _, w := range words {
		said.WriteString(" " + fold(w.Text))
	}
	return strings.Contains(given.String()+" ", said.String()+" ")
}

func voicedTime(s speech) time.Duration {
	n := int64(0)
	for _, v := range s.voiced {
		n += v.to - v.from
	}
	return duration(n)
}

// cleanWords drops noises in brackets, words without letters, and words far from any voice; it repairs times that are
// not numbers of this speech, so that what follows can rely on 0 <= Start <= End <= length, in order.
func cleanWords(words []RecognizedWord, s speech) []RecognizedWord {
	var out []RecognizedWord
	length := duration(int64(len(s.pcm)))
	last := time.Duration(0)
	for i, said := range withoutNoises(words) {
		w := words[i]
		w.Text = said
		w.Start = min(max(w.Start, last), length)
		w.End = min(max(w.End, w.Start), length)
		if !(w.P >= 0 && w.P <= 1) {
			w.P = 0
		}
		if fold(w.Text) == "" || s.fromVoice(s.start+samples(w.Start), s.start+samples(w.End)) > samples(maxFromVoice) {
			continue
		}
		last = w.Start
		out = append(out, w)
	}
	return out
}

// withoutNoises returns the texts of words without what stands in brackets or between stars: "[Musique]", "(rires)",
// "*laughs*", "♪". A bracket that never closes loses only itself.
func withoutNoises(words []RecognizedWord) []string {
	out, inside := stripNoises(words, true)
	if inside {
		out, _ = stripNoises(words, false)
	}
	return out
}

// stripNoises removes brackets, stars and notes, with their content if asked to, and says whether one stays open.
func stripNoises(words []RecognizedWord, content bool) (out []string, inside bool) {
	for _, w := range words {
		var b strings.Builder
		for _, r := range w.Text {
			switch {
			case strings.ContainsRune("[({", r):
				inside = true
			case strings.ContainsRune("])}", r):
				inside = false
			case r == '*':
				inside = !inside
			case strings.ContainsRune("♪♫♬", r) || inside && content:
			default:
				b.WriteRune(r)
			}
		}
		out = append(out, strings.TrimSpace(b.String()))
	}
	return out, inside
}

// repeats says whether words loop.
func repeats(words []RecognizedWord) bool {
	folded := make([]string, len(words))
	for i, w := range words {
		folded[i] = fold(w.Text)
	}
	for n := 1; n <= 4; n++ {
		if repeatsRun(folded, n) {
			return true
		}
	}
	return deflateRatio(text(words)) > maxDeflateRatio
}

// repeatsRun says whether some run of n words stands maxRepeats times in a row.
func repeatsRun(words []string, n int) bool {
	run := 1
	for i := n; i+n <= len(words); i++ {
		if !slices.Equal(words[i:i+n], words[i-n:i]) {
			continue
		}
		run = 1
		for j := i; j+n <= len(words) && slices.Equal(words[j:j+n], words[j-n:j]); j += n {
			run++
		}
		if run >= maxRepeats {
			return true
		}
	}
	return false
}

// deflateRatio is the length of s over that of its deflated form. Text of under 40 bytes never reaches 2.
func deflateRatio(s string) float64 {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return 0 // the level is a constant of the package
	}
	w.Write([]byte(s)) // into memory: cannot fail
	w.Close()
	return float64(len(s)) / float64(b.Len())
}
