package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/summarize/eval"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
	"souffleur/summarize/verify"
)

// TestLinesStandUpToTheChecksOfAnEndpoint: what is quoted passes the rules for what a language model writes.
func TestLinesStandUpToTheChecksOfAnEndpoint(t *testing.T) {
	for name, s := range someScripts(t) {
		job := s.Job(minutes.Full)
		for _, f := range verify.NewSource(job).Document(write(t, job)) {
			t.Errorf("%s: %q fails %s", name, f.Line.Text, f.Rule)
		}
	}
}

// TestEightHours: a whole day, with the errors of recognisers, in both languages.
func TestEightHours(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	all := scripts(t)
	segments := eval.Long(all, "en", 40_000, 0.1).Segments
	last := segments[len(segments)-1].T1
	for i, s := range eval.Long(all, "fr", 36_000, 0.1).Segments {
		s.Seg, s.T0, s.T1 = meeting.SegmentID(fmt.Sprint("f", i)), s.T0+last, s.T1+last
		segments = append(segments, s)
	}
	job := &minutes.Job{Segments: segments, Detail: minutes.Normal}
	doc := write(t, job)
	if hours := float64(segments[len(segments)-1].T1) / 3.6e6; hours < 8 {
		t.Fatalf("%.1f hours", hours)
	}
	if warnings(doc) != string(minutes.MixedLanguages) || len(doc.Topics) < 4 || len(doc.Topics) > mostTopics || len(doc.Overview) == 0 {
		t.Errorf("warnings %v, %d topics, %d lines of overview", doc.Warnings, len(doc.Topics), len(doc.Overview))
	}
	if len(doc.Actions) > mostFindings || len(doc.Decisions) > mostFindings || len(doc.Questions) > mostFindings {
		t.Errorf("%d actions, %d decisions, %d questions", len(doc.Actions), len(doc.Decisions), len(doc.Questions))
	}
}

// owned writes actions as a test reads them: owner, the owner's ID, due, the day.
func owned(doc *minutes.Document) string {
	var all []string
	for _, a := range doc.Actions {
		all = append(all, fmt.Sprintf("%s/%s %s/%s", a.Owner, a.OwnerID, a.Due, a.DueDate))
	}
	return strings.Join(all, "; ")
}

func TestOwnersAndDays(t *testing.T) {
	people := []meeting.Person{
		{Participant: "p1", Person: "u1", Name: "Nora Weiss"},
		{Participant: "p2", Person: "u2", Name: "Omar"},
		{Participant: "p3", Person: "u3", Name: "Marie Curie"},
		{Participant: "p4", Person: "u4", Name: "Marie Laurencin"},
		{Participant: "p5", Person: "u2", Name: "Omar"}, // the same person came back
		{Participant: "p6", Name: "Room", RoomMic: true},
		{Participant: "p7", Name: "Forgotten", Forgotten: true},
	}
	names := map[meeting.SpeakerID]string{"p6/voice-1": "Lea", "p6/voice-2": "Voice 2"}
	for _, c := range []struct {
		about string
		talk  []string
		want  string
	}{
		{"who speaks", []string{"p1: I'll send the budget to the board by Monday.", "p2: Great."}, "Nora Weiss/p1 by Monday/2026-11-30"},
		{"who is named, the last stay", []string{"p1: Omar, could you check the figures by the end of the month?", "p2: Sure."}, "Omar/p5 by the end of the month/2026-11-30"},
		{"who accepts", []string{"p2: Could you book the hall for the concert tomorrow?", "p1: Yes, of course."}, "Nora Weiss/p1 tomorrow/2026-11-27"},
		{"a name that two have", []string{"p1: Marie will write the letter to the mayor before Friday."}, "Marie/ before Friday/2026-11-27"},
		{"a family name", []string{"p1: Laurencin will write the letter to the mayor as soon as possible."}, "Marie Laurencin/p4 as soon as possible/"},
		{"a voice at a shared microphone", []string{"p6/voice-1: I'll send the budget to the board by Monday.", "p2: Great."}, "Lea/ by Monday/2026-11-30"},
		{"what a captioner typed", []string{"p1/captioner: I'll send the budget to the board by Monday.", "p2: Great."}, "/ by Monday/2026-11-30"},
		{"who is forgotten", []string{"p7: I'll send the budget to the board by Monday.", "p2: Great."}, "/ by Monday/2026-11-30"},
		{"all together", []string{"p1: We'll send the budget to the whole board by Monday.", "p2: Great."}, "/ by Monday/2026-11-30"},
	} {
		doc := write(t, &minutes.Job{Date: "2026-11-26", People: people, Names: names, Segments: talk("en", c.talk...)})
		if got := owned(doc); got != c.want {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
}

func TestTheAcceptingSegmentIsEvidence(t *testing.T) {
	doc := write(t, &minutes.Job{Segments: talk("en", "a: Could you book the hall for the concert by tomorrow?", "b: Um.", "b: Yes, of course.")})
	if len(doc.Actions) != 1 || !slices.Equal(doc.Actions[0].Evidence, []meeting.SegmentID{"seg00000", "seg00002"}) {
		t.Errorf("%+v", doc.Actions)
	}
}

func TestTheSameSuggestionIsMadeOnce(t *testing.T) {
	line := []string{"a: I'll send the updated budget to the board by Friday.", "b: Great."}
	if doc := write(t, &minutes.Job{Segments: talk("en", slices.Repeat(line, 5)...)}); len(doc.Actions) != 1 {
		t.Errorf("%d actions", len(doc.Actions))
	}
}

// about makes n lines about one thing.
func about(n int, speakers, thing string) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("%c: The %s number%d of this part is about the %s.", speakers[i%len(speakers)], thing, i, thing))
	}
	return lines
}

func TestTopicsChangeWithTheWords(t *testing.T) {
	lines := slices.Concat(about(40, "ab", "bridge river concrete"), about(40, "ab", "library books reading"), about(40, "ab", "football stadium grass"))
	sentences := prose.Of(talk("en", lines...))
	topics := Topics(sentences)
	if len(topics) != 3 || topics[0].First != 0 || topics[2].End != len(sentences) {
		t.Fatalf("%+v", topics)
	}
	for i, want := range []int{40, 80} {
		if cut := topics[i].End; cut < want-4 || cut > want+4 {
			t.Errorf("cut before sentence %d, not %d", cut, want)
		}
		if topics[i].End != topics[i+1].First {
			t.Error("topics leave something out")
		}
	}
	doc := write(t, &minutes.Job{Segments: talk("en", lines...)})
	for i, want := range []string{"bridge", "library", "football"} {
		if !strings.Contains(doc.Topics[i].Title, want) {
			t.Errorf("%q is not about the %s", doc.Topics[i].Title, want)
		}
	}
}

func TestAShortMeetingIsOneTopic(t *testing.T) {
	if topics := Topics(prose.Of(talk("en", slices.Concat(about(5, "ab", "bridge"), about(5, "ab", "library"))...))); len(topics) != 1 {
		t.Errorf("%+v", topics)
	}
	if topics := Topics(nil); topics != nil {
		t.Errorf("%+v", topics)
	}
}

func TestRankIsHighWhereMuchIsShared(t *testing.T) {
	sentences := prose.Of(talk("en", "a: The bridge needs concrete and steel.", "b: Concrete for the bridge is expensive.", "a: The bridge steel comes from Lyon.", "b: My cat sleeps."))
	rank := Rank(sentences)
	if slices.Max(rank) != 1 || slices.Index(rank, slices.Min(rank)) != 3 {
		t.Errorf("%v", rank)
	}
	if Rank(nil) != nil {
		t.Error("a rank of nothing")
	}
}

func TestPickTellsNothingTwice(t *testing.T) {
	lines := []string{
		"a: The new bridge over the river costs two million.", "b: The new bridge over the river costs two million.",
		"a: The library wants to open on Sundays from May.", "b: The library could open on Sundays already.",
		"a: Short one.",
	}
	sentences := prose.Of(talk("en", lines...))
	all := between(0, len(sentences))
	p := NewPicker(sentences, Rank(sentences))
	first := p.Pick(all, Limits{Most: 2, Words: 100})
	if len(first) != 2 || first[0] > 1 || first[1] < 2 || first[1] > 3 {
		t.Errorf("%v: not one line of the bridge and one of the library", first)
	}
	if again := p.Pick(all, Limits{Most: 5, Words: 100}); slices.ContainsFunc(again, func(i int) bool { return slices.Contains(first, i) || i < 2 }) {
		t.Errorf("%v after %v", again, first)
	}
	p.Forget()
	if again := p.Pick(all, Limits{Most: 2, Words: 100}); !slices.Equal(again, first) {
		t.Errorf("%v, not %v", again, first)
	}
	p.Forget()
	if one := p.Pick(all, Limits{Least: 1, Most: 5, Words: 3}); len(one) != 1 {
		t.Errorf("%v of three words", one)
	}
}

func TestKeyphrases(t *testing.T) {
	sentences := prose.Of(talk("en",
		"a: The water treatment plant in Lyon is late.", "b: Why is the water treatment plant late?", "c: The water treatment plant waits for SNCF.",
		"a: We know that SNCF is late.", "b: Okay, okay, people need time.", "c: People always need more time.",
	))
	got := newPhrases(sentences).best(0, len(sentences), 3)
	if !slices.Equal(got, []string{"water treatment plant", "late", "SNCF"}) {
		t.Errorf("%q", got)
	}
}
