package parakeet

import (
	"math"
	"strings"
	"testing"
	"time"

	"souffleur/internal/whispercpp"
)

// heard makes tokens of 80 ms each.
func heard(texts ...string) []whispercpp.Token {
	tokens := make([]whispercpp.Token, len(texts))
	for i, text := range texts {
		start := time.Duration(i) * 80 * time.Millisecond
		tokens[i] = whispercpp.Token{Text: text, Start: start, End: start + 80*time.Millisecond}
	}
	return tokens
}

func TestPunctuationTakesNoTime(t *testing.T) {
	words := whispercpp.WordsOf(timedByLetters(heard(" bon", "jour", "…", " ça", " »", ".")), time.Second)
	if len(words) != 2 || words[0].Text != "bonjour…" || words[1].Text != "ça\u00a0»." {
		t.Fatalf("words %+v", words)
	}
	for i, want := range []time.Duration{160 * time.Millisecond, 320 * time.Millisecond} {
		if words[i].End != want {
			t.Errorf("%q ends at %v, want %v", words[i].Text, words[i].End, want)
		}
	}
	first := timedByLetters(heard("¿", " qué"))
	if first[0].End != 80*time.Millisecond {
		t.Errorf("punctuation with nothing before it ends at %v", first[0].End)
	}
}

func TestSpecialTokensAreNotSpoken(t *testing.T) {
	var texts []string
	for _, token := range spokenTokens(heard("<|nospeech|>", " a", "<pad>", " <", "b", ">", " <|fr|>", "<>")) {
		texts = append(texts, token.Text)
	}
	if got := strings.Join(texts, "|"); got != " a| <|b|>|<>" {
		t.Errorf("kept %q", got)
	}
}

func TestLogProbabilitiesAreFinite(t *testing.T) {
	for _, p := range []float64{math.NaN(), math.Inf(-1), math.Inf(1), -1, 0, 1e-30, 0.5, 1, 1.0001} {
		if got := logOf(p); math.IsNaN(got) || got > 0 || got < -21 {
			t.Errorf("log of %v: %v", p, got)
		}
	}
	if got := logOf(0.5); got != math.Log(0.5) {
		t.Errorf("log of a half: %v", got)
	}
}
