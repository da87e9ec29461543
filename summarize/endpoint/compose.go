package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
	"souffleur/summarize/verify"
)

// composed is what a model wrote from facts, as it is kept.
type composed struct {
	Title   string         `json:"title,omitempty"`
	Lines   []composedLine `json:"lines"`
	Dropped int            `json:"dropped"`
}

type composedLine struct {
	Text       string              `json:"text"`
	Evidence   []meeting.SegmentID `json:"evidence"`
	Unverified string              `json:"unverified,omitempty"`

	stems []string
}

// editor reads and checks the answers about facts.
type editor struct {
	work  *work
	facts []fact
	most  int
	done  composed
}

// read implements listener.
func (e *editor) read(text string) ([]refused, error) {
	a, ok := readLines(text)
	if !ok {
		return nil, errUnreadable
	}
	no := e.take(a)
	e.done.Dropped = len(no)
	return no, nil
}

// reread implements listener.
func (e *editor) reread(text string) error {
	before := len(e.done.Lines)
	if a, ok := readLines(text); ok {
		e.take(a)
	}
	e.done.Dropped = max(e.done.Dropped-(len(e.done.Lines)-before), 0)
	return nil
}

func (e *editor) take(a lineAnswer) []refused {
	lang := e.work.lang
	var no []refused
	for _, loose := range a.Lines {
		if len(e.done.Lines) == e.most {
			break
		}
		l := composedLine{Text: loose.Text.trim(mostText)}
		l.Evidence, l.Unverified = e.evidence(loose.Facts)
		switch rule := e.work.source.Line(lang, &minutes.Line{Text: l.Text, Evidence: l.Evidence}, nil); {
		case rule.Open() && l.Unverified != "":
		case rule == "" && elsewhere(lang, l.Text):
			no = append(no, refused{Text: l.Text, Reason: wrongLanguage(lang)})
			continue
		case rule != "":
			no = append(no, refused{Text: l.Text, Reason: reason(lang, rule)})
			continue
		}
		l.stems = stemsOf(lang, l.Text)
		if !slices.ContainsFunc(e.done.Lines, func(o composedLine) bool { return alike(o.stems, l.stems) >= sameWords }) {
			e.done.Lines = append(e.done.Lines, l)
		}
	}
	title := a.Title.trim(mostTitle)
	if e.done.Title == "" && title != "" && e.work.source.Heading(lang, title, e.cites) == "" {
		e.done.Title = title
	}
	return no
}

// evidence gathers the segments of facts by their numbers, of each fact its first before the second of any; none if one is no fact.
// A line on facts of which one is unverified is unverified.
func (e *editor) evidence(numbers []int) (ids []meeting.SegmentID, unverified string) {
	var of []fact
	for _, n := range numbers {
		if n < 1 || n > len(e.facts) {
			return nil, ""
		}
		of = append(of, e.facts[n-1])
		if u := e.facts[n-1].Unverified; u != "" {
			unverified = u
		}
	}
	for i := range verify.MostEvidence {
		for _, f := range of {
			if i < len(f.Evidence) {
				ids = append(ids, f.Evidence[i])
			}
		}
	}
	return e.work.byTime(ids), unverified
}

func (e *editor) cites(id meeting.SegmentID) bool {
	return slices.ContainsFunc(e.facts, func(f fact) bool { return slices.Contains(f.Evidence, id) })
}

// compose has the model write lines from facts. What it cannot do well is left to the caller, who has the facts: only the end of the
// context is an error.
func (w *work) compose(ctx context.Context, prompt string, facts []fact, least, most int) (composed, error) {
	q := w.factQuestion(prompt, facts, least, most)
	for len(facts) > most && !w.service().fits(q) {
		facts = facts[:len(facts)*3/4] // the lowest ranks
		q = w.factQuestion(prompt, facts, least, most)
	}
	key := w.writer.key(prompt, q)
	var done composed
	if w.writer.load(ctx, key, &done) {
		return done, nil
	}
	e := &editor{work: w, facts: facts, most: most}
	err := w.service().talk(ctx, q, e)
	if ctx.Err() != nil {
		return composed{}, fmt.Errorf("write the %s: %w", prompt, ctx.Err())
	}
	if err == nil {
		w.writer.save(ctx, key, e.done)
	}
	return e.done, nil
}

func (w *work) factQuestion(prompt string, facts []fact, least, most int) question {
	var b strings.Builder
	for i, f := range facts {
		fmt.Fprintf(&b, "[F%d] %s\n", i+1, plain(f.Text, mostText))
	}
	return question{
		messages: conversation(prompt, w.lang, brief{Form: lineExample, Least: least, Most: most}, b.String()), lang: w.lang, form: lineForm,
	}
}

var errElsewhere = errors.New("the model answers in another language")

// elsewhere says whether a text is clearly in another language than the minutes.
func elsewhere(lang, text string) bool {
	is := prose.LanguageOf(text)
	return is != "" && is != lang && known(lang)
}

// known says whether a language is told apart from others by its frequent words.
func known(lang string) bool { return words.Language(lang) != words.Unknown }
