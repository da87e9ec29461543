// Package deadline tells which day the words of a deadline mean: "by next Friday", "fin du mois", said on a given day. It would rather say
// nothing than guess: "early in May" is no day, and "next Friday", said on a Tuesday, is two.
package deadline

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"souffleur/internal/words"
	"souffleur/summarize/numbers"
)

// longest are the bytes of a phrase that is looked at; deadlines are short.
const longest = 200

// Resolve returns the day that a phrase in "en" or "fr" means when it is said on a date (2006-01-02), in the same form. "before the 6th"
// is the 6th: the day that was named. It returns "" if the words name no day for sure, and in other languages.
func Resolve(lang, phrase, date string) string {
	t := tongues[lang]
	today, err := time.Parse(time.DateOnly, date)
	if t == nil || err != nil || len(phrase) > longest {
		return ""
	}
	text := fold(phrase)
	if t.vague.MatchString(text) {
		return ""
	}
	for _, r := range t.rules {
		if m := r.form.FindStringSubmatch(text); m != nil {
			if day := r.day(t, today, m); !day.IsZero() {
				return day.Format(time.DateOnly)
			}
			return ""
		}
	}
	return ""
}

// fold makes a phrase comparable with the forms: lower case, no accents, straight apostrophes, single spaces.
func fold(phrase string) string {
	fields := strings.Fields(strings.NewReplacer("’", "'", "\u00a0", " ", "\u202f", " ", ",", " ").Replace(phrase))
	for i, f := range fields {
		fields[i] = words.Fold(f)
	}
	return strings.Join(fields, " ")
}

// rule reads one form of deadlines. The first form that matches decides; its day is zero if it is not sure.
type rule struct {
	form *regexp.Regexp
	day  func(t *tongue, today time.Time, m []string) time.Time
}

type tongue struct {
	lang   string
	vague  *regexp.Regexp // words that make every day unsure
	days   map[string]time.Weekday
	months map[string]time.Month
	rules  []rule
}

// number reads a number in digits or words; -1 if there is not exactly one.
func (t *tongue) number(text string) int {
	switch text {
	case "a", "an", "one", "un", "une", "premier":
		return 1
	case "second":
		return 2
	}
	text = strings.TrimRight(text, ".")
	if n := numbers.Of(t.lang, text); len(n) == 1 && n[0] == float64(int(n[0])) {
		return int(n[0])
	}
	return -1
}

// weekday returns the next such day after today: the same day of the week is one week on, and unsure.
func weekday(today time.Time, day time.Weekday) time.Time {
	ahead := (int(day) - int(today.Weekday()) + 7) % 7
	if ahead == 0 {
		return time.Time{}
	}
	return today.AddDate(0, 0, ahead)
}

// nextWeekday returns such a day of next week. If there is still one this week, people mean the one or the other.
func nextWeekday(today time.Time, day time.Weekday) time.Time {
	if fromMonday(day) > fromMonday(today.Weekday()) {
		return time.Time{}
	}
	return today.AddDate(0, 0, 7+fromMonday(day)-fromMonday(today.Weekday()))
}

// fromMonday counts the days of a week from 0 for Monday.
func fromMonday(day time.Weekday) int { return (int(day) + 6) % 7 }

// endOfWeek returns the Friday of the week that is so many weeks ahead; none if it is over.
func endOfWeek(today time.Time, ahead int) time.Time {
	friday := today.AddDate(0, 0, fromMonday(time.Friday)-fromMonday(today.Weekday())+7*ahead)
	if friday.Before(today) {
		return time.Time{}
	}
	return friday
}

// endOfMonth returns the last day of the month that is so many months ahead.
func endOfMonth(today time.Time, ahead int) time.Time {
	return time.Date(today.Year(), today.Month()+time.Month(ahead)+1, 0, 0, 0, 0, 0, time.UTC)
}

// endOf returns the last day of this or the next (ahead is 1) week, month, quarter or year.
func endOf(today time.Time, what string, ahead int) time.Time {
	switch what {
	case "week", "semaine":
		return endOfWeek(today, ahead)
	case "month", "mois":
		return endOfMonth(today, ahead)
	case "quarter", "trimestre":
		return endOfMonth(today, 2-(int(today.Month())-1)%3+3*ahead)
	case "year", "annee":
		return time.Date(today.Year()+ahead, time.December, 31, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}
}

// longAhead is how many months ahead a date without a year may lie: what would be later was more likely said of the past.
const longAhead = 9

// onDate returns a date of this year or the next; year is "" if it was not said.
func onDate(today time.Time, day int, month time.Month, year string) time.Time {
	if year != "" {
		y, err := strconv.Atoi(year)
		if err != nil {
			return time.Time{}
		}
		return valid(y, month, day)
	}
	for y := today.Year(); y <= today.Year()+1; y++ {
		d := valid(y, month, day)
		if !d.IsZero() && !d.Before(today) {
			if d.After(today.AddDate(0, longAhead, 0)) {
				return time.Time{}
			}
			return d
		}
	}
	return time.Time{}
}

// dayOfMonth returns the next such day: of this month, or of the next one if it has passed.
func dayOfMonth(today time.Time, day int) time.Time {
	if d := valid(today.Year(), today.Month(), day); !d.IsZero() && !d.Before(today) {
		return d
	}
	next := time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	return valid(next.Year(), next.Month(), day)
}

// valid returns a date; zero if there is none such.
func valid(year int, month time.Month, day int) time.Time {
	d := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if day < 1 || day > 31 || d.Day() != day || d.Year() != year {
		return time.Time{}
	}
	return d
}

// on returns d if it is such a day of the week, for phrases that say both.
func on(d time.Time, t *tongue, day string) time.Time {
	if want, said := t.days[day]; said && d.Weekday() != want {
		return time.Time{}
	}
	return d
}

// within returns the day after so many days or weeks; zero for so many that nobody means the day.
func within(today time.Time, n, days int) time.Time {
	if n < 1 || n*days > 120 {
		return time.Time{}
	}
	return today.AddDate(0, 0, n*days)
}
