package eval

import (
	"regexp"
	"strconv"
	"strings"
)

// number matches a number in digits, with groups of thousands, decimals, an ordinal ending and a percent sign. Groups are
// separated by commas in English, by spaces in French; NFKC has made ordinary spaces of narrow ones.
var number = map[string]*regexp.Regexp{
	"en": regexp.MustCompile(`(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(st\b|nd\b|rd\b|th\b)?(\s?%)?`),
	"fr": regexp.MustCompile(`(\d{1,3}(?: \d{3})+\b|\d+)(?:,(\d+))?(ers?\b|res?\b|ères?\b|es?\b|èmes?\b|emes?\b)?(\s?%)?`),
}

// speaker spells numbers of a language.
type speaker struct {
	whole   func(n int) string
	ordinal func(n int) string
	point   string
	percent string
}

var speakers = map[string]speaker{
	"en": {englishNumber, englishOrdinal, "point", "percent"},
	"fr": {frenchNumber, frenchOrdinal, "virgule", "pour cent"},
}

// maxSpelled is the largest number that is spelled; longer digits are read one by one.
const maxSpelled = 999_999_999

// spellNumbers writes numbers in digits as words.
func spellNumbers(lang, text string) string {
	pattern, ok := number[lang]
	if !ok {
		return text
	}
	return pattern.ReplaceAllStringFunc(text, func(found string) string {
		return " " + speakers[lang].spell(pattern.FindStringSubmatch(found)) + " "
	})
}

// spell says a match of number.
func (s speaker) spell(match []string) string {
	digits := strings.NewReplacer(",", "", " ", "").Replace(match[1])
	n, err := strconv.Atoi(digits)
	var said string
	switch {
	case err != nil || n > maxSpelled:
		said = s.eachDigit(digits)
	case match[3] != "" && match[2] == "":
		said = s.ordinal(n)
	default:
		said = s.whole(n)
	}
	if match[2] != "" {
		said += " " + s.point + " " + s.eachDigit(match[2]) // people say "point twenty-five", too; both sides say it this way
	}
	if match[4] != "" {
		said += " " + s.percent
	}
	return said
}

func (s speaker) eachDigit(digits string) string {
	var out []string
	for _, d := range digits {
		out = append(out, s.whole(int(d-'0')))
	}
	return strings.Join(out, " ")
}

var englishSmall = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
var englishTens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")

// englishNumber spells n without "and": 1961 is "one thousand nine hundred sixty one".
func englishNumber(n int) string {
	switch {
	case n < 20:
		return englishSmall[n]
	case n < 100:
		return join(englishTens[n/10], rest(n%10, englishNumber))
	case n < 1000:
		return join(englishSmall[n/100], "hundred", rest(n%100, englishNumber))
	case n < 1_000_000:
		return join(englishNumber(n/1000), "thousand", rest(n%1000, englishNumber))
	}
	return join(englishNumber(n/1_000_000), "million", rest(n%1_000_000, englishNumber))
}

var englishOrdinals = map[string]string{
	"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}

func englishOrdinal(n int) string {
	words := strings.Fields(englishNumber(n))
	last := words[len(words)-1]
	switch {
	case englishOrdinals[last] != "":
		last = englishOrdinals[last]
	case strings.HasSuffix(last, "y"):
		last = strings.TrimSuffix(last, "y") + "ieth"
	default:
		last += "th"
	}
	words[len(words)-1] = last
	return strings.Join(words, " ")
}

var frenchSmall = strings.Fields("zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf")
var frenchTens = strings.Fields("- - vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt")

// frenchNumber spells n as in France, without the plural s of "vingts", "cents" and "millions": it is silent.
func frenchNumber(n int) string {
	switch {
	case n < 20:
		return frenchSmall[n]
	case n < 100:
		return frenchTwoDigits(n)
	case n < 200:
		return join("cent", rest(n%100, frenchNumber))
	case n < 1000:
		return join(frenchSmall[n/100], "cent", rest(n%100, frenchNumber))
	case n < 2000:
		return join("mille", rest(n%1000, frenchNumber))
	case n < 1_000_000:
		return join(frenchNumber(n/1000), "mille", rest(n%1000, frenchNumber))
	}
	return join(frenchNumber(n/1_000_000), "million", rest(n%1_000_000, frenchNumber))
}

// frenchTwoDigits spells 20 to 99: seventy and ninety count on from sixty and eighty, "et" joins 1 but after eighty.
func frenchTwoDigits(n int) string {
	tens, units := frenchTens[n/10], n%10
	if n/10 == 7 || n/10 == 9 {
		units += 10
	}
	switch {
	case units == 0:
		return tens
	case (units == 1 || units == 11) && n < 80:
		return join(tens, "et", frenchSmall[units])
	}
	return join(tens, frenchSmall[units])
}

func frenchOrdinal(n int) string {
	if n == 1 {
		return "premier"
	}
	said := frenchNumber(n)
	switch {
	case strings.HasSuffix(said, "neuf"):
		return strings.TrimSuffix(said, "f") + "vième"
	case strings.HasSuffix(said, "cinq"):
		return said + "uième"
	}
	return strings.TrimSuffix(said, "e") + "ième"
}

// rest spells what follows a rounder part of a number; zero is silent.
func rest(n int, spell func(int) string) string {
	if n == 0 {
		return ""
	}
	return spell(n)
}

func join(parts ...string) string { return strings.Join(strings.Fields(strings.Join(parts, " ")), " ") }
