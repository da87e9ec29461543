package cues

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// tongue is what is known of one language. Its phrases match folded text: lower case, without accents, apostrophes straight, with
// [somebody] for every name; in the lists it is "@".
type tongue struct {
	// What somebody is to do. Forms end with the verb, which is none of idle; promises and marks say it all.
	wills    forms // the speaker will do it
	together forms // a group will, of which the speaker is one
	asks     forms // who is spoken to should do it
	assigns  forms // the one who is named will do it; the name is the last before the verb
	needs    forms // it must be done
	promises phrases
	marks    phrases
	hands    phrases // gives it to the one who is named

	// The same in the present tense, or as an order. It is one if the verb is of work.
	iDo, weDo, youDo, namedDoes forms

	idle   map[string]bool // verbs that leave nothing to do after the meeting
	work   map[string]bool // forms of verbs of work that is done after a meeting
	due    phrases
	vetoes phrases        // only imagined, always so, or past
	jokes  *regexp.Regexp // how people answer what was not meant

	// Answers: their whole beginning.
	accepts    *regexp.Regexp
	refuses    *regexp.Regexp
	undertakes *regexp.Regexp // accepts, and means to do it

	// What was decided.
	decides   phrases        // says itself that something is decided
	settles   phrases        // decides if people agree, before or after
	concludes *regexp.Regexp // so does the beginning of a sentence
	votes     phrases        // asks who agrees
	told      phrases        // a decision that is told of, or not meant

	// What stayed open.
	interrogates *regexp.Regexp // the beginning of a question, where no question mark was recognised
	unsure       phrases        // an answer that is none
	opens        phrases        // says itself that something is open
	smallTalk    phrases        // questions about the call itself, and those that want no answer
}

// phrases are texts that stand as whole words anywhere in a sentence.
type phrases []pattern

// list compiles phrases, one on a line. Lines that begin with "#" are comments; parts are put in for {names}.
func list(text string, parts map[string]string) phrases {
	var p phrases
	for _, line := range lines(text, parts) {
		p = append(p, compile(`\b(?:`+line+`)(?:\b|$)`))
	}
	return p
}

// match says whether a text has one of the phrases.
func (p phrases) match(text string) bool {
	for i := range p {
		if p[i].possible(text) && p[i].form.MatchString(text) {
			return true
		}
	}
	return false
}

// find returns where the first of the phrases in a text stands, the longest if several begin there; nil if there is none.
func (p phrases) find(text string) []int {
	var best []int
	for i := range p {
		if !p[i].possible(text) {
			continue
		}
		m := p[i].form.FindStringIndex(text)
		if m != nil && (best == nil || m[0] < best[0] || m[0] == best[0] && m[1] > best[1]) {
			best = m
		}
	}
	return best
}

// pattern is a regular expression with what must stand in a text that it matches. Looking for that first makes hundreds of patterns for
// each sentence affordable.
type pattern struct {
	form *regexp.Regexp
	need []string // one of these; nil: anything may
}

func compile(form string) pattern {
	p := pattern{form: regexp.MustCompile(form)}
	if tree, err := syntax.Parse(form, syntax.Perl); err == nil {
		p.need = needed(tree)
	}
	return p
}

func (p *pattern) possible(text string) bool {
	if p.need == nil {
		return true
	}
	for _, literal := range p.need {
		if strings.Contains(text, literal) {
			return true
		}
	}
	return false
}

// mostNeeded bounds the texts that are looked for in place of a pattern.
const mostNeeded = 24

// needed returns texts of which one stands in every match of a regular expression; nil if there are no such, or too many.
func needed(tree *syntax.Regexp) []string {
	switch tree.Op {
	case syntax.OpLiteral:
		return []string{string(tree.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(tree.Sub[0])
	case syntax.OpRepeat:
		if tree.Min > 0 {
			return needed(tree.Sub[0])
		}
	case syntax.OpAlternate:
		var all []string
		for _, sub := range tree.Sub {
			one := needed(sub)
			if one == nil || len(all)+len(one) > mostNeeded {
				return nil
			}
			all = append(all, one...)
		}
		return all
	case syntax.OpConcat:
		var best []string
		for _, sub := range tree.Sub {
			if one := needed(sub); one != nil && (best == nil || rarer(one, best)) {
				best = one
			}
		}
		return best
	}
	return nil
}

// rarer says whether texts a are found in fewer sentences than b, by their shortest.
func rarer(a, b []string) bool {
	shortest := func(all []string) int {
		n := len(all[0])
		for _, s := range all {
			n = min(n, len(s))
		}
		return n
	}
	return shortest(a) > shortest(b)
}

// openings compiles a list of phrases with which a text begins, after such words as lead says.
func openings(lead, text string, parts map[string]string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:(?:` + lead + `),? )*(?:` + strings.Join(lines(text, parts), "|") + `)(?:\b|$)`)
}

// forms are phrases that end with a verb.
type forms []pattern

// verbs compiles forms, one on a line. Each captures its verb.
func verbs(text string, parts map[string]string) forms {
	var f forms
	for _, line := range lines(text, parts) {
		f = append(f, compile(`\b`+line))
	}
	return f
}

// match says whether a text has one of the forms, with a verb that may stand in it, and where the verb ends.
func (f forms) match(text string, may func(verb string) bool) (end int, ok bool) {
	for i := range f {
		if !f[i].possible(text) {
			continue
		}
		for _, m := range f[i].form.FindAllStringSubmatchIndex(text, -1) {
			if may(text[m[2]:m[3]]) {
				return m[3], true
			}
		}
	}
	return 0, false
}

func (t *tongue) isWork(verb string) bool { return t.work[verb] }

func (t *tongue) isNotIdle(verb string) bool { return !t.idle[verb] }

func lines(list string, parts map[string]string) []string {
	var all []string
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for name, part := range parts {
			line = strings.ReplaceAll(line, "{"+name+"}", part)
		}
		all = append(all, strings.ReplaceAll(line, "@", somebody))
	}
	return all
}

func set(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}
