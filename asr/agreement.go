package asr

import (
	"time"
	"unicode/utf8"
)

// Guards of commitment.
const (
	commitMargin = 400 * time.Millisecond // a committed word ends at least this long before the end of the audio
	fastMargin   = time.Second            // a sure word needs no second hypothesis when it ends this long before
	leastSure    = 0.25                   // confidence below which a word is not committed, however often it was heard
	sureWord     = 0.95                   // confidence of a sure word
	alignSlack   = 100 * time.Millisecond // words that begin this long before the end of the committed may be new
	maxOverlap   = 5                      // words of the committed that a hypothesis may repeat
)

// agreement turns successive hypotheses of one growing utterance into calm text: LocalAgreement-2 over words (Liu et al.
// 2020, Macháček et al. 2023). Words on which two hypotheses in a row agree are committed and never change again;
// the rest is shown as tentative.
type agreement struct {
	committed []RecognizedWord // as first shown
	previous  []RecognizedWord // the last hypothesis after the committed words
	shown     []RecognizedWord // the tentative words that readers see
	shorter   bool             // the last hypothesis was a proper beginning of shown, and was not believed yet
}

// hear takes the next hypothesis of the utterance's first heard of audio. speaking says that speech still went on there.
// It reports whether what is shown has changed.
func (a *agreement) hear(words []RecognizedWord, heard time.Duration, speaking bool) bool {
	tail := a.after(words)
	both := commonPrefix(a.previous, tail)
	n := a.agreed(tail, both, heard, speaking)
	for i := range n {
		if i < len(a.shown) && sameWord(a.shown[i], tail[i]) {
			tail[i].Text = a.shown[i].Text
		}
	}
	aligned := commonPrefix(a.shown, tail[:n]) == min(n, len(a.shown))
	a.committed = append(a.committed, tail[:n]...)
	a.previous = append([]RecognizedWord(nil), tail[n:]...)
	if aligned {
		a.shown = a.shown[min(n, len(a.shown)):]
	} else {
		a.shown = nil
	}
	changed := a.show(a.visible(tail[n:], max(0, both-n), heard, speaking))
	return changed || n > 0 || !aligned
}

// after returns what the hypothesis says after the committed words, as a fresh slice.
func (a *agreement) after(words []RecognizedWord) []RecognizedWord {
	if n := len(a.committed); commonPrefix(a.committed, words) == n {
		return append([]RecognizedWord(nil), words[n:]...)
	}
	// The hypothesis tells the beginning differently. What is committed stays; only time says where the new words begin.
	from := a.committed[len(a.committed)-1].End - alignSlack
	i := 0
	for i < len(words) && words[i].Start <= from {
		i++
	}
	words = words[i:]
	for k := min(maxOverlap, len(words), len(a.committed)); k > 0; k-- {
		if commonPrefix(a.committed[len(a.committed)-k:], words) == k {
			words = words[k:]
			break
		}
	}
	return append([]RecognizedWord(nil), words...)
}

// agreed returns how many words of tail may be committed; the hypothesis before had the first both of them as well.
func (a *agreement) agreed(tail []RecognizedWord, both int, heard time.Duration, speaking bool) int {
	limit := len(tail)
	if speaking {
		limit-- // the last word may go on
	}
	n := 0
	for n < limit {
		w := tail[n]
		sure := w.P > sureWord && w.End <= heard-fastMargin
		if !sure && (n >= both || w.P < leastSure || w.End > heard-commitMargin) {
			break
		}
		n++
	}
	return n
}

// What of the tentative words is shown. Each word that is taken back again makes captions restless and tires readers, each
// word that waits makes them late. Replayed on recorded hypotheses of whisper-base (ten FLEURS clips and one of Kennedy, 290
// words, a partial every second): showing all but the last word, partials take back 0.7 words for each that stays, and words
// are seen 0.7 s after they were said; with these bounds 0.07, and 1.1 s. With 0.6 and 300 ms: 0.02, and 1.5 s.
const (
	shownAt     = 0.4                    // confidence from which a word is shown before a second hypothesis has it
	shownFirst  = 0.3                    // the same while readers see nothing
	shownMargin = 100 * time.Millisecond // such a word ends this long before the end of the audio, while speech goes on
)

// visible returns the words of tail that readers should see: those that the hypothesis before had as well (the first both), or
// that they see already, and those the engine is sure of. The first words may be less sure: something is to be seen soon.
func (a *agreement) visible(tail []RecognizedWord, both int, heard time.Duration, speaking bool) []RecognizedWord {
	first := len(a.committed) == 0 && len(a.shown) == 0
	if !speaking {
		return tail
	}
	n := max(both, commonPrefix(a.shown, tail))
	for n < len(tail) && (tail[n].P >= shownAt && tail[n].End <= heard-shownMargin || first && n < len(tail)-1 && tail[n].P >= shownFirst) {
		n++
	}
	if first && n == 0 {
		n = min(1, len(tail))
	}
	return tail[:n]
}

// show replaces the tentative words. A hypothesis that only forgets words at the end waits until it comes twice.
func (a *agreement) show(words []RecognizedWord) bool {
	same := commonPrefix(a.shown, words)
	if same == len(words) && same < len(a.shown) && !a.shorter {
		a.shorter = true
		return false
	}
	a.shorter = false
	changed := same != len(words) || same != len(a.shown)
	words = append([]RecognizedWord(nil), words...)
	for i := range same {
		words[i].Text = a.shown[i].Text // case and punctuation keep their first form until the final
	}
	a.shown = words
	return changed
}

// words returns all words that readers see, and how many of them are committed.
func (a *agreement) words() (all []RecognizedWord, committed int) {
	all = append(append(all, a.committed...), a.shown...)
	return all, len(a.committed)
}

// text returns what readers see and how many leading code points of it no later partial changes.
func (a *agreement) text() (whole string, stable int) {
	all, committed := a.words()
	return text(all), utf8.RuneCountInString(text(all[:committed]))
}
