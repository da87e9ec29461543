package main

import (
	"context"
	"maps"
	"slices"

	"souffleur/summarize/cues"
	"souffleur/summarize/eval"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
	"souffleur/summarize/verify"
)

// Halves of the scripts: every second one, by name.
const (
	tuning  = "tuning"
	heldOut = "held out"
)

// clean is text without noise.
const clean = "clean"

// noises are how recognisers write: with a tenth of the words wrong; without punctuation and capitals; both.
var noises = []struct {
	name  string
	noise eval.Noise
}{
	{clean, eval.Noise{}},
	{"10 % errors", eval.Noise{Errors: 0.1}},
	{"bare", eval.Noise{Bare: true}},
	{"bare, 10 % errors", eval.Noise{Errors: 0.1, Bare: true}},
}

// seeds are how many times errors are drawn; figures are of all together.
const seeds = 5

// versions returns a script as it is written with a noise, once for each draw.
func versions(s *eval.Script, n eval.Noise, vocabulary []string) []*eval.Script {
	if n == (eval.Noise{}) {
		return []*eval.Script{s}
	}
	var all []*eval.Script
	draws := seeds
	if n.Errors == 0 {
		draws = 1
	}
	for seed := range draws {
		n.Seed = uint64(seed + 1)
		all = append(all, s.Noisy(n, vocabulary))
	}
	return all
}

// foundRow is how well one kind is found.
type foundRow struct {
	Noise     string  `json:"text"`
	Half      string  `json:"half"`
	Kind      string  `json:"kind"`
	Right     int     `json:"right"`
	Found     int     `json:"found"`
	Wanted    int     `json:"wanted"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
}

func findings(scripts map[string]*eval.Script) []foundRow {
	var rows []foundRow
	words := vocabularies(scripts)
	kinds := []cues.Kind{cues.Action, cues.Decision, cues.Question}
	for _, n := range noises {
		sums := map[string]map[cues.Kind]*eval.Count{tuning: {}, heldOut: {}}
		for i, name := range slices.Sorted(maps.Keys(scripts)) {
			half := []string{tuning, heldOut}[i%2]
			for _, s := range versions(scripts[name], n.noise, words[scripts[name].Lang]) {
				sentences := prose.Of(s.Segments)
				found := cues.Find(sentences, s.Names)
				for _, kind := range kinds {
					if sums[half][kind] == nil {
						sums[half][kind] = &eval.Count{}
					}
					c, _ := s.Score(kind, sentences, found)
					sums[half][kind].Add(c)
				}
			}
		}
		for _, half := range []string{tuning, heldOut} {
			for _, kind := range kinds {
				if c := sums[half][kind]; c != nil {
					rows = append(rows, foundRow{n.name, half, string(kind), c.Right, c.Found, c.Wanted, c.Precision(), c.Recall()})
				}
			}
		}
	}
	return rows
}

func vocabularies(scripts map[string]*eval.Script) map[string][]string {
	words := map[string][]string{}
	for _, s := range scripts {
		if words[s.Lang] == nil {
			words[s.Lang] = eval.Vocabulary(scripts, s.Lang)
		}
	}
	return words
}

// heldRow is how many lines stand up to checks.
type heldRow struct {
	Noise     string `json:"text"`
	Lines     int    `json:"lines"`
	Citations int    `json:"citations"` // cite what exists, word for word
	Numbers   int    `json:"numbers"`   // and dates: have only what was said there
	Names     int    `json:"names"`
}

// hold checks the lines of all scripts, with all details.
func hold(ctx context.Context, scripts map[string]*eval.Script) ([]heldRow, error) {
	var rows []heldRow
	words := vocabularies(scripts)
	for _, n := range noises {
		row := heldRow{Noise: n.name}
		for _, name := range slices.Sorted(maps.Keys(scripts)) {
			for _, s := range versions(scripts[name], n.noise, words[scripts[name].Lang]) {
				for _, detail := range []minutes.Detail{minutes.Brief, minutes.Normal, minutes.Full} {
					if err := row.check(ctx, s.Job(detail)); err != nil {
						return nil, err
					}
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *heldRow) check(ctx context.Context, job *minutes.Job) error {
	doc, err := extract.New().Write(ctx, job, nil)
	if err != nil {
		return err
	}
	source := verify.NewSource(job)
	failed := len(source.Document(doc))
	all := lines(doc)
	r.Lines += len(all)
	r.Citations += len(all) - failed
	for _, l := range all {
		l.Quote = false // the rules for what is not verbatim look at its facts
		switch source.Line(doc.Lang, &l, nil) {
		case verify.Numbers, verify.Dates:
			r.Names++
		case verify.Names:
			r.Numbers++
		default:
			r.Numbers++
			r.Names++
		}
	}
	return nil
}

// lines returns all lines of a document.
func lines(doc *minutes.Document) []minutes.Line {
	all := slices.Concat(doc.Overview, doc.Decisions, doc.Questions)
	for _, t := range doc.Topics {
		all = append(all, t.Points...)
	}
	for _, a := range doc.Actions {
		all = append(all, a.Line)
	}
	return all
}
