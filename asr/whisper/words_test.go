package whisper

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"souffleur/asr"
)

// say makes tokens of 100 ms each.
func say(texts ...string) []token {
	tokens := make([]token, len(texts))
	for i, text := range texts {
		start := time.Duration(i) * 100 * time.Millisecond
		tokens[i] = token{text: text, logP: math.Log(0.5), start: start, end: start + 100*time.Millisecond}
	}
	return tokens
}

func textOf(words []asr.RecognizedWord) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	return strings.Join(texts, "|")
}

func TestTokensBecomeWords(t *testing.T) {
	for _, c := range []struct {
		tokens []string
		want   string
	}{
		{nil, ""},
		{[]string{" Hello", " world", "."}, "Hello|world."},
		{[]string{" souff", "leur"}, "souffleur"},
		{[]string{" l", "'", "été"}, "l'été"},
		{[]string{" dit", "-", "il"}, "dit-il"},
		{[]string{"Without", " a", " first", " space"}, "Without|a|first|space"},
		{[]string{" caf", "\xc3", "\xa9", " noir"}, "café|noir"},          // a letter cut in two
		{[]string{" \xf0\x9f", "\x99", "\x82", " oui"}, "🙂|oui"},          // and in three
		{[]string{" bad", "\xc3", " next"}, "bad|next"},                   // half a letter is no letter
		{[]string{" quoi", " ?", " Oui", " !"}, "quoi\u00a0?|Oui\u00a0!"}, // French has a space there
		{[]string{" «", " bon", " »", " dit"}, "«\u00a0bon\u00a0»|dit"},
		{[]string{" ¿", " qué"}, "¿\u00a0qué"},
		{[]string{" ...", " et"}, "...\u00a0et"},
		{[]string{" fin", " «"}, "fin\u00a0«"},
		{[]string{" ?"}, ""},
		{[]string{" ", " "}, ""},
		{[]string{" ♪"}, "♪"}, // not punctuation: the caller strips it
		{[]string{" 50", " %"}, "50\u00a0%"},
	} {
		if got := textOf(wordsOf(say(c.tokens...), time.Minute)); got != c.want {
			t.Errorf("%q became %q, want %q", c.tokens, got, c.want)
		}
	}
}

func TestConfidenceIsThatOfTheLetters(t *testing.T) {
	tokens := say(" bon", "jour", ",")
	tokens[0].logP, tokens[1].logP, tokens[2].logP = math.Log(0.9), math.Log(0.4), math.Log(0.001)
	got := wordsOf(tokens, time.Minute)[0].P
	if want := float32(0.6); math.Abs(float64(got-want)) > 1e-6 { // the geometric mean
		t.Errorf("confidence %v, want %v", got, want)
	}
	if got := confidence(say(",")); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("punctuation alone: %v", got)
	}
}

func TestWordTimesStayInOrderAndWithinTheSpeech(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	tokens := say(" a", " b", " c", " d", " e")
	tokens[0].start, tokens[0].end = ms(-10), ms(900) // stretched over the next
	tokens[1].start, tokens[1].end = ms(500), ms(700)
	tokens[2].start, tokens[2].end = ms(300), ms(400) // runs backwards
	tokens[3].start, tokens[3].end = -1, -1           // unknown
	tokens[4].start, tokens[4].end = ms(1500), ms(30_000)
	var got []string
	for _, w := range wordsOf(tokens, ms(2000)) {
		got = append(got, fmt.Sprintf("%s %d-%d", w.Text, w.Start.Milliseconds(), w.End.Milliseconds()))
	}
	if want := "a 0-500, b 500-500, c 500-500, d 500-500, e 1500-2000"; strings.Join(got, ", ") != want {
		t.Errorf("times: %v, want %s", got, want)
	}
}

func TestTextBehindTheAudioIsDropped(t *testing.T) {
	// at returns tokens of which all from the n-th on begin at the last instant of 1 s.
	at := func(n int, texts ...string) []token {
		tokens := say(texts...)
		for i := n; i < len(tokens); i++ {
			tokens[i].start, tokens[i].end = 990*time.Millisecond, time.Second
		}
		return tokens
	}
	for name, c := range map[string]struct {
		tokens []token
		want   string
	}{
		"echo":                   {at(3, " It", " is", " late.", " It", " is", " late.", " It", " is", " la"), "It|is|late."},
		"echo behind a word":     {at(2, " It", " la", "te", ".", " It", " is", " la", "te", ".", " It"), "It|late."},
		"a short last word":      {at(2, " It", " is", " so", "."), "It|is|so."},
		"nothing but the end":    {at(0, " a", " b", " c", " d", " e", " f"), ""},
		"as long as it may last": {at(8, " a", " b", " c", " d", " e", " f", " g", " h"), "a|b|c|d|e|f|g|h"},
	} {
		if got := textOf(wordsOf(withoutEcho(c.tokens, time.Second), time.Second)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestLogProbIsTheMeanOverTokens(t *testing.T) {
	tokens := say(" a", " b")
	tokens[0].logP, tokens[1].logP = -1, -3
	if got := meanLogProb(tokens); got != -2 {
		t.Errorf("mean %v", got)
	}
	if got := meanLogProb(nil); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func FuzzWordsOf(f *testing.F) {
	f.Add(" caf\xc3|\xa9| «| x", int64(3))
	f.Fuzz(func(t *testing.T, texts string, shift int64) {
		tokens := say(strings.Split(texts, "|")...)
		for i := range tokens {
			tokens[i].start += time.Duration(shift * int64(i))
		}
		last := time.Duration(0)
		for _, w := range wordsOf(tokens, time.Second) {
			if w.Text == "" || w.Start < last || w.End < w.Start || w.End > time.Second || !(w.P >= 0 && w.P <= 1) {
				t.Fatalf("word %+v after %v", w, last)
			}
			last = w.Start
		}
	})
}
