// Package verify checks minutes against what was said, by code alone: that cited segments exist, that a line's words, numbers, dates and
// names stand in them, that an action's owner and deadline do, and that nothing said is turned into its contrary. A line that passes
// says what somebody said; whether that is true, or what mattered, no rule here can tell.
//
// Rules know the words of French and English. In other languages only evidence, digits, participants and acronyms are compared, and the
// words by their stems. Start at [Source.Line].
package verify

import (
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
)

// Rule names what a line failed; "" is none.
type Rule string

// Open says whether a line that fails the rule may hold all the same: it could not be checked, and a person has to.
func (r Rule) Open() bool { return r == Language || r == Dictated }

// Rules, in the order in which they are checked.
const (
	Evidence    Rule = "evidence"    // cites nothing, too much, or what does not exist or lies elsewhere
	Instruction Rule = "instruction" // cites speech that tries to instruct the machine
	Quote       Rule = "quote"       // is given as verbatim and is not
	Numbers     Rule = "numbers"     // has a number that was not said there
	Dates       Rule = "dates"       // has a day, month or time that was not said there
	Names       Rule = "names"       // has a name that was not said there, nor speaks there
	Owner       Rule = "owner"       // of an action: neither speaks nor is named there
	Due         Rule = "due"         // of an action: its words were not said there, or mean another day
	Negation    Rule = "negation"    // denies what was affirmed, or the other way round
	Overlap     Rule = "overlap"     // fewer than half of its words were said there
	Language    Rule = "language"    // was said in another language: its words cannot be compared
	Dictated    Rule = "dictated"    // was said as what the minutes are to say
)

const (
	// MostEvidence bounds the segments that a line cites: one that cites everything could say anything.
	MostEvidence = 12
	// leastOverlap is the share of a line's content stems that its evidence must have.
	leastOverlap = 0.5
	// around is how many segments before and after a cited one count as its surroundings, at most.
	around = 4
)

// Source is what was said in a meeting, to check lines against. It is safe for concurrent use.
type Source struct {
	segments []meeting.Segment
	at       map[meeting.SegmentID]int
	orders   []bool // which segments speak to the machine
	names    map[meeting.SpeakerID]string
	people   []meeting.Person
	date     string
}

// NewSource returns the source of a job's lines. The job must not change while it is used.
func NewSource(job *minutes.Job) *Source {
	s := &Source{segments: job.Segments, at: make(map[meeting.SegmentID]int, len(job.Segments)), orders: make([]bool, len(job.Segments)), names: job.Names, people: job.People, date: job.Date}
	for i := range job.Segments {
		s.at[job.Segments[i].Seg], s.orders[i] = i, Instructs(job.Segments[i].Text)
	}
	return s
}

// Within says of each segment whether a line may cite it; nil allows all.
type Within func(meeting.SegmentID) bool

// Line returns the first rule that a line in lang fails.
func (s *Source) Line(lang string, l *minutes.Line, within Within) Rule {
	c, rule := s.cited(lang, l, within)
	if rule != "" {
		return rule
	}
	if l.Quote {
		return c.quotes(l.Text)
	}
	if rule := c.facts(l.Text); rule != "" {
		return rule
	}
	return c.sense(l.Text)
}

// Action returns the first rule that an action in lang fails.
func (s *Source) Action(lang string, a *minutes.Action, within Within) Rule {
	c, rule := s.cited(lang, &a.Line, within)
	if rule != "" {
		return rule
	}
	if a.Quote {
		if rule := c.quotes(a.Text); rule != "" {
			return rule
		}
	} else if rule := c.facts(a.Text); rule != "" {
		return rule
	}
	if !c.owned(a.Owner, a.OwnerID) {
		return Owner
	}
	if !c.dueBy(a.Due, a.DueDate) {
		return Due
	}
	if a.Quote {
		return ""
	}
	return c.sense(a.Text)
}

// Heading returns the first rule that a heading fails over the segments that it stands for.
func (s *Source) Heading(lang, text string, within Within) Rule {
	c := &citation{source: s, lang: lang}
	for i := range s.segments {
		if within(s.segments[i].Seg) && !s.orders[i] {
			c.said = append(c.said, s.segments[i])
		}
	}
	c.near = c.said
	if rule := c.facts(text); rule != "" {
		return rule
	}
	switch {
	case len(c.said) == 0:
		return Evidence
	case c.foreign():
		return Language
	case c.overlap(text) < leastOverlap:
		return Overlap
	}
	return ""
}

// Failure is a line of a document that fails a rule.
type Failure struct {
	Line minutes.Line
	Rule Rule
}

// Document checks all lines of a document but those that say themselves that they are unverified.
func (s *Source) Document(d *minutes.Document) []Failure {
	var failed []Failure
	check := func(lines []minutes.Line) {
		for i := range lines {
			if rule := s.Line(d.Lang, &lines[i], nil); rule != "" && lines[i].Unverified == "" {
				failed = append(failed, Failure{lines[i], rule})
			}
		}
	}
	check(d.Overview)
	for i := range d.Topics {
		check(d.Topics[i].Points)
	}
	check(d.Decisions)
	check(d.Questions)
	for i := range d.Actions {
		if rule := s.Action(d.Lang, &d.Actions[i], nil); rule != "" && d.Actions[i].Unverified == "" {
			failed = append(failed, Failure{d.Actions[i].Line, rule})
		}
	}
	return failed
}

// citation is the evidence of one line, and what surrounds it.
type citation struct {
	source *Source
	lang   string            // of the line
	said   []meeting.Segment // cited, by time
	near   []meeting.Segment // cited ones and those around them, by time
}

// cited finds the evidence of a line.
func (s *Source) cited(lang string, l *minutes.Line, within Within) (*citation, Rule) {
	if len(l.Evidence) == 0 || len(l.Evidence) > MostEvidence || strings.TrimSpace(l.Text) == "" {
		return nil, Evidence
	}
	var places []int
	for _, id := range l.Evidence {
		at, ok := s.at[id]
		if !ok || within != nil && !within(id) || strings.TrimSpace(s.segments[at].Text) == "" {
			return nil, Evidence
		}
		places = append(places, at)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	c := &citation{source: s, lang: lang}
	for _, at := range places {
		if s.orders[at] {
			return nil, Instruction
		}
		c.said = append(c.said, s.segments[at])
	}
	for _, at := range s.surroundings(places) {
		c.near = append(c.near, s.segments[at])
	}
	return c, ""
}

// surroundings returns the places of cited segments, of the rest of their turns and of the turns before and after, at most around on
// each side. A question and its answer, or a sentence that a recogniser cut in two, are cited by one of them often.
func (s *Source) surroundings(places []int) []int {
	var near []int
	for _, at := range places {
		near = append(near, at)
		for _, step := range []int{-1, 1} {
			turns := 0
			for i := at + step; i >= 0 && i < len(s.segments) && i-at <= around && at-i <= around; i += step {
				if s.segments[i].Spk != s.segments[i-step].Spk {
					turns++
				}
				if turns > 1 || s.orders[i] {
					break
				}
				near = append(near, i)
			}
		}
	}
	slices.Sort(near)
	return slices.Compact(near)
}

// langOf is the language by whose rules a segment is read: its own, or the line's if it is not known.
func (c *citation) langOf(s *meeting.Segment) string {
	if s.Lang == "" {
		return c.lang
	}
	return s.Lang
}

// foreign says that all evidence is known to be in another language than the line.
func (c *citation) foreign() bool {
	return !slices.ContainsFunc(c.said, func(s meeting.Segment) bool { return c.langOf(&s) == c.lang })
}

// facts checks what can be compared word by word, in any language.
func (c *citation) facts(text string) Rule {
	switch {
	case !c.hasNumbers(text):
		return Numbers
	case !c.hasDates(text):
		return Dates
	case !c.hasNames(text):
		return Names
	}
	return ""
}

// sense checks what needs the words of one language.
func (c *citation) sense(text string) Rule {
	if c.foreign() {
		return Language
	}
	if !c.agrees(text) {
		return Negation
	}
	if c.overlap(text) < leastOverlap && c.quotes(text) != "" {
		return Overlap
	}
	if slices.ContainsFunc(c.said, func(s meeting.Segment) bool { return dictates(s.Text) }) {
		return Dictated
	}
	return ""
}

// overlap returns the share of the text's content stems that were said in the evidence or around it; 0 if it has none. Numbers count as
// said: they have been checked, however they were spoken. The names of who speaks there count neither way: people choose them, and one
// who is called "Budget Approved" has not said so.
func (c *citation) overlap(text string) float64 {
	said, names := map[string]bool{}, map[string]bool{}
	for i := range c.near {
		for _, stem := range keys(c.langOf(&c.near[i]), c.near[i].Text) {
			said[stem] = true
		}
		for _, stem := range keys(c.lang, c.source.nameOf(c.near[i].Spk)) {
			names[stem] = true
		}
	}
	all, found := 0, 0
	for _, stem := range keys(c.lang, text) {
		if names[stem] && !said[stem] {
			continue
		}
		all++
		if said[stem] || stem[0] >= '0' && stem[0] <= '9' {
			found++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(found) / float64(all)
}

// keyLength is how much of a stem is compared, in characters: derived words ("organise", "organisation") are alike then. Six did well for
// English and French excerpts, too.
const keyLength = 6

// hollow are verbs that say how, not what, and that lists of frequent words leave in.
var hollow = index(`will shall must may might should can`, `sera seront aura auront doit doivent peut peuvent vont`)

// keys returns the distinct content stems of a text, cut to keyLength.
func keys(lang, text string) []string {
	var all []string
	for _, stem := range prose.Stems(lang, text) {
		if hollow[stem] > 0 {
			continue
		}
		if r := []rune(stem); len(r) > keyLength {
			stem = string(r[:keyLength])
		}
		all = append(all, stem)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// quotes says whether a text is what was said, sentence by sentence, but for fillers and words said twice in a row.
func (c *citation) quotes(text string) Rule {
	var said []string
	for i := range c.said {
		for w := range strings.FieldsSeq(c.said[i].Text) {
			if !prose.IsFiller(c.langOf(&c.said[i]), w) {
				said = append(said, bare(w)...)
			}
		}
	}
	words := cut(text)
	for len(words) > 0 {
		end := 1
		for end < len(words) && !words[end].first {
			end++
		}
		if !stands(words[:end], said) {
			return Quote
		}
		words = words[end:]
	}
	return ""
}

// stands says whether a sentence stands somewhere in what was said.
func stands(sentence []word, said []string) bool {
	for start := range said {
		at, found := start, 0
		for at < len(said) && found < len(sentence) {
			switch {
			case said[at] == sentence[found].folded:
				found++
			case at > start && said[at] == said[at-1]: // said twice
			default:
				found = len(sentence) + 1 // not here
			}
			at++
		}
		if found == len(sentence) {
			return true
		}
	}
	return false
}
