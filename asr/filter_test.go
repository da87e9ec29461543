package asr

import (
	"math"
	"strings"
	"testing"
	"time"
)

// spoken is speech of so many seconds, all of it voice unless voiced says how much.
func spoken(seconds float64, voiced ...span) speech {
	s := speech{pcm: make([]float32, int(seconds*SampleRate)), closed: true, voiced: voiced}
	for i := range s.pcm {
		s.pcm[i] = 0.1
	}
	if voiced == nil {
		s.voiced = []span{{0, int64(len(s.pcm))}}
	}
	return s
}

func TestBelieve(t *testing.T) {
	for name, c := range map[string]struct {
		said    string
		lang    string
		logProb float64
		seconds float64
		want    refusal
	}{
		"plain speech":               {"we begin with the budget of this year", "en", -0.3, 3, ""},
		"guessed":                    {"we begin with the budget", "en", -1.2, 3, refusedDoubt},
		"not a number":               {"we begin", "en", math.NaN(), 3, refusedDoubt},
		"a word four times":          {"no no no no", "en", -0.2, 3, refusedRepetition},
		"three times is emphasis":    {"no no no", "en", -0.2, 3, ""},
		"a phrase four times":        {"and I said and I said and I said and I said", "en", -0.3, 6, refusedRepetition},
		"a loop with an end":         {strings.Repeat("it was the thing that we had to do now ", 8), "en", -0.3, 30, refusedRepetition},
		"faster than anybody speaks": {"a b c d e f g h i j k l m n o p q r s t u v w x", "en", -0.3, 2, refusedRepetition},
		"a real thank you":           {"Merci.", "fr", -0.2, 2, ""},
		"a short one is doubtful":    {"Merci.", "fr", -0.2, 1, refusedPhrase},
		"a guessed one is refused":   {"Merci d’avoir regardé cette vidéo !", "fr", -0.6, 4, refusedPhrase},
		"subtitle credit":            {"Sous-titrage ST' 501", "fr", -0.6, 4, refusedPhrase},
		"English list for English":   {"Thanks for watching!", "en", -0.7, 4, refusedPhrase},
		"unknown language":           {"Thank you.", "", -0.6, 4, refusedPhrase},
		"French list not for German": {"à bientôt", "en", -0.6, 4, ""},
		"nothing":                    {"", "en", -3, 2, ""},
	} {
		words, got := believe(Result{Lang: c.lang, LogProb: c.logProb, Words: spread(c.said, c.seconds)}, "", spoken(c.seconds), minLogProb)
		if got != c.want || got == "" && text(words) != c.said {
			t.Errorf("%s: refused for %q with text %q, want %q", name, got, text(words), c.want)
		}
	}
}

// spread lays the words of a text evenly over so many seconds.
func spread(said string, seconds float64) []RecognizedWord {
	fields := strings.Fields(said)
	var words []RecognizedWord
	for i, w := range fields {
		each := time.Duration(seconds * float64(time.Second) / float64(len(fields)))
		words = append(words, RecognizedWord{Text: w, Start: time.Duration(i) * each, End: time.Duration(i+1) * each, P: 0.8})
	}
	return words
}

func TestWeakTextNeedsVoice(t *testing.T) {
	r := Result{Lang: "en", LogProb: -0.8, Words: spread("we begin with the budget", 4)}
	if _, got := believe(r, "", spoken(4), minLogProb); got != "" {
		t.Errorf("with voice all the time: refused for %q", got)
	}
	if _, got := believe(r, "", spoken(4, span{0, 8000}, span{56000, 64000}), minLogProb); got != refusedDoubt {
		t.Errorf("with a quarter of voice: refused for %q", got)
	}
}

func TestNoisesAreStripped(t *testing.T) {
	for said, want := range map[string]string{
		"[Musique]":                "",
		"*rires* Bonjour":          "Bonjour",
		"[BLANK_AUDIO] we begin":   "we begin",
		"we (laughs loudly) begin": "we begin",
		"♪ la la ♪":                "la la",
		"we [ begin again":         "we begin again",
		"- ... begin":              "begin",
		"*we begin":                "we begin",
	} {
		if got := text(cleanWords(spread(said, 2), spoken(2))); got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
}

func TestWordsFarFromVoiceAreDropped(t *testing.T) {
	s := spoken(6, span{32000, 48000}) // voice from 2 to 3 s
	got := text(cleanWords(spread("a b c d e f", 6), s))
	if got != "c d" && got != "b c d" {
		t.Errorf("kept %q of one word a second with voice in the third", got)
	}
}

func TestTimesAreRepaired(t *testing.T) {
	words := []RecognizedWord{
		{Text: "a", Start: -time.Second, End: time.Second, P: 2},
		{Text: "b", Start: 500 * time.Millisecond, End: 100 * time.Millisecond, P: float32(math.NaN())},
		{Text: "c", Start: 200 * time.Millisecond, End: time.Hour, P: 0.5},
	}
	last := time.Duration(0)
	for _, w := range cleanWords(words, spoken(2)) {
		if w.Start < last || w.End < w.Start || w.End > 2*time.Second || !(w.P >= 0 && w.P <= 1) {
			t.Errorf("word %+v", w)
		}
		last = w.Start
	}
}

func TestSilenceIsNotRecognised(t *testing.T) {
	cfg := defaultEndpointing()
	if tooSilent(spoken(3), cfg) {
		t.Error("speech is silence")
	}
	if !tooSilent(spoken(8, span{0, 8000}, span{120000, 128000}), cfg) {
		t.Error("an eighth of voice is speech")
	}
	quiet := spoken(3)
	clear(quiet.pcm)
	if !tooSilent(quiet, cfg) {
		t.Error("zeros are speech")
	}
}

func TestThePromptReadBackIsRefused(t *testing.T) {
	glossary := prompt([]string{"USOC", "Jean-Luc Ferré", "Mashhad"})
	for said, want := range map[string]refusal{
		"USOC, Jean-Luc Ferré, Mashhad.":    refusedPrompt,
		"Jean-Luc, Ferré, Mashhad":          "", // three words: somebody who was asked for a name
		"Jean-Luc Ferré vient de Mashhad.":  "",
		"Mashhad, Ferré, Jean-Luc et USOC.": "",
	} {
		if _, got := believe(Result{Lang: "fr", LogProb: -0.2, Words: spread(said, 4)}, glossary, spoken(4), minLogProb); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// sober is a recogniser that has no words for noise, or says that it has some.
type sober struct {
	*echo
	silent bool
}

func (s sober) SilentOnNoise() bool { return s.silent }

func TestARecogniserThatIsSilentOnNoiseIsBelieved(t *testing.T) {
	glossary := prompt([]string{"USOC", "Jean-Luc Ferré", "Mashhad"})
	for name, c := range map[string]struct {
		said            string
		logProb         float64
		speech          speech
		fanciful, sober string // text kept of a recogniser that invents, and of one that does not
	}{
		"unsure of a name":    {"Monsieur Szczepaniak arrive", -1.4, spoken(3), "", "Monsieur Szczepaniak arrive"},
		"a short thank you":   {"Merci.", -0.2, spoken(1), "", "Merci."},
		"the glossary":        {"USOC, Jean-Luc Ferré, Mashhad.", -0.2, spoken(4), "", "USOC, Jean-Luc Ferré, Mashhad."},
		"a voice not noticed": {"a b c d e f", -0.2, spoken(6, span{32000, 48000}), "b c d", "a b c d e f"},
		"noises":              {"[Musique] bonjour", -0.2, spoken(2), "bonjour", "bonjour"},
		"a loop":              {"no no no no no", -0.2, spoken(3), "", ""},
	} {
		answer := Result{Lang: "fr", LogProb: c.logProb, Words: spread(c.said, duration(int64(len(c.speech.pcm))).Seconds())}
		engine := &echo{fail: func(int, Request) (Result, error, bool) { return answer, nil, true }}
		for rec, want := range map[Recognizer]string{engine: c.fanciful, sober{engine, false}: c.fanciful, sober{engine, true}: c.sober} {
			r, err := recognize(t.Context(), rec, Request{Prompt: glossary})
			if err != nil {
				t.Fatal(err)
			}
			if words, refused := believe(r, glossary, c.speech, minLogProb); text(words) != want {
				t.Errorf("%s, %T: kept %q, refused for %q, want %q", name, rec, text(words), refused, want)
			}
		}
	}
}
