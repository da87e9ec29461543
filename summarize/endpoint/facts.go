package endpoint

import (
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/minutes"
	"souffleur/summarize/verify"
)

// Kinds of facts, as models name them.
const (
	point    = "point"
	decision = "decision"
	action   = "action"
	open     = "question"
)

// fact is what a model found in a block and checks did not refuse.
type fact struct {
	Kind       string              `json:"kind"`
	Text       string              `json:"text"`
	Evidence   []meeting.SegmentID `json:"evidence"`
	Owner      string              `json:"owner,omitempty"`
	Due        string              `json:"due,omitempty"`
	Unverified string              `json:"unverified,omitempty"`

	topic    int // set when facts are gathered
	mentions int // how many facts say the same
	stems    []string
}

// found is the result of one block, as it is kept.
type found struct {
	Split   bool   `json:"split,omitempty"` // it was too long: its halves have the results
	Title   string `json:"title,omitempty"`
	Facts   []fact `json:"facts"`
	Dropped int    `json:"dropped"`
}

// reader reads and checks the answers about one block.
type reader struct {
	source  *verify.Source
	lang    string
	block   block
	found   found
	pending []fact // refused for owner or deadline
}

// read implements listener.
func (r *reader) read(text string) ([]refused, error) {
	a, ok := readFacts(text)
	if !ok {
		return nil, errUnreadable
	}
	r.title(a.Title)
	if r.elsewhere(a) {
		r.found.Dropped = len(a.Facts)
		return []refused{{Text: a.Facts[0].Text.trim(mostText), Reason: wrongLanguage(r.lang)}}, nil
	}
	no := r.take(a)
	r.found.Dropped = len(no)
	return no, nil
}

// reread implements listener.
func (r *reader) reread(text string) error {
	before := len(r.found.Facts)
	if a, ok := readFacts(text); ok {
		if r.elsewhere(a) {
			return &Failure{Code: minutes.EndpointLanguage, Err: errElsewhere}
		}
		r.title(a.Title)
		r.take(a)
	}
	r.settle()
	r.found.Dropped = max(r.found.Dropped-(len(r.found.Facts)-before), 0)
	return nil
}

func (r *reader) title(t looseText) {
	if text := t.trim(mostTitle); r.found.Title == "" && text != "" && r.source.Heading(r.lang, text, r.block.has) == "" {
		r.found.Title = text
	}
}

// take accepts what passes and returns the rest with reasons.
func (r *reader) take(a factAnswer) []refused {
	var no []refused
	for _, loose := range a.Facts {
		f, rule := r.factOf(loose), verify.Evidence
		if len(f.Evidence) > 0 {
			rule = r.check(&f)
		}
		switch rule {
		case "":
			r.accept(f)
			continue
		case verify.Owner, verify.Due:
			r.pending = append(r.pending, f)
		}
		no = append(no, refused{Text: f.Text, Reason: reason(r.lang, rule)})
	}
	return no
}

// settle keeps actions without an owner or a deadline that was not said.
func (r *reader) settle() {
	for _, f := range r.pending {
		for _, less := range []fact{{Owner: f.Owner}, {Due: f.Due}, {}} {
			less.Kind, less.Text, less.Evidence = f.Kind, f.Text, f.Evidence
			if r.check(&less) == "" {
				r.accept(less)
				break
			}
		}
	}
	r.pending = nil
}

// accept adds a fact, unless it is there.
func (r *reader) accept(f fact) {
	f.stems = stemsOf(r.lang, f.Text)
	there := slices.ContainsFunc(r.found.Facts, func(o fact) bool { return o.Kind == f.Kind && alike(o.stems, f.stems) >= sameWords })
	if !there && len(r.found.Facts) < mostFacts {
		r.found.Facts = append(r.found.Facts, f)
	}
}

// check returns the rule that a fact fails. One that a person has to judge is marked as unverified and passes; but not where somebody spoke
// to the machine.
func (r *reader) check(f *fact) verify.Rule {
	l := minutes.Line{Text: f.Text, Evidence: f.Evidence}
	var rule verify.Rule
	if f.Kind == action {
		rule = r.source.Action(r.lang, &minutes.Action{Line: l, Owner: f.Owner, Due: f.Due}, r.block.has)
	} else {
		rule = r.source.Line(r.lang, &l, r.block.has)
	}
	if rule.Open() && !r.block.hostile() {
		f.Unverified = string(rule)
		return ""
	}
	return rule
}

// factOf reads a fact. It has no evidence if it cites lines that are not there.
func (r *reader) factOf(loose looseFact) fact {
	f := fact{Kind: kindOf(loose.Kind), Text: loose.Text.trim(mostText), Evidence: r.block.segments(loose.Evidence)}
	if f.Kind == action {
		f.Owner, f.Due = named(loose.Owner), named(loose.Due)
	}
	return f
}

func kindOf(kind looseText) string {
	switch k := strings.ToLower(kind.trim(mostName)); k {
	case decision, action, open:
		return k
	case "décision":
		return decision
	}
	return point
}

// nobody are words that models write where they were told to write nothing.
var nobody = []string{"none", "null", "n/a", "na", "nobody", "no one", "unknown", "not specified", "unspecified", "tbd", "-", "…", "...", "?",
	"aucun", "aucune", "personne", "inconnu", "non precise", "non specifie", "neant"}

func named(t looseText) string {
	s := t.trim(mostName)
	if slices.Contains(nobody, words.Fold(s)) {
		return ""
	}
	return s
}

// elsewhere says whether an answer is in another language than the minutes.
func (r *reader) elsewhere(a factAnswer) bool {
	var all strings.Builder
	for _, f := range a.Facts {
		all.WriteString(f.Text.trim(mostText) + "\n")
	}
	return elsewhere(r.lang, all.String())
}

func wrongLanguage(lang string) string {
	if lang == "fr" {
		return wrongLanguageFR
	}
	return wrongLanguageEN
}
