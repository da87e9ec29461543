package export

import (
	"fmt"

	"golang.org/x/text/language"

	"souffleur/internal/meeting"
)

// Lang is a language in which a file says what nobody in the meeting said.
type Lang string

// The languages, as BCP 47 tags.
const (
	English Lang = "en"
	French  Lang = "fr"
)

// languages matches what readers prefer with what there is; the first is for all others.
var languages = language.NewMatcher([]language.Tag{language.English, language.French})

// ParseLang returns the language that suits a reader best who prefers these, in the form of the header Accept-Language or
// a single tag ("fr-CA"). What is not understood means English.
func ParseLang(preferred string) Lang {
	tags, _, err := language.ParseAcceptLanguage(preferred)
	if err != nil {
		return English
	}
	if _, at, _ := languages.Match(tags...); at == 1 {
		return French
	}
	return English
}

// gapText says how much sound was lost.
func gapText(s *meeting.Segment, lang Lang) string {
	seconds := max((bounded(s.T1)-bounded(s.T0)+500)/1000, 1)
	form := map[Lang][2]string{
		English: {"[%d\u00a0s of sound was lost]", "[%d\u00a0s of sound were lost]"},
		French:  {"[%d\u00a0s de son perdue]", "[%d\u00a0s de son perdues]"},
	}[lang]
	if seconds == 1 {
		return fmt.Sprintf(form[0], seconds)
	}
	return fmt.Sprintf(form[1], seconds)
}

// gapSegment returns what stands in subtitles for a gap, for as long as a cue may be shown.
func gapSegment(gap *meeting.Segment, lang Lang) *meeting.Segment {
	s := *gap
	s.Text, s.Words = gapText(gap, lang), nil
	start := bounded(s.T0)
	s.T1 = min(max(bounded(s.T1), start), start+maxCueMS)
	return &s
}
