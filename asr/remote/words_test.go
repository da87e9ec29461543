package remote

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"souffleur/asr"
)

// hear returns what becomes of a service's answer about 4 s of speech whose voice ends after 3 s.
func hear(t *testing.T, body string) asr.Result {
	t.Helper()
	said, err := parseAnswer([]byte(body), isJSON)
	if err != nil {
		t.Fatal(err)
	}
	return said.result(asr.Request{PCM: make([]float32, 4*asr.SampleRate), VoiceEnd: 3 * time.Second}, "")
}

// shown writes words with their times in ms and confidence in percent.
func shown(words []asr.RecognizedWord) string {
	var out []string
	for _, w := range words {
		out = append(out, fmt.Sprintf("%s/%d-%d/%.0f", w.Text, w.Start.Milliseconds(), w.End.Milliseconds(), 100*w.P))
	}
	return strings.Join(out, " ")
}

// Answers as real services give them, shortened.
func TestAnswersOfRealServices(t *testing.T) {
	for _, c := range []struct {
		service, body string
		words, lang   string
		logProb       float64
	}{
		{
			"OpenAI: words beside the segments, without punctuation",
			`{"task":"transcribe","language":"english","duration":4.0,"text":"And so, my fellow Americans...",
			"words":[{"word":"And","start":0.0,"end":0.5},{"word":"so","start":0.5,"end":0.7},{"word":"my","start":1.0,"end":1.2},
			{"word":"fellow","start":1.2,"end":1.6},{"word":"Americans","start":1.6,"end":2.4}],
			"segments":[{"id":0,"seek":0,"start":0.0,"end":2.5,"text":" And so, my fellow Americans...","tokens":[1,2,3],"temperature":0.0,
			"avg_logprob":-0.2876820724517809,"compression_ratio":1.1,"no_speech_prob":0.01}]}`,
			"And/0-500/75 so,/500-700/75 my/1000-1200/75 fellow/1200-1600/75 Americans.../1600-2400/75", "en", -0.2876820724517809,
		},
		{
			"OpenAI: without words",
			`{"language":"french","text":"Oui. Très bien.","segments":[
			{"start":0.0,"end":1.0,"text":" Oui.","tokens":[1],"avg_logprob":-0.1},{"start":1.0,"end":2.0,"text":" Très bien.","tokens":[1,2,3],"avg_logprob":-0.5}]}`,
			"Oui./0-1000/90 Très/1000-1444/61 bien./1444-2000/61", "fr", -0.4,
		},
		{
			"whisper.cpp: tokens as words, segments cut within a word, the text cut into lines",
			`{"task":"transcribe","language":"english","duration":4.0,"text":" my fel\nlow, Americans.\n","segments":[
			{"id":0,"text":" my fel","start":0.0,"end":1.0,"tokens":[10,11],"words":[
			{"word":" my","start":0.1,"end":0.4,"t_dtw":-1,"probability":0.9},{"word":" fel","start":0.4,"end":1.0,"probability":0.8}],"avg_logprob":-0.2},
			{"id":1,"text":"low, Americans.","start":1.0,"end":2.0,"tokens":[12,13,14,15],"words":[
			{"word":"low","start":1.0,"end":1.2,"probability":0.6},{"word":",","start":1.2,"end":1.3,"probability":0.1},
			{"word":" Americans","start":1.3,"end":2.0,"probability":0.5},{"word":".","start":2.0,"end":2.0,"probability":0.9}],"avg_logprob":-0.5}],
			"detected_language":"english","language_probabilities":{"en":0.99}}`,
			"my/100-400/90 fellow,/400-1200/70 Americans./1300-2000/50", "en", -0.4,
		},
		{
			"faster-whisper: words with spaces and punctuation within segments",
			`{"language":"fr","text":"Tu viens ?","words":null,"segments":[{"start":0.2,"end":1.4,"text":" Tu viens ?","avg_logprob":-0.3,"compression_ratio":0.9,
			"words":[{"start":0.2,"end":0.5,"word":" Tu","probability":0.9},{"start":0.5,"end":1.4,"word":" viens ?","probability":0.8}]}]}`,
			"Tu/200-500/90 viens\u00a0?/500-1400/80", "fr", -0.3,
		},
		{
			"vLLM: numbers as text, probabilities that are none",
			`{"duration":"4.0","language":"en","text":" one two","segments":[{"id":42,"avg_logprob":-1.0,"compression_ratio":-1.0,"end":2.0,
			"no_speech_prob":-1.0,"seek":0,"start":"0.5","temperature":0.0,"text":" one two","tokens":[1,2]}],"words":null}`,
			"one/500-1250/0 two/1250-2000/0", "en", 0,
		},
		{
			"WhisperX: a word without a time",
			`{"language":"en","segments":[{"start":0,"end":2,"text":"in 2024 we","words":[{"word":"in","start":0.1,"end":0.3,"score":0.9},
			{"word":"2024"},{"word":"we","start":1.0,"end":1.2,"score":0.7}],"speaker":"SPEAKER_00"}]}`,
			"in/100-300/90 2024/300-300/0 we/1000-1200/70", "en", 0,
		},
		{
			"text only: spread over the voice", `{"text":" aaa bbb cccccc"}`,
			"aaa/0-750/0 bbb/750-1500/0 cccccc/1500-3000/0", "", 0,
		},
		{"nothing said", `{"text":"","segments":[]}`, "", "", 0},
		{"nothing said, with a language", `{"text":" ","language":"english","words":[],"segments":null}`, "", "en", 0},
		{
			"words that are not those of the text: they are joined by their spaces",
			`{"text":"quite different","segments":[{"start":0,"end":1,"text":"quite different","words":[
			{"word":" on","start":0,"end":0.1},{"word":"ly","start":0.1,"end":0.2},{"word":" this","start":0.2,"end":0.4}]}]}`,
			"only/0-200/0 this/200-400/0", "", 0,
		},
		{
			"words without spaces stay words",
			`{"text":"?","words":[{"word":"only","start":0,"end":0.2},{"word":"this","start":0.2,"end":0.4}]}`,
			"only/0-200/0 this/200-400/0", "", 0,
		},
		{
			"a script without spaces is one word",
			`{"text":"你好世界","segments":[{"start":0,"end":2,"text":"你好世界","words":[{"word":"你好","start":0,"end":1},{"word":"世界","start":1,"end":2}]}]}`,
			"你好世界/0-2000/0", "", 0,
		},
		{
			"times out of bounds and out of order",
			`{"text":"a b c d","words":[{"word":"a","start":-3,"end":99},{"word":"b","start":2,"end":1},{"word":"c","start":1,"end":1.5},{"word":"d","start":1e99,"end":1e99}]}`,
			"a/0-2000/0 b/2000-2000/0 c/2000-2000/0 d/4000-4000/0", "", 0,
		},
	} {
		got := hear(t, c.body)
		if s := shown(got.Words); s != c.words {
			t.Errorf("%s:\n got %s\nwant %s", c.service, s, c.words)
		}
		if got.Lang != c.lang || math.Abs(got.LogProb-c.logProb) > 1e-9 {
			t.Errorf("%s: language %q, log probability %v", c.service, got.Lang, got.LogProb)
		}
	}
}

func TestPunctuationIsNoWord(t *testing.T) {
	for text, want := range map[string]string{
		"« oui » - dit-il !": "«\u00a0oui\u00a0»\u00a0-|dit-il\u00a0!",
		"- oui":              "-\u00a0oui",
		"(a) ¿ qué ? …":      "(a)|¿\u00a0qué\u00a0?\u00a0…",
		"oui (":              "oui\u00a0(",
		"...":                "",
	} {
		if got := strings.Join(fieldsOf(text), "|"); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestPlainTextIsTaken(t *testing.T) {
	said, err := parseAnswer([]byte(" one two\n"), "text/plain; charset=utf-8")
	if err != nil {
		t.Fatal(err)
	}
	if got := said.result(asr.Request{PCM: make([]float32, asr.SampleRate)}, "en"); len(got.Words) != 2 || got.Lang != "en" {
		t.Errorf("%+v", got)
	}
}

func TestLanguageNames(t *testing.T) {
	for name, want := range map[string]string{
		"english": "en", "French": "fr", "fr": "fr", "fr-CA": "fr", "haitian creole": "ht", "cantonese": "yue", " german ": "de",
		"": "", "klingon": "", "auto": "", ":": "", "en, fr": "",
	} {
		if got := languageCode(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
