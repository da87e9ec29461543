package deadline

import (
	"regexp"
	"time"
)

var tongues = map[string]*tongue{"en": english, "fr": french}

// Parts of forms. What stands for a number is read by [tongue.number].
const (
	enDay    = `(monday|tuesday|wednesday|thursday|friday|saturday|sunday)`
	enMonth  = `(january|february|march|april|may|june|july|august|september|october|november|december)`
	enNth    = `([0-9]{1,2}(?:st|nd|rd|th)?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|twenty[- ][a-z]+|thirtieth|thirty[- ]first)`
	enNumber = `([0-9]{1,2}|a|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fourteen|fifteen|twenty|thirty)`
	frDay    = `(lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)`
	frMonth  = `(janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)`
	frNth    = `([0-9]{1,2}(?:er)?|premier|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|dix-[a-z]+|vingt(?:[- ](?:et[- ]un|[a-z]+))?|trente(?:[- ]et[- ]un)?)`
	frNumber = `([0-9]{1,2}|un|une|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|douze|quinze|vingt|trente)`
	year     = `(?: (20[0-9]{2}))?`
)

var weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}

func days(names ...string) map[string]time.Weekday {
	m := make(map[string]time.Weekday, len(names))
	for i, n := range names {
		m[n] = weekdays[i]
	}
	return m
}

func months(names ...string) map[string]time.Month {
	m := make(map[string]time.Month, len(names))
	for i, n := range names {
		m[n] = time.Month(i + 1)
	}
	return m
}

// form compiles a form that stands anywhere in a phrase, as whole words.
func form(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[ '])(?:` + pattern + `)(?:$|[ .!?;])`)
}

// ahead is what stands before today plus n days.
func ahead(n int) func(*tongue, time.Time, []string) time.Time {
	return func(_ *tongue, today time.Time, _ []string) time.Time { return today.AddDate(0, 0, n) }
}

// fixed is a day of every year.
func fixed(day int, month time.Month) func(*tongue, time.Time, []string) time.Time {
	return func(_ *tongue, today time.Time, _ []string) time.Time { return onDate(today, day, month, "") }
}

// ending reads "end of" a week, month, quarter or year.
func ending(ahead int) func(*tongue, time.Time, []string) time.Time {
	return func(_ *tongue, today time.Time, m []string) time.Time { return endOf(today, m[1], ahead) }
}

// endingMonth reads "end of" a month by its name.
func endingMonth(t *tongue, today time.Time, m []string) time.Time {
	first := onDate(today, 28, t.months[m[1]], "")
	if first.IsZero() {
		return first
	}
	return endOfMonth(first, 0)
}

// dayMonth reads a day of the week or none, a day and a month, and a year or none.
func dayMonth(t *tongue, today time.Time, m []string) time.Time {
	return on(onDate(today, t.number(m[2]), t.months[m[3]], m[4]), t, m[1])
}

// monthDay reads the same with the month first.
func monthDay(t *tongue, today time.Time, m []string) time.Time {
	return on(onDate(today, t.number(m[3]), t.months[m[2]], m[4]), t, m[1])
}

// nth reads a day of the week or none, and a day of the month.
func nth(t *tongue, today time.Time, m []string) time.Time {
	return on(dayOfMonth(today, t.number(m[2])), t, m[1])
}

func comingDay(t *tongue, today time.Time, m []string) time.Time { return weekday(today, t.days[m[1]]) }

func nextDay(t *tongue, today time.Time, m []string) time.Time {
	return nextWeekday(today, t.days[m[1]])
}

func inDays(t *tongue, today time.Time, m []string) time.Time {
	return within(today, t.number(m[1]), 1)
}

func inWeeks(t *tongue, today time.Time, m []string) time.Time {
	return within(today, t.number(m[1]), 7)
}

var english = &tongue{
	lang:   "en",
	days:   days("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
	months: months("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"),
	vague:  form(`mid|mid-[a-z]+|middle|beginning|start|early|late|around|about|week of|(?:days|weeks?|months?) (?:before|after|earlier|later)|day before|day after (?:the|that|` + enDay + `)|last ` + enDay + `|or`),
	rules: []rule{
		{form(`(?:` + enDay + ` )?(?:the )?` + enNth + `(?: of)? ` + enMonth + year), dayMonth},
		{form(`(?:` + enDay + ` )?` + enMonth + `(?: the)? ` + enNth + year), monthDay},
		{form(`end of ` + enMonth), endingMonth},
		{form(`end of (?:the |this )?(week|month|quarter|year)`), ending(0)},
		{form(`end of (?:the )?next (week|month|quarter|year)`), ending(1)},
		{form(`day after tomorrow`), ahead(2)},
		{form(`tomorrow`), ahead(1)},
		{form(`today|tonight|this (?:morning|afternoon|evening)|end of (?:the )?day(?: today)?`), ahead(0)},
		{form(enDay + ` week|a week on ` + enDay), func(t *tongue, today time.Time, m []string) time.Time {
			if d := weekday(today, t.days[m[1]+m[2]]); !d.IsZero() {
				return d.AddDate(0, 0, 7)
			}
			return time.Time{}
		}},
		{form(`(?:` + enDay + ` )?the ` + enNth + `(?: (?:at|in the) .*)?$`), nth},
		{form(enDay + ` next week|next ` + enDay + ` week`), func(t *tongue, today time.Time, m []string) time.Time {
			return today.AddDate(0, 0, 7+fromMonday(t.days[m[1]+m[2]])-fromMonday(today.Weekday()))
		}},
		{form(`next ` + enDay), nextDay},
		{form(enDay), comingDay},
		{form(`(?:in|within) (?:the next )?` + enNumber + ` days?`), inDays},
		{form(`(?:in|within) (?:the next )?` + enNumber + ` weeks?`), inWeeks},
		{form(`(?:in|within) a fortnight`), ahead(14)},
		{form(`christmas eve`), fixed(24, time.December)},
		{form(`christmas`), fixed(25, time.December)},
		{form(`new year's eve`), fixed(31, time.December)},
	},
}

var french = &tongue{
	lang:   "fr",
	days:   days("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
	months: months("janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre", "novembre", "decembre"),
	vague:  form(`mi|mi-[a-z]+|milieu|debut|courant|vers|environ|semaine du|(?:jour|jours|semaine|semaines|mois) (?:avant|apres|plus tard|plus tot)|` + frDay + ` dernier|ou`),
	rules: []rule{
		{form(`(?:` + frDay + ` )?(?:le )?` + frNth + ` ` + frMonth + year), dayMonth},
		{form(`fin (?:de |du mois de |d')?` + frMonth), endingMonth},
		{form(`fin (?:de |du |d')?(?:la |cette |ce |l')?(semaine|mois|trimestre|annee) prochaine?`), ending(1)},
		{form(`fin (?:de |du |d')?(?:la |cette |ce |l')?(semaine|mois|trimestre|annee)`), ending(0)},
		{form(`apres-demain`), ahead(2)},
		{form(`demain`), ahead(1)},
		{form(`aujourd'hui|ce (?:soir|matin|midi)|cet apres-midi|(?:dans|avant la fin de) la journee`), ahead(0)},
		{form(frDay + ` en huit`), func(t *tongue, today time.Time, m []string) time.Time {
			if d := weekday(today, t.days[m[1]]); !d.IsZero() {
				return d.AddDate(0, 0, 7)
			}
			return time.Time{}
		}},
		{form(frDay + ` de la semaine prochaine`), func(t *tongue, today time.Time, m []string) time.Time {
			return today.AddDate(0, 0, 7+fromMonday(t.days[m[1]])-fromMonday(today.Weekday()))
		}},
		{form(frDay + ` prochain`), nextDay},
		{form(frDay + ` (?:le )?` + frNth), nth},
		{form(frDay), comingDay},
		{form(`dans (?:huit|8) jours`), ahead(7)},
		{form(`dans (?:quinze|15) jours`), ahead(14)},
		{form(`sous huitaine`), ahead(8)},
		{form(`sous quinzaine`), ahead(15)},
		{form(`(?:dans|sous|d'ici) (?:les )?` + frNumber + ` jours?`), inDays},
		{form(`(?:dans|sous|d'ici) (?:les )?` + frNumber + ` semaines?`), inWeeks},
		{form(`(?:le|du|au)()` + ` ` + frNth + `(?: (?:au plus tard|a) ?.*)?$`), nth},
		{form(`noel`), fixed(25, time.December)},
		{form(`toussaint`), fixed(1, time.November)},
	},
}
