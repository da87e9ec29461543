package verify_test

import (
	"os"
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
