package verify

import (
	"regexp"
	"slices"
	"strings"
)

// clause is a part of a sentence that says one thing.
type clause struct {
	text    string // folded
	keys    []string
	negated bool
	asks    bool // it is a question
	denied  bool // which was answered with no
}

// agrees says whether each clause of a text is denied or affirmed as the clause of the evidence that shares most words with it. Where
// several share as much, one that agrees is enough; clauses that share nothing are left to the other rules.
func (c *citation) agrees(text string) bool {
	var said []clause
	for i := range c.said {
		said = append(said, clauses(c.langOf(&c.said[i]), c.said[i].Text, c.answer(i))...)
	}
	for _, own := range clauses(c.lang, text, "") {
		if !agrees(c.lang, own, said) {
			return false
		}
	}
	return true
}

func agrees(lang string, own clause, said []clause) bool {
	best, agreed := 0, true
	for i := range said {
		n := shared(own.keys, said[i].keys)
		if n < best || n == 0 {
			continue
		}
		if n > best {
			best, agreed = n, false
		}
		// A question is as it was asked; a statement is as it was answered.
		negated := said[i].negated != (said[i].denied && !own.asks)
		if own.negated == negated != contrary(lang, own.text, said[i].text) {
			agreed = true
		}
	}
	return agreed
}

func shared(a, b []string) int {
	n := 0
	for _, k := range a {
		if slices.Contains(b, k) {
			n++
		}
	}
	return n
}

// answer is what the next speaker says to the last cited words of segment i: "no" turns a question round.
func (c *citation) answer(i int) string {
	at, ok := c.source.at[c.said[i].Seg]
	if !ok || at+1 >= len(c.source.segments) || c.source.orders[at+1] {
		return ""
	}
	return c.source.segments[at+1].Text
}

// bounds are where one clause ends and the next begins.
var bounds = regexp.MustCompile(`[.!?…;:,]+(?:\s|$)|\s(?:but|mais|whereas|although|alors que|tandis que)\s`)

// clauses takes a text apart. next is what is said right after it.
func clauses(lang, text, next string) []clause {
	text = straight(text)
	var out []clause
	var open string // words of a clause that is too short to stand by itself: "we will not, I repeat, cancel it" is one
	from := 0
	for _, m := range append(bounds.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		part := strings.TrimSpace(open + " " + text[from:m[0]])
		mark := text[m[0]:m[1]]
		from = m[1]
		if isAnswer(part) {
			open = ""
			continue // "no, on the 28th" says when, and denies nothing
		}
		k := keys(lang, part)
		if len(k) < 2 && m[1] < len(text) && !strings.ContainsAny(mark, ".!?…") {
			open = part
			continue
		}
		open = ""
		if part == "" {
			continue
		}
		own := clause{text: part, keys: k, negated: negations(lang, part)%2 == 1}
		own.asks = strings.Contains(mark, "?")
		own.denied = own.asks && denies(or(text[from:], next))
		out = append(out, own)
	}
	return out
}

func or(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return b
}

func isAnswer(part string) bool {
	switch part {
	case "no", "non", "nope", "yes", "oui", "ah non", "oh no", "well no", "mais non", "no no", "non non":
		return true
	}
	return false
}

// denial begins an answer that is no.
var denial = regexp.MustCompile(`^(?:(?:ah|oh|well|euh|ben|bah|mais|uh|um)[ ,]+)?(?:no|non|nope|not)\b`)

// unsure answers are not.
var unsure = regexp.MustCompile(`^(?:no|not) (?:idea|clue|sure|yet sure|certain)\b`)

func denies(answer string) bool {
	answer = strings.TrimSpace(straight(answer))
	return denial.MatchString(answer) && !unsure.MatchString(answer)
}

// negators are what denies, and idioms that only look like it. Patterns match folded text with straight apostrophes.
var negators = map[string]struct{ idioms, single, group *regexp.Regexp }{
	"en": {
		idioms: regexp.MustCompile(`\b(?:not only|no (?:later|earlier|sooner) than|not (?:later|earlier) than|no (?:problem|doubt|objections?|matter|worries)|why not|or not|if not|whether or not|not to mention|don't (?:worry|mind|forget)|nothing but|no longer than)\b`),
		single: regexp.MustCompile(`\b(?:not|no|cannot|without)\b|n't\b|\b(?:dont|doesnt|didnt|wont|cant|isnt|arent|wasnt|couldnt|shouldnt|wouldnt|havent|hasnt|hadnt)\b`),
		group:  regexp.MustCompile(`\b(?:never|none|nobody|nothing|neither|nor|nowhere|no one)\b`),
	},
	"fr": {
		idioms: regexp.MustCompile(`\b(?:pas seulement|pas (?:de|d')? ?(?:probleme|souci|soucis|objection|objections)|pourquoi pas|n'est-ce pas|sans doute|ou pas|pas mal|pas plus tard que|non plus|n'oubli\w+ pas|personnes?)\b`),
		single: regexp.MustCompile(`\b(?:pas|guere|sans)\b|\bnon [a-z]+(?:e|es|ee|ees|able|ables|i|is|u|us)\b|\b(?:ne |n')(?:\S+ ){1,3}plus\b`),
		group:  regexp.MustCompile(`\b(?:jamais|rien|aucune?|ni)\b|\bpersonne (?:ne |n')|\b(?:ne |n')(?:\S+ ){1,3}personne\b`),
	},
}

// negations counts what denies in a folded text. Words that only strengthen each other ("personne n'a jamais rien") count once.
func negations(lang, text string) int {
	of, ok := negators[lang]
	if !ok {
		return 0
	}
	group := of.group.MatchString(text)
	text = of.idioms.ReplaceAllString(text, " ")
	n := len(of.single.FindAllString(text, -1))
	if group {
		n++
	}
	return n
}

// contraries are words that deny by themselves ("rejected" for "not accepted"): by the beginning of their folded form.
var contraries = map[string]*regexp.Regexp{
	"en": regexp.MustCompile(`\b(?:refus|reject|declin|den(?:y|ied|ies)|cancel|drop|abandon|exclud|impossib|unab|fail|lack|miss|absen|forbid|forbad|prohibit|oppos|stop|withdr|rule[ds]? out|against|postpon|unknown|undecided|unclear|open)`),
	"fr": regexp.MustCompile(`\b(?:refus|rejet|declin|ni(?:e|er|ent)\b|annul|abandonn|exclu|imposs|incapab|echou|echec|manqu|absen|interdi|oppos|arret|retir|renonc|contre\b|report|ignor|incert|indecis|ouvert)`),
}

// contrary says whether exactly one of two clauses denies by a word that the other does not have.
func contrary(lang, a, b string) bool {
	of, ok := contraries[lang]
	if !ok {
		return false
	}
	inA, inB := of.FindAllString(a, -1), of.FindAllString(b, -1)
	only := func(x, y []string) bool {
		return slices.ContainsFunc(x, func(w string) bool { return !slices.Contains(y, w) })
	}
	return only(inA, inB) != only(inB, inA)
}
