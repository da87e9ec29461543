package eval

import (
	"slices"
	"strings"
)

// functionWords are words that carry no matter and are frequent in their language: of each, those that none of the others
// has, and some that two share, which then speak for both.
var functionWords = map[string][]string{
	"fr": strings.Fields("le la les l un une des du d de et est sont dans que qu qui pour pas sur avec ce cette ces il elle ils elles nous vous se s ne n par plus au aux en mais ou où leur leurs son sa ses été être a ont comme"),
	"en": strings.Fields("the a an of and is are was were in that which who for not on with this these those it he she they we you by more at but or their his her been be has have had as to from i"),
	"de": strings.Fields("der die das den dem des ein eine einen einem einer und ist sind war waren in dass welche für nicht auf mit dieser diese dieses es er sie wir ihr von mehr zu zum zur aber oder sein seine hat haben wird werden als auch im sich bei nach"),
	"es": strings.Fields("el la los las un una unos unas del de y es son en que quien para no sobre con este esta estos estas se su sus por más al pero o como fue ser ha han lo le les muy también hay"),
	"pt": strings.Fields("o a os as um uma uns umas do da dos das de e é são em no na nos nas que quem para não sobre com este esta estes estas se seu sua seus suas por mais ao à mas ou como foi ser tem têm lhe muito também há"),
}

// leastEvidence is how many function words a text needs for a verdict, and how many more than of any other language.
const (
	leastEvidence = 3
	leastLead     = 1
)

// Tongue says in which of fr, en, de, es and pt a text is written, judged by its function words alone; "" if there are too
// few, or two languages have as many. It knows nothing of what an engine said about the language.
func Tongue(text string) string {
	said := words(strings.ToLower(text))
	best, most, second := "", 0, 0
	for lang, list := range functionWords {
		n := 0
		for _, w := range said {
			for _, part := range strings.Split(w, "'") { // l'été, I'm
				if slices.Contains(list, part) {
					n++
				}
			}
		}
		switch {
		case n > most:
			best, most, second = lang, n, most
		case n > second:
			second = n
		}
	}
	if most < leastEvidence || most-second < leastLead {
		return ""
	}
	return best
}

// LanguageFigures say how the languages of recordings were found, whose language nobody had told.
type LanguageFigures struct {
	Spoken     string `json:"spoken"`
	Recordings int    `json:"recordings"`
	Finals     int    `json:"finals"`
	Right      int    `json:"right"`      // finals that say the language spoken
	Wrong      int    `json:"wrong"`      // finals that say another
	Translated int    `json:"translated"` // finals written in another language than spoken, by Tongue, whatever they say
	Errors     Errors `json:"errors"`
}

// NoiseFigures say what was written of a sound that holds no speech.
type NoiseFigures struct {
	Sound      string  `json:"sound"`
	Seconds    float64 `json:"seconds"`
	Shown      int     `json:"shown"`      // words on screen, in partials
	Stored     int     `json:"stored"`     // words of finals
	Recognised int     `json:"recognised"` // how often the engine was asked, because the voice detector heard a voice
}
