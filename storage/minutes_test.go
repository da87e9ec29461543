package storage

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/summarize/minutes"
)

// noted writes minutes of a meeting: an action for each segment, with its speaker as owner, and a topic.
func noted(t testing.TB, m *Minutes, id meeting.ID) {
	t.Helper()
	_, err := m.UpdateJob(t.Context(), id, func(j *MinutesJob) bool {
		j.State, j.Request = MinutesDone, 1
		return true
	})
	must(t, err)
	writeMinutes(t, m, id)
}

func writeMinutes(t testing.TB, m *Minutes, id meeting.ID) {
	t.Helper()
	draft, err := m.Begin(t.Context(), id)
	must(t, err)
	v, err := m.transcripts.Read(t.Context(), id)
	must(t, err)
	must(t, draft.Put(t.Context(), minutesOf(v), v))
}

func minutesOf(v *Transcript) *minutes.Document {
	d := &minutes.Document{V: minutes.Version, Meeting: v.Meeting, Transcript: v.Version(), Lang: "de", Engine: minutes.Engine{Name: minutes.Extractive}}
	topic := minutes.Topic{}
	for _, s := range v.Segments {
		line := minutes.Line{Text: s.Text, Evidence: []meeting.SegmentID{s.Seg}, Quote: true}
		line.ID = minutes.LineID(minutes.KindAction, line.Text, line.Evidence)
		d.Actions = append(d.Actions, minutes.Action{Line: line, OwnerID: s.Spk.Participant()})
		topic.Title += s.Text
		topic.Points = append(topic.Points, minutes.Line{ID: "p" + line.ID, Text: s.Text, Evidence: line.Evidence})
		d.Keyphrases = append(d.Keyphrases, s.Text)
	}
	d.Topics = []minutes.Topic{topic}
	return d
}

func readMinutes(t testing.TB, m *Minutes, id meeting.ID) *MinutesRead {
	t.Helper()
	r, err := m.Read(t.Context(), id)
	must(t, err)
	return r
}

func lineTexts(lines []MinutesLine) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return strings.Join(all, " | ")
}

func testMinutes(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, meet := spoken(t, store, keys, "Ich schicke den Plan.", "Ich rufe an.", "Wir sehen uns.")
	m := NewMinutes(store, keys, transcripts)
	if _, err := m.Read(t.Context(), meet.ID); !errors.Is(err, ErrNoMinutes) {
		t.Errorf("before there are any: %v", err)
	}
	mark, err := transcripts.Mark(t.Context(), meet.ID)
	must(t, err)
	noted(t, m, meet.ID)
	if now, err := transcripts.Mark(t.Context(), meet.ID); err != nil || now != mark {
		t.Errorf("minutes change the transcript's mark: %v", err)
	}
	r := readMinutes(t, m, meet.ID)
	if lineTexts(r.Actions) != "Ich schicke den Plan. | Ich rufe an. | Wir sehen uns." || r.Actions[0].Owner != "Anna Zauberberg" || r.Outdated {
		t.Fatalf("minutes are %+v", r)
	}
	first, second, third := r.Actions[0].ID, r.Actions[1].ID, r.Actions[2].ID
	after, err := m.Edit(t.Context(), meet.ID, r.Version, MinutesEdit{By: "uanna", AtUnixMS: 7, Lines: map[string]LineEdit{
		first: {Verdict: Accepted}, second: {Verdict: Accepted, Text: ptr("Anna ruft an."), Due: ptr("Freitag")}, third: {Verdict: Dismissed},
	}, Add: []NewLine{{Kind: minutes.KindDecision, Text: "Es bleibt dabei.", Evidence: r.Actions[0].Evidence}}})
	must(t, err)
	if a := after.Actions; a[0].Verdict != Accepted || a[1].Text != "Anna ruft an." || a[1].Original != "Ich rufe an." || a[1].Due != "Freitag" || a[1].Quote || a[2].Verdict != Dismissed {
		t.Errorf("actions are %+v", a)
	}
	if d := after.Decisions; len(d) != 1 || !d[0].Added || d[0].By != "uanna" || d[0].AtUnixMS != 7 {
		t.Errorf("decisions are %+v", d)
	}
	if _, err := m.Edit(t.Context(), meet.ID, r.Version, MinutesEdit{Lines: map[string]LineEdit{first: {}}}); !errors.Is(err, ErrConflict) {
		t.Errorf("an edit of what was read before: %v", err)
	}
	for what, e := range map[string]MinutesEdit{
		"a foreign line": {Lines: map[string]LineEdit{"x": {}}}, "removing what nobody added": {Remove: []string{first}},
		"foreign evidence": {Add: []NewLine{{Kind: minutes.KindAction, Text: "x", Evidence: []meeting.SegmentID{"x"}}}},
	} {
		if _, err := m.Edit(t.Context(), meet.ID, after.Version, e); !errors.Is(err, ErrNoSegment) {
			t.Errorf("%s: %v", what, err)
		}
	}

	// A correction changes the words of a line, and minutes are made again: what people made of it holds.
	_, err = transcripts.Edit(t.Context(), meet.ID, "1.0", Edit{Texts: map[meeting.SegmentID]*string{
		seg(meet, 0): ptr("Ich schicke die Pläne."), seg(meet, 2): ptr("Wir sehen uns bald."),
	}, Names: map[meeting.SpeakerID]*string{"panna": ptr("Anna Z.")}})
	must(t, err)
	if r := readMinutes(t, m, meet.ID); !r.Outdated || r.Actions[0].Owner != "Anna Z." {
		t.Errorf("outdated %v, owner %q", r.Outdated, r.Actions[0].Owner)
	}
	writeMinutes(t, m, meet.ID)
	r = readMinutes(t, m, meet.ID)
	if a := r.Actions; len(a) != 3 || a[0].Text != "Ich schicke die Pläne." || a[0].Verdict != Accepted || a[1].Text != "Anna ruft an." || a[2].Verdict != Dismissed {
		t.Errorf("made again: %+v", a)
	}
	// Whoever takes back what they did leaves nothing.
	r, err = m.Edit(t.Context(), meet.ID, r.Version, MinutesEdit{Lines: map[string]LineEdit{r.Actions[0].ID: {}, r.Actions[1].ID: {}, r.Actions[2].ID: {}}, Remove: []string{r.Decisions[0].ID}})
	must(t, err)
	if c, _, err := openMinutes[minutesChanges](t.Context(), m, meet.ID, minutesChangesFile); err != nil || len(c.Lines)+len(c.Added) != 0 || r.Actions[0].Verdict != Unjudged {
		t.Errorf("left: %+v %v", c, err)
	}
}

// testMinutesKeep: what somebody accepted is not lost because an engine finds other words.
func testMinutesKeep(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, meet := spoken(t, store, keys, "Ich schicke den Plan.", "Ich rufe an.")
	m := NewMinutes(store, keys, transcripts)
	noted(t, m, meet.ID)
	r := readMinutes(t, m, meet.ID)
	_, err := m.Edit(t.Context(), meet.ID, r.Version, MinutesEdit{Lines: map[string]LineEdit{
		r.Actions[0].ID: {Verdict: Accepted}, r.Actions[1].ID: {Verdict: Dismissed}, r.Topics[0].Points[0].ID: {Text: ptr("Der Plan.")},
	}})
	must(t, err)
	draft, err := m.Begin(t.Context(), meet.ID)
	must(t, err)
	must(t, draft.Put(t.Context(), &minutes.Document{V: minutes.Version, Meeting: meet.ID, Transcript: "1.0"}, r.Transcript))
	r = readMinutes(t, m, meet.ID)
	if a := r.Actions; len(a) != 1 || !a[0].Kept || a[0].Verdict != Accepted {
		t.Errorf("actions are %+v", a)
	}
	if o := r.Overview; len(o) != 1 || o[0].Text != "Der Plan." || !o[0].Kept {
		t.Errorf("a point that has lost its topic: %+v", o)
	}
	// It can be judged anew, and then it is gone.
	r, err = m.Edit(t.Context(), meet.ID, r.Version, MinutesEdit{Lines: map[string]LineEdit{r.Actions[0].ID: {Verdict: Dismissed}, r.Overview[0].ID: {}}})
	must(t, err)
	if len(r.Actions)+len(r.Overview) != 0 {
		t.Errorf("left: %+v %+v", r.Actions, r.Overview)
	}
}

func testMinutesConflict(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, meet := spoken(t, store, keys, "Ich schicke den Plan.")
	m := NewMinutes(store, keys, transcripts)
	one, err := m.Begin(t.Context(), meet.ID)
	must(t, err)
	two, err := m.Begin(t.Context(), meet.ID)
	must(t, err)
	v := read(t, transcripts, meet.ID)
	must(t, one.Put(t.Context(), minutesOf(v), v))
	if err := two.Put(t.Context(), minutesOf(v), v); !errors.Is(err, ErrConflict) {
		t.Errorf("the second of two writers: %v", err)
	}
	scanRaw(t, store, "Plan", "panna", "Anna")
}

func testMinutesAsked(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, meet := spoken(t, store, keys, "Ich schicke den Plan.")
	m := NewMinutes(store, keys, transcripts)
	ask := func(detail minutes.Detail, version string) MinutesJob {
		t.Helper()
		j, err := m.Ask(t.Context(), meet.ID, MinutesWish{Detail: detail}, "uanna", version, time.UnixMilli(5))
		must(t, err)
		return j
	}
	if j := ask(minutes.Full, "1.0"); j.State != MinutesQueued || j.Request != 1 || j.By != "uanna" || j.AtUnixMS != 5 {
		t.Errorf("asked: %+v", j)
	}
	if j := ask(minutes.Full, "1.0"); j.Request != 1 {
		t.Errorf("asked twice: %+v", j)
	}
	if j := ask(minutes.Brief, "1.0"); j.Request != 2 || j.Wish.Detail != minutes.Brief {
		t.Errorf("asked for something else: %+v", j)
	}
	_, err := m.UpdateJob(t.Context(), meet.ID, func(j *MinutesJob) bool { j.State, j.Transcript = MinutesRunning, "1.0"; return true })
	must(t, err)
	if j := ask(minutes.Brief, "1.1"); j.Request != 3 {
		t.Errorf("asked after a correction: %+v", j)
	}
	j, err := m.Cancel(t.Context(), meet.ID, time.UnixMilli(6))
	must(t, err)
	if j.State != MinutesCancelled || j.Request != 4 {
		t.Errorf("cancelled: %+v", j)
	}
	if j, err := m.Cancel(t.Context(), meet.ID, time.UnixMilli(9)); err != nil || j.AtUnixMS != 6 {
		t.Errorf("cancelled twice: %+v %v", j, err)
	}
	w := m.Work(meet.ID, "1.0", "s")
	must(t, w.Save(t.Context(), "a", []byte("x")))
	must(t, w.Save(t.Context(), "a", []byte("facts")))
	must(t, m.Work(meet.ID, "0.9", "s").Save(t.Context(), "a", []byte("old")))
	must(t, w.Keep(t.Context()))
	if got, err := w.Load(t.Context(), "a"); err != nil || string(got) != "facts" {
		t.Errorf("kept %q %v", got, err)
	}
	if got, err := m.Work(meet.ID, "0.9", "s").Load(t.Context(), "a"); err != nil || got != nil {
		t.Errorf("of another run %q %v", got, err)
	}
}

func testMinutesForgotten(t *testing.T, server s3test.Server) {
	e := endedMeeting(t, server)
	m := NewMinutes(e.store, e.keys, e.transcripts)
	noted(t, m, e.ID)
	must(t, m.Work(e.ID, "1.0", "s").Save(t.Context(), "a", []byte("Geheimnis")))
	r := readMinutes(t, m, e.ID)
	i := slices.IndexFunc(r.Actions, func(l MinutesLine) bool { return strings.Contains(l.Text, "Geheimnis") })
	_, err := m.Edit(t.Context(), e.ID, r.Version, MinutesEdit{
		Lines: map[string]LineEdit{r.Actions[0].ID: {Verdict: Accepted}, r.Actions[i].ID: {Verdict: Accepted, Text: ptr("Mein Geheimnis.")}},
		Add:   []NewLine{{Kind: minutes.KindAction, Text: "Das Geheimnis lüften.", Evidence: r.Actions[i].Evidence}},
	})
	must(t, err)
	late, err := m.Begin(t.Context(), e.ID)
	must(t, err)
	before := read(t, e.transcripts, e.ID)
	must(t, e.forgetter.Person(t.Context(), e.ID, "pbruno", janitor))
	after := e.opened(e.ID)
	for _, word := range []string{"Eichhorn", "Geheimnis", "Flüstern"} {
		if strings.Contains(after, word) {
			t.Errorf("%q is still there:\n%s", word, after)
		}
	}
	if err := late.Put(t.Context(), minutesOf(before), before); !errors.Is(err, ErrConflict) {
		t.Errorf("minutes of words that were forgotten meanwhile: %v", err)
	}
	r = readMinutes(t, m, e.ID)
	if got := lineTexts(r.Actions); got != "Guten Morgen. | Auf Wiedersehen." || r.Actions[0].Verdict != Accepted || r.Topics[0].Title != "" || len(r.Facts.Keyphrases) > 0 {
		t.Errorf("minutes are %+v", r)
	}
	if j, err := m.Job(t.Context(), e.ID); err != nil || j.State != MinutesQueued || !j.Quiet || j.Request != 2 {
		t.Errorf("they are not made again: %+v %v", j, err)
	}
	must(t, e.forgetter.Meeting(t.Context(), e.ID, janitor))
	if _, err := m.Read(t.Context(), e.ID); err == nil {
		t.Error("minutes of a forgotten meeting")
	}
}

// testMinutesOutliveText: minutes may be kept longer than the transcript, and a person can still be forgotten in them.
func testMinutesOutliveText(t *testing.T, server s3test.Server) {
	s := sweepingMeeting(t, server)
	m := NewMinutes(s.store, s.keys, s.transcripts)
	noted(t, m, s.ID)
	s.set(func(r *Retention) { r.Text, r.Minutes, r.Audio = Clock{Days: 7}, Clock{Days: 30}, Clock{Days: 30} })
	s.after(8 * oneDay)
	r := readMinutes(t, m, s.ID)
	if !r.TextGone || r.Outdated || len(r.Actions) != 5 {
		t.Fatalf("minutes without their transcript are %+v", r)
	}
	if c := r.Cited[r.Actions[2].Evidence[0]]; c.T0 != 2000 || c.Spk != "pbruno" {
		t.Errorf("cited is %+v", c)
	}
	must(t, s.forgetter.Person(t.Context(), s.ID, "pbruno", janitor))
	if r = readMinutes(t, m, s.ID); lineTexts(r.Actions) != "Guten Morgen. | Auf Wiedersehen." {
		t.Errorf("minutes are %q", lineTexts(r.Actions))
	}
	if j, err := m.Job(t.Context(), s.ID); err != nil || j.State != MinutesDone {
		t.Errorf("they are to be made again of nothing: %+v %v", j, err)
	}
	s.after(31 * oneDay)
	if objects, err := s.store.List(t.Context(), meetingPrefix+string(s.ID)+"/"); err != nil || len(objects) > 0 {
		t.Errorf("left: %v %v", objects, err)
	}
}

func testMinutesDamaged(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, meet := spoken(t, store, keys, "Ich schicke den Plan.")
	m := NewMinutes(store, keys, transcripts)
	noted(t, m, meet.ID)
	for _, name := range []string{minutesFile, minutesChangesFile} {
		must(t, store.Put(t.Context(), meetingPrefix+string(meet.ID)+"/"+name, []byte("{")))
	}
	if _, err := m.Read(t.Context(), meet.ID); !errors.Is(err, ErrNoMinutes) {
		t.Errorf("damaged minutes: %v", err)
	}
	writeMinutes(t, m, meet.ID)
	if r := readMinutes(t, m, meet.ID); len(r.Actions) != 1 {
		t.Errorf("made again: %+v", r)
	}
}
