package verify_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/summarize/cues"
	"souffleur/summarize/eval"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
	"souffleur/summarize/verify"
)

// jobs are the scripted meetings.
func jobs(t *testing.T) (map[string]*minutes.Job, map[string]*eval.Script) {
	t.Helper()
	scripts, err := eval.ReadScripts(os.DirFS("../eval/testdata"), "meetings")
	if err != nil || len(scripts) < 20 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	all := map[string]*minutes.Job{}
	for name, s := range scripts {
		job := &minutes.Job{Meeting: "m1", Date: s.Date, Segments: s.Segments, Names: map[meeting.SpeakerID]string{}}
		for _, n := range s.Names {
			job.Names[meeting.SpeakerID(n)] = n
			job.People = append(job.People, meeting.Person{Participant: meeting.ParticipantID(n), Name: n})
		}
		all[name] = job
	}
	return all, scripts
}

func TestExcerptsOfScriptedMeetingsPass(t *testing.T) {
	all, _ := jobs(t)
	for name, job := range all {
		doc, err := extract.New().Write(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range verify.NewSource(job).Document(doc) {
			t.Errorf("%s: %q fails %q", name, f.Line.Text, f.Rule)
		}
	}
}

// What was said, with the owners and deadlines that people labelled, is what an honest model repeats.
func TestWhatWasSaidPassesAsWritten(t *testing.T) {
	all, scripts := jobs(t)
	labels, failed := 0, 0
	for name, s := range scripts {
		source := verify.NewSource(all[name])
		for _, l := range s.Labels {
			labels++
			a := minutes.Action{Line: minutes.Line{Text: l.Text, Evidence: []meeting.SegmentID{l.Seg}}}
			if l.Kind == cues.Action {
				a.Owner, a.Due = l.Owner, l.Due
			}
			if rule := source.Action(s.Lang, &a, nil); rule != "" {
				failed++
				t.Logf("%s: %q of %q by %q fails %q", name, l.Text, a.Owner, a.Due, rule)
			}
		}
	}
	if failed*20 > labels {
		t.Errorf("%d of %d labelled lines fail", failed, labels)
	}
}

// Forgeries of what was said. Each returns "" where a text cannot be forged this way.
var forgeries = map[string]map[string]func(text string) string{
	"number": {"en": number, "fr": number},
	"name": {
		"en": func(text string) string { return "Zebulon said: " + text },
		"fr": func(text string) string { return "Selon Zebulon, " + text },
	},
	"day": {
		"en": func(text string) string { return swap(text, enDay, "Sunday", "Saturday") },
		"fr": func(text string) string { return swap(text, frDay, "dimanche", "samedi") },
	},
	"negation": {
		"en": func(text string) string { return swap(text, enVerb, "$1 not ", "") },
		"fr": func(text string) string { return swap(text, frVerb, "$1 pas ", "") },
	},
}

var (
	digits = regexp.MustCompile(`\b[2-9][0-9]*\b`)
	enDay  = regexp.MustCompile(`(?i)\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b`)
	frDay  = regexp.MustCompile(`(?i)\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b`)
	enVerb = regexp.MustCompile(`\b(is|are|will|can|could|I'll|we'll|we|have) `)
	frVerb = regexp.MustCompile(`\b(est|sera|va|vais|garde|prend|envoie|appelle|prépare) `)
)

func number(text string) string { return swap(text, digits, "7777", "") }

// swap replaces the first match by one word, or by the other if that is there already.
func swap(text string, of *regexp.Regexp, by, or string) string {
	m := of.FindStringIndex(text)
	if m == nil {
		return ""
	}
	if strings.EqualFold(text[m[0]:m[1]], by) {
		by = or
	}
	return text[:m[0]] + of.ReplaceAllString(text[m[0]:m[1]], by) + text[m[1]:]
}

func TestForgedLinesFail(t *testing.T) {
	if testing.Short() {
		t.Skip("1,600 lines are checked")
	}
	all, scripts := jobs(t)
	for kind, by := range forgeries {
		tried, passed := 0, 0
		for name, s := range scripts {
			source := verify.NewSource(all[name])
			for _, segment := range s.Segments {
				text := by[s.Lang](segment.Text)
				if text == "" || len(strings.Fields(text)) < 6 {
					continue
				}
				tried++
				if source.Line(s.Lang, &minutes.Line{Text: text, Evidence: []meeting.SegmentID{segment.Seg}}, nil) == "" {
					passed++
					t.Logf("%s, %s: %q of %q passes", name, kind, text, segment.Text)
				}
			}
		}
		t.Logf("%s: %d of %d forged lines pass", kind, passed, tried)
		if tried < 20 || passed*20 > tried {
			t.Errorf("%s: %d of %d forged lines pass", kind, passed, tried)
		}
	}
}
