package verify

import (
	"slices"
	"strings"
	"time"

	"souffleur/summarize/numbers"
)

// DueDate returns the day that the words of a deadline mean, said on date (2006-01-02), in that form; "" where it is not sure. Weekdays
// are the next one; "next Friday" is not sure, because people mean two different days by it.
func DueDate(lang, words, date string) string {
	said, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return ""
	}
	w := bare(words)
	day, ok := dueDay(lang, w, said)
	if !ok {
		return ""
	}
	return day.Format(time.DateOnly)
}

func dueDay(lang string, w []string, said time.Time) (time.Time, bool) {
	if slices.ContainsFunc(w, func(s string) bool { return vague[s] > 0 }) {
		return time.Time{}, false
	}
	if day, ok := calendarDay(lang, w, said); ok {
		return day, true
	}
	if ends(w) {
		return endOf(w, said)
	}
	weekday, word := 0, 0
	for _, s := range w {
		if n, ok := days[s]; ok {
			weekday, word = n, word+1
		}
		if n, ok := relative[s]; ok {
			return said.AddDate(0, 0, []int{0, 0, 1, -1, 0}[n]), n != 3 // yesterday is no deadline
		}
	}
	if word == 1 {
		ahead := (weekday%7 - int(said.Weekday()) + 7) % 7
		if ahead == 0 {
			ahead = 7
		}
		return said.AddDate(0, 0, ahead), true
	}
	return within(lang, w, said)
}

// vague words make a day unsure, or another one.
var vague = index(`next prochain prochaine suivant suivante last dernier derniere first premier second mid mi milieu middle early debut late
	beginning start after apres around vers maybe peut environ week-end weekend before avant`)

// ends says whether the words speak of the end of a week, month or year.
func ends(w []string) bool { return slices.Contains(w, "end") || slices.Contains(w, "fin") }

// endOf returns the last day of this week (Friday), month or year; of a named month, if one is named.
func endOf(w []string, said time.Time) (time.Time, bool) {
	lastOf := func(year, month int) time.Time { return time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC) }
	for _, s := range w {
		if m, ok := months[s]; ok {
			year := said.Year()
			if m < int(said.Month()) {
				year++
			}
			return lastOf(year, m), true
		}
		switch s {
		case "month", "mois":
			return lastOf(said.Year(), int(said.Month())), true
		case "year", "annee":
			return lastOf(said.Year(), 12), true
		case "week", "semaine":
			ahead := int(time.Friday) - int(said.Weekday())
			return said.AddDate(0, 0, max(ahead, 0)), said.Weekday() >= time.Monday && said.Weekday() <= time.Friday
		case "day", "journee":
			return said, true
		}
	}
	return time.Time{}, false
}

// calendarDay reads "the 12th of May", "le 12 mai 2026", "by the 15th", "le 15": the next such day.
func calendarDay(lang string, w []string, said time.Time) (time.Time, bool) {
	month, year, day := 0, 0, 0
	for _, s := range w {
		if m, ok := months[s]; ok {
			if month > 0 {
				return time.Time{}, false
			}
			month = m
		}
	}
	for _, v := range numbers.Of(lang, strings.Join(w, " ")) {
		switch n := int(v); {
		case v != float64(n):
			return time.Time{}, false
		case n >= 2000 && n < 2100 && year == 0:
			year = n
		case n >= 1 && n <= 31 && day == 0:
			day = n
		default:
			return time.Time{}, false
		}
	}
	if day == 0 || month == 0 && !(dayAlone(w)) {
		return time.Time{}, false
	}
	return nextDay(year, month, day, said)
}

// dayAlone says whether a number without a month can only be a day of one: "by the 15th", "le 15".
func dayAlone(w []string) bool {
	for i, s := range w {
		digit := s[0] >= '0' && s[0] <= '9'
		if !digit {
			continue
		}
		ordinal := strings.HasSuffix(s, "st") || strings.HasSuffix(s, "nd") || strings.HasSuffix(s, "rd") || strings.HasSuffix(s, "th")
		if ordinal || i > 0 && w[i-1] == "le" && i == len(w)-1 {
			return true
		}
	}
	return false
}

// nextDay returns the first such day from said on. Month and year may be 0: any.
func nextDay(year, month, day int, said time.Time) (time.Time, bool) {
	y, m := said.Year(), int(said.Month())
	if year > 0 {
		y = year
	}
	if month > 0 {
		m = month
	}
	at := time.Date(y, time.Month(m), day, 0, 0, 0, 0, time.UTC)
	if at.Before(said) && year == 0 {
		if month > 0 {
			at = time.Date(y+1, time.Month(m), day, 0, 0, 0, 0, time.UTC)
		} else {
			at = time.Date(y, time.Month(m+1), day, 0, 0, 0, 0, time.UTC)
		}
	}
	return at, at.Day() == day && !at.Before(said)
}

// within reads "in two weeks", "within 3 days", "dans quinze jours", "sous huit jours": the last day of it.
func within(lang string, w []string, said time.Time) (time.Time, bool) {
	if !slices.ContainsFunc(w, func(s string) bool { return s == "in" || s == "within" || s == "dans" || s == "sous" }) {
		return time.Time{}, false
	}
	n := numbers.Of(lang, strings.Join(w, " "))
	count := 1
	switch {
	case len(n) == 1 && n[0] >= 1 && n[0] <= 366 && n[0] == float64(int(n[0])):
		count = int(n[0])
	case len(n) > 0:
		return time.Time{}, false
	}
	for _, s := range w {
		switch s {
		case "day", "days", "jour", "jours":
			// French counts both ends: eight days are a week, fifteen are two.
			if lang == "fr" && (count == 8 || count == 15) {
				count--
			}
			return said.AddDate(0, 0, count), true
		case "week", "weeks", "semaine", "semaines":
			return said.AddDate(0, 0, 7*count), true
		case "month", "months", "mois":
			at := said.AddDate(0, count, 0)
			return at, at.Day() == said.Day()
		}
	}
	return time.Time{}, false
}
