package parakeet

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"souffleur/asr"
)

// languages are what the model was trained on (its model card), BCP 47 primary subtags.
var languages = []string{
	"bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it",
	"lv", "lt", "mt", "pl", "pt", "ro", "sk", "sl", "es", "sv", "ru", "uk",
}

// Languages returns the 25 languages that the model hears, as BCP 47 primary subtags.
func Languages() []string { return slices.Clone(languages) }

// candidates returns what the speech of a request may be called: its language, or those allowed that the model knows; all of
// them if it names none. "fr-CA" is "fr".
func candidates(lang string, langs []string) ([]string, error) {
	if lang != "" {
		langs = []string{lang}
	}
	if len(langs) == 0 {
		return languages, nil
	}
	var known []string
	for _, l := range langs {
		code, _, _ := strings.Cut(strings.ToLower(l), "-")
		if slices.Contains(languages, code) && !slices.Contains(known, code) {
			known = append(known, code)
		}
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: %q", ErrLanguage, langs)
	}
	return known, nil
}

// stopWords are words that hardly a sentence does without, the same number for each language.
var stopWords = wordSets(map[string]string{
	"bg": "и на да се не от за че е са по ще това като или ми този беше има как",
	"cs": "a je že se to na jsem jsou jak ale který není ve by si tak už byl jako při",
	"da": "og er det at en til på af ikke jeg har de vi som med den for også var hvad",
	"de": "der die das und ist nicht ich ein eine zu den mit auf wir sie es von auch sich dem",
	"el": "και το να η ο του της είναι με για στο την δεν που τα από θα στην μια οι",
	"en": "the and of to in is that it you was for we this are with have not be they on",
	"es": "el la los de que y no en un una es por las con para del está pero como más",
	"et": "ja on ei et see ta mis oli ma kui ka aga mida siis ning kes või seda meie nad",
	"fi": "ja on ei se että oli hän mutta ovat niin kun joka mitä myös ole tämä sen me voi minä",
	"fr": "le la les des et est que de un une pas je vous nous dans qui pour sur ce il",
	"hr": "i je u na da se su za od što kako nije bio koji ali ili sam smo bi kao",
	"hu": "a az és hogy nem is egy van ez meg volt mint csak de már vagy mert ki kell még",
	"it": "il di che è la non un per sono una con del gli della in le anche questo ma si",
	"lt": "ir kad yra į su iš tai bet kaip ne jis buvo apie mes aš ar jau tik prie labai",
	"lv": "un ir ka no par uz es ar kas bet vai nav tā mēs bija arī lai viņš šis kā",
	"mt": "il li u ta f dan biex hija mhux għal kien ma minn dwar din huwa jew fil tal kull",
	"nl": "de het een en van ik dat is niet op te zijn voor met maar ook we er aan naar",
	"pl": "i w nie na się jest to że z do jak ale co tak są jego przez tym od czy",
	"pt": "o de que e não um uma os as do da é para com você no na em mais por",
	"ro": "și de în la că o un nu este pe cu pentru sunt mai care din să ce au dar",
	"ru": "и в не на что я с это как а он по но мы был для так его от все",
	"sk": "a je v že sa to na som sú ako ale ktorý nie pre by čo už aj bol pri",
	"sl": "in je na da se za ne ki pa kot bil smo sem v so tudi bi ali še lahko",
	"sv": "och det att i är på som för av inte den jag vi har ett med till en var men",
	"uk": "і в не на що я з це як та до але ми за є він був від або у",
})

func wordSets(lists map[string]string) map[string]map[string]bool {
	sets := make(map[string]map[string]bool, len(lists))
	for lang, list := range lists {
		sets[lang] = make(map[string]bool)
		for _, w := range strings.Fields(list) {
			sets[lang][w] = true
		}
	}
	return sets
}

// spokenLanguage says which of the languages among words are, by the stop words they have: cheap, and enough to tell the
// languages of a room apart. (The texts of 16 FLEURS clips in fr, en, de, es and pt are all told from the other 24.) The first wins where two have as many. Words without any tell nothing: they are taken for the
// first language of a room, but for none ("") where any language is possible.
func spokenLanguage(words []asr.RecognizedWord, among []string) string {
	if len(among) == 1 {
		return among[0]
	}
	best, most := "", 0
	if len(among) < len(languages) {
		best = among[0]
	}
	hits := make(map[string]int, len(among))
	for _, w := range words {
		for _, part := range strings.FieldsFunc(strings.ToLower(w.Text), isNoLetter) { // "l'été" is "l" and "été"
			for _, lang := range among {
				if stopWords[lang][part] {
					hits[lang]++
				}
			}
		}
	}
	for _, lang := range among {
		if hits[lang] > most {
			best, most = lang, hits[lang]
		}
	}
	return best
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }
