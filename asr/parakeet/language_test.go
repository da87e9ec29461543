package parakeet

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"souffleur/asr"
)

func said(text string) []asr.RecognizedWord {
	var words []asr.RecognizedWord
	for _, w := range strings.Fields(text) {
		words = append(words, asr.RecognizedWord{Text: w})
	}
	return words
}

func TestEachLanguageIsToldByItsStopWords(t *testing.T) {
	sentences := map[string]string{
		"bg": "Днес ще говорим за бюджета и това не е лесно, но има време.",
		"cs": "Dnes se podíváme na rozpočet a myslím, že to není tak jednoduché, ale jsem rád.",
		"da": "I dag taler vi om budgettet, og det er ikke let, men jeg har også gode nyheder.",
		"de": "Heute sprechen wir über den Haushalt, und das ist nicht einfach, aber ich habe auch gute Nachrichten.",
		"el": "Σήμερα θα μιλήσουμε για τον προϋπολογισμό και δεν είναι εύκολο να το κάνουμε.",
		"en": "Today we talk about the budget, and it is not easy, but they have good news for you.",
		"es": "Hoy hablamos del presupuesto, y no es fácil, pero la noticia para los vecinos es buena.",
		"et": "Täna räägime eelarvest ja see ei ole lihtne, aga ma arvan, et meie saame hakkama.",
		"fi": "Tänään puhumme budjetista, ja se ei ole helppoa, mutta minä luulen, että me voimme.",
		"fr": "Aujourd'hui, nous parlons du budget, et ce n'est pas facile pour les gens qui l'attendent.",
		"hr": "Danas govorimo o proračunu i to nije lako, ali mislim da je dobro što smo ovdje.",
		"hu": "Ma a költségvetésről beszélünk, és ez nem könnyű, de azt hiszem, hogy van megoldás.",
		"it": "Oggi parliamo del bilancio, e non è facile, ma questo è anche il momento della verità.",
		"lt": "Šiandien kalbame apie biudžetą, ir tai nėra lengva, bet mes jau turime planą, kad yra kaip.",
		"lv": "Šodien mēs runājam par budžetu, un tas nav viegli, bet es domāju, ka ir arī labas ziņas.",
		"mt": "Illum nitkellmu dwar il-baġit, u dan mhux faċli, biex kull min hawn jifhem li hija ħaġa sew.",
		"nl": "Vandaag praten we over de begroting, en dat is niet makkelijk, maar ik heb ook goed nieuws.",
		"pl": "Dziś mówimy o budżecie i to nie jest łatwe, ale myślę, że się uda.",
		"pt": "Hoje falamos do orçamento, e não é fácil, mas a notícia para você é boa.",
		"ro": "Astăzi vorbim despre buget și nu este ușor, dar cred că sunt vești bune pentru noi.",
		"ru": "Сегодня мы говорим о бюджете, и это не просто, но я думаю, что он готов.",
		"sk": "Dnes sa pozrieme na rozpočet a myslím, že to nie je také jednoduché, ale som rád.",
		"sl": "Danes govorimo o proračunu in to ni lahko, pa mislim, da smo tudi tokrat pripravljeni, ker se je splačalo.",
		"sv": "I dag talar vi om budgeten, och det är inte lätt, men jag har ett gott besked till den som väntar.",
		"uk": "Сьогодні ми говоримо про бюджет, і це не просто, але я думаю, що він є.",
	}
	for _, lang := range Languages() {
		if got := spokenLanguage(said(sentences[lang]), languages); got != lang {
			t.Errorf("%s was taken for %q", lang, got)
		}
	}
}

func TestOnlyLanguagesOfTheRoomAreConsidered(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		among []string
		want  string
	}{
		"the only one":               {"we begin with the budget", []string{"fr"}, "fr"},
		"the second of the room":     {"we begin with the budget", []string{"fr", "en"}, "en"},
		"no stop word":               {"Merci beaucoup", []string{"en", "fr"}, "en"},
		"no stop word, any language": {"Merci beaucoup", languages, ""},
		"nothing said":               {"", []string{"de", "fr"}, "de"},
		"punctuation and case":       {"«\u00a0LE budget\u00a0», c'EST.", []string{"en", "fr"}, "fr"},
		"a tie":                      {"de de", []string{"pt", "es"}, "pt"},
	} {
		if got := spokenLanguage(said(c.text), c.among); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestLanguagesThatTheModelDoesNotKnowAreRefused(t *testing.T) {
	for _, c := range []struct {
		lang  string
		langs []string
		want  []string // nil: refused
	}{
		{"", nil, languages},
		{"fr-CA", nil, []string{"fr"}},
		{"EN", []string{"fr"}, []string{"en"}},
		{"", []string{"ja", "pt-BR", "pt", "fr"}, []string{"pt", "fr"}},
		{"ja", []string{"fr"}, nil},
		{"", []string{"ja", "zh"}, nil},
		{"e\x00n", nil, nil},
	} {
		got, err := candidates(c.lang, c.langs)
		if !slices.Equal(got, c.want) || (c.want == nil) != errors.Is(err, ErrLanguage) {
			t.Errorf("%q, %q: %q, %v", c.lang, c.langs, got, err)
		}
	}
}

func TestThereAreTwentyFiveLanguages(t *testing.T) {
	all := Languages()
	if len(all) != 25 || len(stopWords) != 25 {
		t.Errorf("%d languages, stop words of %d", len(all), len(stopWords))
	}
	all[0] = "xx"
	if slices.Contains(Languages(), "xx") {
		t.Error("a caller can change them")
	}
	for lang, words := range stopWords {
		if len(words) != 20 {
			t.Errorf("%s has %d stop words", lang, len(words))
		}
	}
}
