package deadline

import "testing"

func TestResolve(t *testing.T) {
	const thursday = "2026-11-26"
	for _, c := range []struct{ lang, phrase, want string }{
		{"en", "by tomorrow", "2026-11-27"},
		{"en", "tonight", "2026-11-26"},
		{"en", "the day after tomorrow", "2026-11-28"},
		{"en", "by Friday", "2026-11-27"},
		{"en", "on Thursday", ""}, // today, or in a week?
		{"en", "next Friday", ""}, // tomorrow, or in a week?
		{"en", "next Monday", "2026-11-30"},
		{"en", "next Thursday", "2026-12-03"},
		{"en", "by Friday next week", "2026-12-04"},
		{"en", "Monday week", "2026-12-07"},
		{"en", "by Wednesday noon", "2026-12-02"},
		{"en", "by close of business on Monday", "2026-11-30"},
		{"en", "by the end of the month", "2026-11-30"},
		{"en", "at the end of next month", "2026-12-31"},
		{"en", "by the end of the week", "2026-11-27"},
		{"en", "by the end of next week", "2026-12-04"},
		{"en", "end of the quarter", "2026-12-31"},
		{"en", "by the end of next year", "2027-12-31"},
		{"en", "by the end of March", "2027-03-31"},
		{"en", "before the first of May", "2027-05-01"},
		{"en", "by December 12th", "2026-12-12"},
		{"en", "by the twelfth of December 2027", "2027-12-12"},
		{"en", "on Saturday the 12th of December", "2026-12-12"},
		{"en", "on Friday the 12th of December", ""}, // it is a Saturday
		{"en", "by the 18th", "2026-12-18"},
		{"en", "by the twenty-ninth", "2026-11-29"},
		{"en", "by the thirty-first", "2026-12-31"}, // November has none
		{"en", "ahead of the first meeting", ""},
		{"en", "by the 3rd of November", ""}, // past: eleven months ahead is not what was meant
		{"en", "in two weeks", "2026-12-10"},
		{"en", "within three days", "2026-11-29"},
		{"en", "early in December", ""},
		{"en", "by Monday or Tuesday", ""},
		{"en", "a week before Friday", ""},
		{"en", "by Christmas", "2026-12-25"},
		{"en", "by Christmas Eve", "2026-12-24"},
		{"en", "as soon as possible", ""},
		{"en", "next week", ""},
		{"fr", "demain matin", "2026-11-27"},
		{"fr", "après-demain", "2026-11-28"},
		{"fr", "cet après-midi", "2026-11-26"},
		{"fr", "dans la journée", "2026-11-26"},
		{"fr", "pour vendredi", "2026-11-27"},
		{"fr", "jeudi", ""},
		{"fr", "lundi prochain", "2026-11-30"},
		{"fr", "vendredi prochain", ""},
		{"fr", "mardi de la semaine prochaine", "2026-12-01"},
		{"fr", "lundi en huit", "2026-12-07"},
		{"fr", "avant la fin du mois", "2026-11-30"},
		{"fr", "fin du mois prochain", "2026-12-31"},
		{"fr", "d'ici la fin de la semaine", "2026-11-27"},
		{"fr", "à la fin de l’année", "2026-12-31"},
		{"fr", "fin janvier", "2027-01-31"},
		{"fr", "d'ici mi-décembre", ""},
		{"fr", "début décembre au plus tard", ""},
		{"fr", "avant le 6 décembre", "2026-12-06"},
		{"fr", "pour le 1er mars 2027", "2027-03-01"},
		{"fr", "le quinze janvier", "2027-01-15"},
		{"fr", "pour le samedi 12 décembre", "2026-12-12"},
		{"fr", "vendredi 12 décembre", ""},
		{"fr", "d'ici le 30", "2026-11-30"},
		{"fr", "le 12 au plus tard", "2026-12-12"},
		{"fr", "lundi 30", "2026-11-30"},
		{"fr", "dans quinze jours", "2026-12-10"},
		{"fr", "sous huitaine", "2026-12-04"},
		{"fr", "d'ici deux semaines", "2026-12-10"},
		{"fr", "sous 10 jours", "2026-12-06"},
		{"fr", "dès que possible", ""},
		{"fr", "avant Noël", "2026-12-25"},
		{"de", "bis morgen", ""},
		{"en", "", ""},
	} {
		if got := Resolve(c.lang, c.phrase, thursday); got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.lang, c.phrase, got, c.want)
		}
	}
}

func TestResolveWithoutADateOfTheMeeting(t *testing.T) {
	for _, date := range []string{"", "26.11.2026", "2026-02-30"} {
		if got := Resolve("en", "tomorrow", date); got != "" {
			t.Errorf("said on %q: %q", date, got)
		}
	}
}

func TestTheEndOfTheWeekOnASaturdayIsUnsure(t *testing.T) {
	if got := Resolve("en", "by the end of the week", "2026-11-28"); got != "" {
		t.Error(got)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("en", "on Friday the thirty-first of February 2099", "2026-01-31")
	f.Add("fr", "d'ici le 99 à la fin du mois prochain", "0001-01-01")
	f.Fuzz(func(t *testing.T, lang, phrase, date string) { Resolve(lang, phrase, date) })
}
