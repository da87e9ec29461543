package verify

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"souffleur/internal/meeting"
	"souffleur/summarize/numbers"
	"souffleur/summarize/prose"
)

// hasNumbers says whether every number of a text was said in the evidence.
func (c *citation) hasNumbers(text string) bool {
	said := c.numbers()
	for _, v := range numbers.Of(c.lang, text) {
		if !slices.Contains(said, v) {
			return false
		}
	}
	return true
}

// numbers returns the numbers that were said. "One" and "un" are numbers here: a line may write them as 1. Years may be said in pairs
// ("twenty twenty-six").
func (c *citation) numbers() []float64 {
	var all []float64
	for i := range c.said {
		s := &c.said[i]
		own := numbers.Of(c.langOf(s), s.Text)
		for j, v := range own {
			if j > 0 && own[j-1] >= 11 && own[j-1] <= 20 && v >= 10 && v < 100 {
				all = append(all, own[j-1]*100+v)
			}
		}
		all = append(all, own...)
		if slices.ContainsFunc(bare(s.Text), func(w string) bool { return w == "one" || w == "un" || w == "une" }) {
			all = append(all, 1)
		}
	}
	return all
}

// days and months by their folded names, in both languages, so that they compare across them. Days count from Monday, 1.
var (
	days = index(`monday lundi`, `tuesday mardi`, `wednesday mercredi`, `thursday jeudi`, `friday vendredi`, `saturday samedi`,
		`sunday dimanche`)
	months = index(`january janvier`, `february fevrier`, `march mars`, `april avril`, `may mai`, `june juin`, `july juillet`,
		`august aout`, `september septembre`, `october octobre`, `november novembre`, `december decembre`)
	relative = index(`today aujourd`, `tomorrow demain`, `yesterday hier`, `tonight`)
)

func index(lists ...string) map[string]int {
	m := map[string]int{}
	for i, list := range lists {
		for w := range strings.FieldsSeq(list) {
			m[w] = i + 1
		}
	}
	return m
}

// hasDates says whether every day, month, date and time of a text was said in the evidence.
func (c *citation) hasDates(text string) bool {
	line := cut(text)
	for i, w := range line {
		for _, table := range []map[string]int{days, months, relative} {
			n, ok := table[w.folded]
			if !ok || ambiguous(line, i) {
				continue
			}
			if !c.saidOf(table, n) {
				return false
			}
		}
		if n, ok := months[w.folded]; ok && !ambiguous(line, i) && !c.saidDate(dayBeside(c.lang, line, i), n) {
			return false
		}
	}
	return c.hasTimes(text)
}

// ambiguous says whether the word at i may be no month after all: "may" and "march" are verbs, "mars" is a planet. One that stands
// beside a number, or is capitalised inside of a sentence, is a month.
func ambiguous(line []word, i int) bool {
	w := line[i]
	if w.folded != "may" && w.folded != "march" && w.folded != "mars" {
		return false
	}
	capital, _ := utf8.DecodeRuneInString(w.written)
	beside := func(j int) bool { return j >= 0 && j < len(line) && unicode.IsDigit([]rune(line[j].written)[0]) }
	return !beside(i-1) && !beside(i+1) && (w.first || !unicode.IsUpper(capital))
}

func (c *citation) saidOf(table map[string]int, n int) bool {
	for i := range c.said {
		if slices.ContainsFunc(bare(c.said[i].Text), func(w string) bool { return table[w] == n }) {
			return true
		}
	}
	return false
}

// dayBeside returns the day of the month that stands by the month at i, 0 if none does: "12 mai", "12th of May", "May 12".
func dayBeside(lang string, line []word, i int) int {
	of := func(from, to int) int {
		var parts []string
		for _, w := range line[max(from, 0):min(to, len(line))] {
			parts = append(parts, w.written)
		}
		for _, v := range numbers.Of(lang, strings.Join(parts, " ")) {
			if v >= 1 && v <= 31 && v == float64(int(v)) {
				return int(v)
			}
		}
		return 0
	}
	if d := of(i-2, i); d > 0 {
		return d
	}
	return of(i+1, i+2)
}

// saidDate says whether a day of a month was said in the evidence. Day 0 stands for the month alone.
func (c *citation) saidDate(day, month int) bool {
	if day == 0 {
		return true // that the month was said is checked already
	}
	for i := range c.said {
		said := cut(c.said[i].Text)
		for j, w := range said {
			if months[w.folded] != month {
				continue
			}
			var parts []string
			for _, near := range said[max(j-4, 0):min(j+4, len(said))] {
				parts = append(parts, near.written)
			}
			if slices.Contains(numbers.Of(c.langOf(&c.said[i]), strings.Join(parts, " ")), float64(day)) {
				return true
			}
		}
	}
	return false
}

// clock is a time of day in digits.
var clock = regexp.MustCompile(`\b([01]?[0-9]|2[0-3]) ?[h:] ?([0-5][0-9])\b`)

// hasTimes says whether the minutes of every time of day were said; the hours are numbers and checked as such.
func (c *citation) hasTimes(text string) bool {
	for _, m := range clock.FindAllStringSubmatch(text, -1) {
		if m[2] != "00" && !c.saidTime(m[1], m[2]) {
			return false
		}
	}
	return true
}

// spokenMinutes are words for minutes past, or before, an hour.
var spokenMinutes = map[string][]string{"15": {"quarter", "quart"}, "30": {"half", "demie", "demi"}, "45": {"quarter", "quart"}}

func (c *citation) saidTime(hour, minute string) bool {
	minutes, err := strconv.ParseFloat(minute, 64)
	if err != nil {
		return false
	}
	for i := range c.said {
		text := c.said[i].Text
		for _, m := range clock.FindAllStringSubmatch(text, -1) {
			if strings.TrimLeft(m[1], "0") == strings.TrimLeft(hour, "0") && m[2] == minute {
				return true
			}
		}
		if slices.Contains(numbers.Of(c.langOf(&c.said[i]), clock.ReplaceAllString(text, " ")), minutes) {
			return true
		}
		if slices.ContainsFunc(bare(text), func(w string) bool { return slices.Contains(spokenMinutes[minute], w) }) {
			return true
		}
	}
	return false
}

// link is an address that somebody could be led to.
var link = regexp.MustCompile(`(?i)\b(?:https?://|www\.)[^\s)>\]]+|\b[\w.+-]+@[\w-]+\.[\w.-]+`)

// hasNames says whether every name in a text was said in the evidence or is that of somebody who speaks there.
func (c *citation) hasNames(text string) bool {
	for _, address := range link.FindAllString(text, -1) {
		if !slices.ContainsFunc(c.said, func(s meeting.Segment) bool { return strings.Contains(s.Text, address) }) {
			return false
		}
	}
	line := cut(text)
	for i := range line {
		if c.isName(line, i) && !c.saidName(line[i].folded) {
			return false
		}
	}
	return true
}

// isName says whether the word at i is a name: written with a capital inside of a sentence, with two capitals, that of a participant, or
// at the beginning of a sentence where only a name can stand.
func (c *citation) isName(line []word, i int) bool {
	w := line[i]
	letters := []rune(w.written)
	if !unicode.IsUpper(letters[0]) || w.folded == "i" || days[w.folded] > 0 || months[w.folded] > 0 {
		return false
	}
	if slices.ContainsFunc(letters[1:], unicode.IsUpper) || c.source.participates(w.folded) {
		return true
	}
	if len(letters) < 2 || len(prose.Stems(c.lang, w.written)) == 0 {
		return false // an initial, or one of the frequent words of the language
	}
	if !w.first {
		return c.lang != "de" // German writes all nouns so
	}
	if openers[w.folded] > 0 || i+1 < len(line) && linking[line[i+1].folded] > 0 {
		return false
	}
	return c.unheard(w)
}

// linking are words before which stands a noun, not somebody: "validation of the quote", "vote sur le devis".
var linking = index(`of for on about in to from with by at and or`, `de du des d sur pour a au aux en par avec entre et ou`)

// openers are words that lines begin with and that are no names, though nobody may have said them: what is to be done, what is new, and what
// minutes are about.
var openers = index(`send write call ask check prepare book order contact tell inform organise organize schedule confirm finalise finalize share
	update review create draft plan find buy bring set make get give keep start stop discuss propose present validate approve invite arrange
	collect fix repair define study follow remind clarify verify new next all every other several many most some more further both
	agreement consensus discussion decision proposal request question summary approval concern concerns issue issues problem problems participants
	members team everyone everybody people someone somebody nobody meeting group committee speaker speakers attendees`,
	`envoyer contacter preparer prevenir verifier demander organiser reserver rediger relancer mettre faire trouver acheter commander planifier
	transmettre finaliser confirmer appeler informer ecrire partager creer definir valider presenter etudier proposer discuter reparer inviter
	garder donner prendre fixer tenir rappeler clarifier nouvelle nouveau nouvelles nouveaux prochaine prochain tous toutes chaque plusieurs
	certains certaines autre autres accord consensus discussion decision proposition demande question rappel point validation inquietude probleme
	problemes participants participantes membres equipe reunion groupe comite quelqu personne`)

// unheard says that a word stands nowhere in or around the evidence, in any form.
func (c *citation) unheard(w word) bool {
	own := keys(c.lang, w.written)
	for i := range c.near {
		said := keys(c.langOf(&c.near[i]), c.near[i].Text)
		if slices.ContainsFunc(own, func(k string) bool { return slices.Contains(said, k) }) {
			return false
		}
	}
	return true
}

// participates says whether a folded word is part of a participant's name.
func (s *Source) participates(folded string) bool {
	for _, name := range s.names {
		if slices.Contains(bare(name), folded) {
			return true
		}
	}
	return slices.ContainsFunc(s.people, func(p meeting.Person) bool { return slices.Contains(bare(p.Name), folded) })
}

// saidName says whether a name was said in the evidence, or is part of the name of who speaks there.
func (c *citation) saidName(folded string) bool {
	return slices.ContainsFunc(c.said, func(s meeting.Segment) bool {
		return slices.ContainsFunc(slices.Concat(bare(s.Text), bare(c.source.nameOf(s.Spk))), func(w string) bool { return alike(w, folded) })
	})
}

// alike compares names: a plural or possessive s makes no other name.
func alike(a, b string) bool { return a == b || a == b+"s" || b == a+"s" }

// nameOf returns the name of a speaker, "" if it is not known.
func (s *Source) nameOf(spk meeting.SpeakerID) string {
	if name, ok := s.names[spk]; ok {
		return name
	}
	for _, p := range s.people {
		if p.Participant == spk.Participant() {
			return p.Name
		}
	}
	return ""
}
