package eval

import (
	"fmt"
	"maps"
	"slices"

	"souffleur/internal/meeting"
)

// Long makes a meeting of so many words or more of the scripts in a language, one after the other and again, each time as a recogniser
// with other errors writes them: no meeting says the same twice, letter for letter.
func Long(scripts map[string]*Script, lang string, words int, errors float64) *Script {
	vocabulary := Vocabulary(scripts, lang)
	long := &Script{Lang: lang, Title: fmt.Sprintf("%d words", words), Date: "2026-11-26"}
	at := int64(0)
	for round := uint64(1); words > 0; round++ {
		before := words
		for _, name := range slices.Sorted(maps.Keys(scripts)) {
			s := scripts[name]
			if s.Lang != lang || words <= 0 {
				continue
			}
			s = s.Noisy(Noise{Errors: errors, Seed: round}, vocabulary)
			for _, g := range s.Segments {
				g.Seg = meeting.SegmentID(fmt.Sprintf("l%06d", len(long.Segments)))
				g.T0, g.T1 = g.T0+at, g.T1+at
				long.Segments = append(long.Segments, g)
				words -= len(meeting.Fields(g.Text))
			}
			at = long.Segments[len(long.Segments)-1].T1 + pauseMS
			for _, n := range s.Names {
				if !slices.Contains(long.Names, n) {
					long.Names = append(long.Names, n)
				}
			}
		}
		if words == before {
			break // no script has this language
		}
	}
	return long
}
