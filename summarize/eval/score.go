package eval

import (
	"fmt"
	"slices"

	"souffleur/internal/meeting"
	"souffleur/summarize/cues"
	"souffleur/summarize/prose"
)

// Count is how many were right, found, and wanted.
type Count struct{ Right, Found, Wanted int }

// Add adds up.
func (c *Count) Add(o Count) {
	c.Right, c.Found, c.Wanted = c.Right+o.Right, c.Found+o.Found, c.Wanted+o.Wanted
}

// Precision returns the share of what was found that is right; 1 if nothing was found.
func (c Count) Precision() float64 { return share(c.Right, c.Found) }

// Recall returns the share of what was wanted that was found; 1 if nothing was wanted.
func (c Count) Recall() float64 { return share(c.Right, c.Wanted) }

// String tells all of it.
func (c Count) String() string {
	return fmt.Sprintf("precision %.2f recall %.2f (%d right, %d found, %d wanted)", c.Precision(), c.Recall(), c.Right, c.Found, c.Wanted)
}

func share(part, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(part) / float64(of)
}

// Miss is a finding without label, or a label without finding.
type Miss struct {
	Kind  cues.Kind
	Extra bool // found, and not wanted
	Text  string
}

// Score compares what was found in a script with its labels, for one kind. A finding is right if it stands on the line of a label, or
// where that sentence goes on; a label counts once.
func (s *Script) Score(kind cues.Kind, sentences []prose.Sentence, found []cues.Finding) (Count, []Miss) {
	var c Count
	var misses []Miss
	var open []Label
	for _, l := range s.Labels {
		if l.Kind == kind {
			open = append(open, l)
		}
	}
	c.Wanted = len(open)
	taken := map[int]bool{}
	for _, f := range found {
		if f.Kind != kind {
			continue
		}
		at := slices.IndexFunc(open, func(l Label) bool { return stands(l, &sentences[f.At]) })
		switch {
		case at < 0:
			c.Found++
			misses = append(misses, Miss{Kind: kind, Extra: true, Text: sentences[f.At].Text})
		case !taken[at]:
			c.Found, c.Right = c.Found+1, c.Right+1
			taken[at] = true
		}
	}
	for i, l := range open {
		if !taken[i] {
			misses = append(misses, Miss{Kind: kind, Text: l.Text})
		}
	}
	return c, misses
}

func stands(l Label, s *prose.Sentence) bool {
	return slices.ContainsFunc(s.Segments, func(id meeting.SegmentID) bool { return id == l.Seg || id != "" && id == l.Next })
}
