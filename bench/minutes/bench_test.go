package main

import (
	"os"
	"path/filepath"
	"testing"

	"souffleur/summarize/eval"
)

func twoScripts(t *testing.T) map[string]*eval.Script {
	t.Helper()
	all, err := eval.ReadScripts(os.DirFS("../../summarize/eval/testdata"), "meetings")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*eval.Script{"en-01": all["en-01"], "fr-02": all["fr-02"]}
}

func TestEveryLineOfAScriptHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	rows, err := hold(t.Context(), twoScripts(t))
	if err != nil || len(rows) != len(noises) {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, r := range rows {
		if r.Lines == 0 || r.Citations != r.Lines || r.Numbers != r.Lines || r.Names != r.Lines {
			t.Errorf("%+v", r)
		}
	}
}

func TestFindingsAreOfBothHalves(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	wanted := map[string]int{}
	for _, r := range findings(twoScripts(t)) {
		if r.Noise == clean {
			wanted[r.Half] += r.Wanted
		}
		if r.Right > r.Found || r.Right > r.Wanted {
			t.Errorf("%+v", r)
		}
	}
	if wanted[tuning] != 5 || wanted[heldOut] != 5 {
		t.Errorf("labels: %v", wanted)
	}
}

func TestOverlapsAreOfBothLanguages(t *testing.T) {
	rows, err := overlaps(t.Context(), twoScripts(t))
	if err != nil || len(rows) != 4 || rows[0].Of != "overview, en" || rows[3].Of != "first words, fr" || rows[0].R1.Mean <= 0 {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestAMeetingOfQMSum(t *testing.T) {
	dir := t.TempDir()
	const meeting = `{"general_query_list": [{"query": "Summarize the whole meeting.", "answer": "The bridge costs two million."}],
		"meeting_transcripts": [{"speaker": "A", "content": "{vocalsound} The bridge over the river costs two million , I think ."},
			{"speaker": "B", "content": "Two million for the bridge is what we have ."}]}`
	if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte(meeting), 0o600); err != nil {
		t.Fatal(err)
	}
	segments, reference, err := readQMSum(filepath.Join(dir, "x.json"))
	if err != nil || reference != "The bridge costs two million." || len(segments) != 2 || segments[0].Text != " The bridge over the river costs two million, I think." {
		t.Errorf("%+v, %q, %v", segments, reference, err)
	}
	rows, err := qmsum(t.Context(), dir)
	if err != nil || len(rows) != 3 || rows[1].R1.Mean == 0 {
		t.Errorf("%+v, %v", rows, err)
	}
	if _, err := qmsum(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty folder is no error")
	}
}

func TestGoals(t *testing.T) {
	f := figures{
		Found: []foundRow{{Noise: clean, Half: heldOut, Kind: "action", Precision: 0.81, Recall: 0.5}},
		Held:  []heldRow{{Lines: 10, Citations: 10, Numbers: 10, Names: 9}},
		Cost:  []costRow{{Hours: shortHours, Lang: "en", Seconds: 2, PeakMB: 151}, {Hours: longHours, Lang: "en", Seconds: 9}},
	}
	got := goals(&f)
	if len(got) != 3 || !got[0].Met || got[1].Met || got[2].Met {
		t.Errorf("%+v", got)
	}
}
