package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/archivetest"
	"souffleur/summarize/minutes"
)

// forMinutes is what Anna said at level minutes.
func forMinutes(id meeting.SegmentID, t0 int64, text string) meeting.Segment {
	s := archivetest.Segment(id, t0, "en", text)
	s.Level = meeting.Minutes
	return s
}

// saidForMinutes makes what was said something that minutes may be made of.
func saidForMinutes(c *scene) any {
	c.site.archive.End(meeting.ID(c.ids["meeting"]), forMinutes("s1", 1000, "I send the plan by Friday."))
	return fields{"detail": "full"}
}

// someMinutes writes minutes of the scene's meeting.
func someMinutes(c *scene) any {
	saidForMinutes(c)
	c.site.writeMinutes(meeting.ID(c.ids["meeting"]))
	return nil
}

// aMinutesEdit names the version that the scene's minutes have.
func aMinutesEdit(c *scene) any {
	someMinutes(c)
	r, err := c.site.deps.Minutes.Read(c.site.t.Context(), meeting.ID(c.ids["meeting"]))
	if err != nil {
		c.site.t.Fatal(err)
	}
	c.header = []string{"If-Match", etag(r.Version)}
	return fields{"lines": edits{{"id": r.Actions[0].ID, "verdict": "accepted"}}}
}

// writeMinutes writes minutes as the worker does: an action for each segment, by an engine that a test may change.
func (s *site) writeMinutes(id meeting.ID, change ...func(*minutes.Document)) {
	s.t.Helper()
	ctx := s.t.Context()
	draft, err := s.deps.Minutes.Begin(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	t, err := s.deps.Transcripts.Read(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	d := &minutes.Document{
		V: minutes.Version, Meeting: id, Transcript: t.Version(), MadeUnixMS: 1_700_003_700_000, Lang: "en",
		Engine: minutes.Engine{Name: minutes.Extractive}, Keyphrases: []string{"plan"}, Warnings: []minutes.Warning{minutes.OneSpeaker},
	}
	topic := minutes.Topic{Title: "plan", T1: 60_000}
	for _, g := range t.Segments {
		line := minutes.Line{Text: g.Text, Evidence: []meeting.SegmentID{g.Seg}, Confidence: 0.5, Quote: true}
		line.ID = minutes.LineID(minutes.KindAction, line.Text, line.Evidence)
		d.Actions = append(d.Actions, minutes.Action{Line: line, Due: "by Friday", OwnerID: "p1"})
		line.ID = "p" + line.ID
		topic.Points = append(topic.Points, line)
	}
	d.Topics = []minutes.Topic{topic}
	for _, c := range change {
		c(d)
	}
	if err := draft.Put(ctx, d, t); err != nil {
		s.t.Fatal(err)
	}
	_, err = s.deps.Minutes.UpdateJob(ctx, id, func(j *storage.MinutesJob) bool {
		j.State, j.Request = storage.MinutesDone, max(j.Request, 1)
		return true
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// minuted is a meeting of a room with minutes.
func (s *site) minuted(owner *browser) (path string, m storage.Meeting) {
	s.t.Helper()
	room, _ := owner.makeRoom("Weekly")
	m = s.archive.Meet(storage.Meeting{Room: meeting.RoomID(room), Policies: []meeting.Policy{{Level: meeting.Minutes}}, LiveKeyGone: true})
	s.archive.End(m.ID, forMinutes("s1", 1000, "I send the plan by Friday."), forMinutes("s2", 9000, "I call the printer."))
	s.writeMinutes(m.ID)
	return "/meetings/" + string(m.ID) + "/minutes", m
}

// list returns the objects of a list.
func (f fields) list(path ...string) []fields {
	values, _ := f.at(path...).([]any)
	var all []fields
	for _, v := range values {
		if object, ok := v.(map[string]any); ok {
			all = append(all, object)
		}
	}
	return all
}

func TestMinutesAreReadAndChanged(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path, m := s.minuted(owner)
	a := owner.must(http.MethodGet, path, nil, http.StatusOK)
	actions := a.fields.list("document", "actions")
	if len(actions) != 2 || actions[0].text("text") != "I send the plan by Friday." || actions[0].text("owner") != "Anna" || a.fields.at("possible") != true {
		t.Fatalf("minutes are %s", a.body)
	}
	if cited := a.fields.list("document", "cited"); len(cited) != 2 || cited[1].at("t0") != 9000.0 || cited[1].text("seg") != "s2" {
		t.Errorf("cited is %v", cited)
	}
	change := fields{
		"lines": edits{{"id": actions[0].text("id"), "verdict": "accepted", "text": " I  send\nthe new plan. ", "owner": "Bob"}, {"id": actions[1].text("id"), "verdict": "dismissed"}},
		"add":   edits{{"kind": "decision", "text": "We go on.", "evidence": []string{"s2"}}},
	}
	b := owner.do(http.MethodPatch, path, change, "If-Match", a.header.Get("ETag"))
	if b.status != http.StatusOK || b.header.Get("ETag") == a.header.Get("ETag") {
		t.Fatalf("the change answers %d %s", b.status, b.body)
	}
	now := owner.must(http.MethodGet, path, nil, http.StatusOK)
	if string(now.body) != string(b.body) || now.header.Get("ETag") != b.header.Get("ETag") {
		t.Errorf("the change answered %s, then read is %s", b.body, now.body)
	}
	first := now.fields.list("document", "actions")[0]
	if first.text("text") != "I send the new plan." || first.text("original") != "I send the plan by Friday." || first.text("owner") != "Bob" || first.text("verdict") != "accepted" {
		t.Errorf("the first action is %v", first)
	}
	if d := now.fields.list("document", "decisions"); len(d) != 1 || d[0].at("added") != true {
		t.Errorf("decisions are %v", d)
	}
	if again := owner.do(http.MethodPatch, path, change, "If-Match", a.header.Get("ETag")); again.status != http.StatusPreconditionFailed || again.problem() != "edited-meanwhile" {
		t.Errorf("a change of what was read before: %d %s", again.status, again.body)
	}
	if without := owner.do(http.MethodPatch, path, change); without.status != http.StatusPreconditionRequired {
		t.Errorf("without a version: %d %s", without.status, without.body)
	}
	list := owner.must(http.MethodGet, "/meetings", nil, http.StatusOK).fields.list("meetings")
	if list[0].text("minutes") != "done" {
		t.Errorf("the list says %v", list[0])
	}
	if one := owner.must(http.MethodGet, "/meetings/"+string(m.ID), nil, http.StatusOK); one.fields.text("minutes") != "done" {
		t.Errorf("the meeting says %s", one.body)
	}
}

func TestHostileChangesOfMinutesAreRefused(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path, _ := s.minuted(owner)
	a := owner.must(http.MethodGet, path, nil, http.StatusOK)
	id := a.fields.list("document", "actions")[0].text("id")
	long := strings.Repeat("x", 3000)
	for what, body := range map[string]any{
		"a line of nobody":       fields{"lines": edits{{"id": "nothing"}}},
		"a line twice":           fields{"lines": edits{{"id": id}, {"id": id}}},
		"a verdict of nobody":    fields{"lines": edits{{"id": id, "verdict": "loved"}}},
		"no words":               fields{"lines": edits{{"id": id, "text": " \n"}}},
		"too many words":         fields{"lines": edits{{"id": id, "text": long}}},
		"a long owner":           fields{"lines": edits{{"id": id, "owner": long}}},
		"a kind of nobody":       fields{"add": edits{{"kind": "point", "text": "x"}}},
		"an empty new line":      fields{"add": edits{{"kind": "action", "text": "\u0001"}}},
		"a segment of elsewhere": fields{"add": edits{{"kind": "action", "text": "x", "evidence": []string{"../s"}}}},
		"removing what is not":   fields{"remove": []string{id}},
		"a foreign field":        fields{"lines": edits{{"id": id, "evidence": []string{"s1"}}}},
		"no object":              []string{"x"},
	} {
		if b := owner.do(http.MethodPatch, path, body, "If-Match", a.header.Get("ETag")); b.status != http.StatusUnprocessableEntity || b.problem() == "" {
			t.Errorf("%s: %d %s", what, b.status, b.body)
		}
	}
	for what, tag := range map[string]string{"any": "*", "weak": "W/" + a.header.Get("ETag"), "foreign": `"9.9.9"`} {
		if b := owner.do(http.MethodPatch, path, fields{}, "If-Match", tag); b.status != http.StatusPreconditionFailed {
			t.Errorf("%s version: %d %s", what, b.status, b.body)
		}
	}
	if now := owner.must(http.MethodGet, path, nil, http.StatusOK); string(now.body) != string(a.body) {
		t.Errorf("something was changed: %s", now.body)
	}
	for _, body := range []fields{{"detail": "endless"}, {"engine": "oracle"}, {"lang": "../x"}, {"lang": "klingon"}} {
		if b := owner.do(http.MethodPost, path+"/job", body); b.status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d %s", body, b.status, b.body)
		}
	}
}

func TestMinutesAreAskedForAndCancelled(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path, m := s.minuted(owner)
	a := owner.do(http.MethodPost, path+"/job", fields{"detail": "full", "engine": "extractive"})
	if a.status != http.StatusAccepted || a.fields.text("state") != "queued" || a.fields.text("detail") != "full" {
		t.Fatalf("asking answers %d %s", a.status, a.body)
	}
	told := s.records.of(bus.Meetings)
	if len(told) != 1 || told[0].Meeting != m.ID || len(told[0].Value) != 0 {
		t.Errorf("workers are told %+v", told)
	}
	if b := owner.must(http.MethodGet, path+"/job", nil, http.StatusOK); b.fields.text("state") != "queued" {
		t.Errorf("the state is %s", b.body)
	}
	if b := owner.must(http.MethodDelete, path+"/job", nil, http.StatusOK); b.fields.text("state") != "cancelled" {
		t.Errorf("cancelling answers %s", b.body)
	}
	if b := owner.must(http.MethodGet, path, nil, http.StatusOK); len(b.fields.list("document", "actions")) != 2 {
		t.Errorf("minutes from before are gone: %s", b.body)
	}
	if b := owner.do(http.MethodPost, path+"/job", fields{"engine": "endpoint"}); b.status != http.StatusConflict || b.problem() != "no-endpoint" {
		t.Errorf("a language model that is not there: %d %s", b.status, b.body)
	}
	if err := s.deps.Summarizers.Put(t.Context(), storage.Summarizer{Host: "llm.example.org", Model: "m", Detail: minutes.Brief, CheckedUnixMS: 5, Fault: minutes.EndpointDown}); err != nil {
		t.Fatal(err)
	}
	if b := owner.do(http.MethodPost, path+"/job", fields{"engine": "endpoint"}); b.status != http.StatusAccepted {
		t.Errorf("the language model: %d %s", b.status, b.body)
	}
	if b := owner.must(http.MethodGet, path, nil, http.StatusOK); b.fields.text("endpoint") != "llm.example.org" {
		t.Errorf("nobody learns where the text would go: %s", b.body)
	}
	if b := s.admin().must(http.MethodGet, "/summarizer", nil, http.StatusOK); b.fields.text("engine") != "endpoint" || b.fields.text("fault") != "endpoint-down" || b.fields.text("detail") != "brief" {
		t.Errorf("the admin reads %s", b.body)
	}
	low := s.archive.Meet(storage.Meeting{Room: m.Room})
	other := "/meetings/" + string(low.ID) + "/minutes"
	if b := owner.do(http.MethodPost, other+"/job", fields{}); b.status != http.StatusConflict || b.problem() != "not-final" {
		t.Errorf("a meeting that goes on: %d %s", b.status, b.body)
	}
	s.archive.End(low.ID, archivetest.Segment("s1", 0, "en", "Words."))
	if b := owner.do(http.MethodPost, other+"/job", fields{}); b.status != http.StatusConflict || b.problem() != "nothing-at-minutes" {
		t.Errorf("a meeting at level transcript: %d %s", b.status, b.body)
	}
	if b := owner.must(http.MethodGet, other, nil, http.StatusOK); b.fields.text("job", "state") != "none" || b.fields.at("possible") != false || b.fields.at("document") != nil {
		t.Errorf("a meeting without minutes answers %s", b.body)
	}
}

func TestMinutesSayThatTheTranscriptWasCorrected(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path, m := s.minuted(owner)
	transcript := "/meetings/" + string(m.ID) + "/transcript"
	v := owner.must(http.MethodGet, transcript, nil, http.StatusOK)
	change := fields{"names": edits{{"spk": "p1", "name": "Anne"}}}
	if a := owner.do(http.MethodPatch, transcript, change, "If-Match", v.header.Get("ETag")); a.status != http.StatusOK {
		t.Fatal(string(a.body))
	}
	a := owner.must(http.MethodGet, path, nil, http.StatusOK)
	if a.fields.at("document", "outdated") != true || a.fields.list("document", "actions")[0].text("owner") != "Anne" {
		t.Errorf("minutes are %s", a.body)
	}
	if b := owner.do(http.MethodPost, path+"/job", fields{}); b.fields.text("state") != "queued" {
		t.Errorf("made again: %s", b.body)
	}
	s.writeMinutes(m.ID)
	if a := owner.must(http.MethodGet, path, nil, http.StatusOK); a.fields.at("document", "outdated") != false {
		t.Errorf("minutes are %s", a.body)
	}
}

func TestMinutesAreDownloaded(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path, m := s.minuted(owner)
	a := owner.must(http.MethodGet, path, nil, http.StatusOK)
	actions := a.fields.list("document", "actions")
	owner.do(http.MethodPatch, path, fields{"lines": edits{{"id": actions[0].text("id"), "verdict": "accepted"}, {"id": actions[1].text("id"), "verdict": "dismissed"}}}, "If-Match", a.header.Get("ETag"))
	md := owner.must(http.MethodGet, path+"/export?format=md&lang=fr", nil, http.StatusOK)
	for _, want := range []string{"# Extraits clés\u00a0: Weekly", "Aucun modèle de langue", "- (00:00:01) I send the plan by Friday. *(qui\u00a0: Anna\u00a0; pour quand\u00a0: by Friday)*", "Une seule personne a parlé"} {
		if !strings.Contains(string(md.body), want) {
			t.Errorf("lacks %q:\n%s", want, md.body)
		}
	}
	if todo := string(md.body)[strings.Index(string(md.body), "## À faire"):]; strings.Contains(todo, "printer") {
		t.Errorf("a dismissed line is in the file:\n%s", md.body)
	}
	if disposition := md.header.Get("Content-Disposition"); !strings.Contains(disposition, "Extraits%20cl%C3%A9s.md") {
		t.Errorf("the file is %s", disposition)
	}
	var form struct {
		Actions []struct {
			Verdict  string
			Evidence []struct{ Seg string }
		}
	}
	raw := owner.must(http.MethodGet, path+"/export?format=json", nil, http.StatusOK)
	if err := json.Unmarshal(raw.body, &form); err != nil || len(form.Actions) != 2 || form.Actions[0].Verdict != "accepted" || form.Actions[0].Evidence[0].Seg != "s1" {
		t.Errorf("JSON is %v %s", err, raw.body)
	}
	if d := owner.must(http.MethodGet, path+"/export?format=docx", nil, http.StatusOK); !strings.HasPrefix(string(d.body), "PK") {
		t.Error("no Word file")
	}
	if b := owner.do(http.MethodGet, path+"/export?format=vtt", nil); b.problem() != "bad-format" {
		t.Errorf("subtitles of minutes: %d %s", b.status, b.body)
	}
	s.writeMinutes(m.ID, func(d *minutes.Document) {
		d.Engine = minutes.Engine{Name: minutes.Endpoint, Model: "tiny", Host: "llm.example.org"}
	})
	md = owner.must(http.MethodGet, path+"/export?format=md&lang=en", nil, http.StatusOK)
	if !strings.Contains(string(md.body), "# Minutes: Weekly") || !strings.Contains(string(md.body), "sent to llm.example.org") {
		t.Errorf("minutes of a language model:\n%s", md.body)
	}
}

func TestReadingMinutesAsAdminIsAudited(t *testing.T) {
	s := newSite(t)
	path, _ := s.minuted(s.browser())
	admin := s.admin()
	if a := admin.do(http.MethodGet, path, nil); a.problem() != "reason-needed" {
		t.Errorf("without a reason: %d %s", a.status, a.body)
	}
	admin.must(http.MethodGet, path+"?reason=inquiry", nil, http.StatusOK)
	audit := admin.must(http.MethodGet, "/audit", nil, http.StatusOK).fields.list("entries")
	if !slices.ContainsFunc(audit, func(e fields) bool { return e.text("action") == "minutes.read" && e.text("reason") == "inquiry" }) {
		t.Errorf("the audit says %v", audit)
	}
}
