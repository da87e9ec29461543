package whispercpp

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"souffleur/asr"
)

// say makes tokens of 100 ms each.
func say(texts ...string) []Token {
	tokens := make([]Token, len(texts))
	for i, text := range texts {
		start := time.Duration(i) * 100 * time.Millisecond
		tokens[i] = Token{Text: text, LogP: math.Log(0.5), Start: start, End: start + 100*time.Millisecond}
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
		if got := textOf(WordsOf(say(c.tokens...), time.Minute)); got != c.want {
			t.Errorf("%q became %q, want %q", c.tokens, got, c.want)
		}
	}
}

func TestConfidenceIsThatOfTheLetters(t *testing.T) {
	tokens := say(" bon", "jour", ",")
	tokens[0].LogP, tokens[1].LogP, tokens[2].LogP = math.Log(0.9), math.Log(0.4), math.Log(0.001)
	got := WordsOf(tokens, time.Minute)[0].P
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
	tokens[0].Start, tokens[0].End = ms(-10), ms(900) // stretched over the next
	tokens[1].Start, tokens[1].End = ms(500), ms(700)
	tokens[2].Start, tokens[2].End = ms(300), ms(400) // runs backwards
	tokens[3].Start, tokens[3].End = -1, -1           // unknown
	tokens[4].Start, tokens[4].End = ms(1500), ms(30_000)
	var got []string
	for _, w := range WordsOf(tokens, ms(2000)) {
		got = append(got, fmt.Sprintf("%s %d-%d", w.Text, w.Start.Milliseconds(), w.End.Milliseconds()))
	}
	if want := "a 0-500, b 500-500, c 500-500, d 500-500, e 1500-2000"; strings.Join(got, ", ") != want {
		t.Errorf("times: %v, want %s", got, want)
	}
}

func TestLogProbIsTheMeanOverTokens(t *testing.T) {
	tokens := say(" a", " b")
	tokens[0].LogP, tokens[1].LogP = -1, -3
	if got := MeanLogProb(tokens); got != -2 {
		t.Errorf("mean %v", got)
	}
	if got := MeanLogProb(nil); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func FuzzWordsOf(f *testing.F) {
	f.Add(" caf\xc3|\xa9| «| x", int64(3))
	f.Fuzz(func(t *testing.T, texts string, shift int64) {
		tokens := say(strings.Split(texts, "|")...)
		for i := range tokens {
			tokens[i].Start += time.Duration(shift * int64(i))
		}
		last := time.Duration(0)
		for _, w := range WordsOf(tokens, time.Second) {
			if w.Text == "" || w.Start < last || w.End < w.Start || w.End > time.Second || !(w.P >= 0 && w.P <= 1) {
				t.Fatalf("word %+v after %v", w, last)
			}
			last = w.Start
		}
	})
}
