// Package numbers finds the numbers of a text, in digits or in French or English words, so that what is written can be compared with
// what was said: "twenty-five percent" and "25 %", "quatre-vingt-douze mille" and "92 000". Years, times and dates come out as the
// numbers in them.
package numbers

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Of returns the values of the numbers in a text, in order. Ordinals count ("third" is 3, "3e" too); "one" and "un" alone do not: they
// are articles and pronouns more often. lang is "en" or "fr"; in other languages only digits are read.
func Of(lang, text string) []float64 {
	var found []float64
	tokens := cut(text)
	for i := 0; i < len(tokens); {
		if v, used := digits(tokens[i:]); used > 0 {
			v, more := multiplied(lang, v, tokens[i+used:])
			found = append(found, v)
			i += used + more
			continue
		}
		if v, used := spelled(lang, tokens[i:]); used > 0 {
			found = append(found, v)
			i += used
			continue
		}
		i++
	}
	return found
}

// Missing returns the numbers of text that are not in source. Numbers count once each: what matters is whether they were said.
func Missing(lang, text, source string) []float64 {
	said := Of(lang, source)
	return slices.DeleteFunc(Of(lang, text), func(v float64) bool { return slices.Contains(said, v) })
}

// cut returns words and numbers of a text, lower case, hyphens taken apart. Marks between digits stay ("3,5", "10:30", "1.000").
func cut(text string) []string {
	var tokens []string
	var b strings.Builder
	end := func() {
		if t := strings.Trim(b.String(), ".,:'"); t != "" {
			tokens = append(tokens, t)
		}
		b.Reset()
	}
	runes := []rune(strings.ToLower(text))
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case strings.ContainsRune(".,:", r) && i > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i-1]) && unicode.IsDigit(runes[i+1]):
			b.WriteRune(r)
		case isThousandsSpace(runes, i):
			// "92 000" is one number
		case r == '%':
			end()
			tokens = append(tokens, "%")
		default:
			end()
		}
	}
	end()
	return tokens
}

// isThousandsSpace says whether the white space at i stands between digits and exactly three more. In speech that was recognised a plain
// space may as well separate two numbers, so only up to three digits may come before.
func isThousandsSpace(r []rune, i int) bool {
	if !unicode.IsSpace(r[i]) || i == 0 || i+3 >= len(r) || !unicode.IsDigit(r[i-1]) {
		return false
	}
	for _, d := range r[i+1 : i+4] {
		if !unicode.IsDigit(d) {
			return false
		}
	}
	if i+4 < len(r) && unicode.IsDigit(r[i+4]) {
		return false
	}
	before := 0
	for j := i - 1; j >= 0 && unicode.IsDigit(r[j]); j-- {
		before++
	}
	return before <= 3
}

// digits reads a number in digits. Of times ("10:30", "14h30") it reads the first part; the second comes by itself as the rest.
func digits(tokens []string) (v float64, used int) {
	t := tokens[0]
	if t == "" || !unicode.IsDigit(rune(t[0])) {
		return 0, 0
	}
	t = strings.TrimRightFunc(t, unicode.IsLetter) // "3rd", "3e", "10k", "14h"
	if whole, _, ok := strings.Cut(t, ":"); ok {
		t = whole
	}
	if i := strings.IndexFunc(t, unicode.IsLetter); i > 0 {
		t = t[:i] // "14h30"
	}
	v, err := strconv.ParseFloat(decimal(t), 64)
	if err != nil {
		return 0, 0
	}
	return v, 1
}

// decimal brings "1,000.5", "1.000,5" and "3,5" to the form of strconv.
func decimal(t string) string {
	comma, point := strings.LastIndexByte(t, ','), strings.LastIndexByte(t, '.')
	last := max(comma, point)
	if last < 0 {
		return t
	}
	mark := t[last : last+1]
	whole, part := t[:last], t[last+1:]
	other := strings.ContainsAny(whole, ",.")
	if len(part) == 3 && (!other || strings.Contains(whole, mark)) && !strings.HasPrefix(t, "0") {
		return strings.NewReplacer(",", "", ".", "").Replace(t) // thousands
	}
	return strings.NewReplacer(",", "", ".", "").Replace(whole) + "." + part
}

// multiplied reads "3 millions", "2 thousand", and takes them into the number before.
func multiplied(lang string, v float64, rest []string) (float64, int) {
	if len(rest) == 0 {
		return v, 0
	}
	if m, ok := scales[lang][rest[0]]; ok && m >= 1000 {
		return v * m, 1
	}
	return v, 0
}

// spelled reads a number in words.
func spelled(lang string, tokens []string) (v float64, used int) {
	units, scale := small[lang], scales[lang]
	total, part := 0.0, 0.0 // part is what stands before the next "thousand"
	for i, t := range tokens {
		switch n, isUnit := units[t]; {
		case isUnit && joins(lang, part, n):
			part = add(lang, part, n)
			used = i + 1
			continue
		case isUnit:
			return total + part, used // another number begins
		}
		if m, ok := scale[t]; ok && (used > 0 || m >= 100 && lang == "fr" && t != "million" && t != "milliard") {
			if m == 100 {
				part = max(part, 1) * 100
			} else {
				total, part = total+max(part, 1)*m, 0
			}
			used = i + 1
			continue
		}
		if (t == "and" && lang == "en" || t == "et" && lang == "fr") && used > 0 && i+1 < len(tokens) && goesOn(lang, part, tokens[i+1]) {
			continue
		}
		break
	}
	if used == 1 && (tokens[0] == "one" || tokens[0] == "un" || tokens[0] == "une" || tokens[0] == "second" || tokens[0] == "seconds") {
		return 0, 0
	}
	return total + part, used
}

// goesOn says whether a number goes on after "and": "hundred and five", "vingt et un", not "two and three".
func goesOn(lang string, part float64, word string) bool {
	n, ok := small[lang][word]
	if !ok {
		return false
	}
	if lang == "fr" {
		return part >= 20 && (n == 1 || n == 11) && int(part)%10 == 0
	}
	return part >= 100 && int(part)%100 == 0 && n < 100
}

// joins says whether n goes on in a number whose last part is part: "twenty five" does, "five twenty" does not.
func joins(lang string, part, n float64) bool {
	switch rest := int(part) % 100; {
	case part == 0:
		return true
	case lang == "fr" && rest == 4 && n == 20:
		return true // quatre-vingt
	case rest == 0:
		return n < 100
	case lang == "fr" && (rest == 60 || rest == 80):
		return n < 20 // soixante-dix, quatre-vingt-onze
	}
	return int(part)%10 == 0 && int(part)%100 >= 20 && n < 10 && n > 0
}

func add(lang string, part, n float64) float64 {
	if lang == "fr" && int(part)%100 == 4 && n == 20 {
		return part - 4 + 80
	}
	return part + n
}

func list(pairs string) map[string]float64 {
	m := map[string]float64{}
	fields := strings.Fields(pairs)
	for i := 0; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i+1], 64)
		if err != nil {
			panic(err) // a slip in the lists below, which every test meets
		}
		m[fields[i]] = v
	}
	return m
}

// small are the words below one hundred, with their ordinals.
var small = map[string]map[string]float64{
	"en": list(`zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10 eleven 11 twelve 12 thirteen 13 fourteen 14
		fifteen 15 sixteen 16 seventeen 17 eighteen 18 nineteen 19 twenty 20 thirty 30 forty 40 fifty 50 sixty 60 seventy 70 eighty 80 ninety 90
		first 1 second 2 third 3 fourth 4 fifth 5 sixth 6 seventh 7 eighth 8 ninth 9 tenth 10 eleventh 11 twelfth 12 thirteenth 13 fourteenth 14
		fifteenth 15 sixteenth 16 seventeenth 17 eighteenth 18 nineteenth 19 twentieth 20 thirtieth 30`),
	"fr": list(`zéro 0 un 1 une 1 deux 2 trois 3 quatre 4 cinq 5 six 6 sept 7 huit 8 neuf 9 dix 10 onze 11 douze 12 treize 13 quatorze 14
		quinze 15 seize 16 vingt 20 vingts 20 trente 30 quarante 40 cinquante 50 soixante 60 septante 70 huitante 80 octante 80 nonante 90
		premier 1 première 1 deuxième 2 troisième 3 quatrième 4 cinquième 5 sixième 6 septième 7 huitième 8 neuvième 9 dixième 10 onzième 11
		douzième 12 quinzième 15 vingtième 20`),
}

// scales multiply what stands before them.
var scales = map[string]map[string]float64{
	"en": list("hundred 100 thousand 1000 million 1000000 millions 1000000 billion 1000000000 k 1000"),
	"fr": list("cent 100 cents 100 mille 1000 million 1000000 millions 1000000 milliard 1000000000 milliards 1000000000 k 1000"),
}
