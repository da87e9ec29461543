package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/voicebook"
	"souffleur/storage"
	"souffleur/storage/archivetest"
	"souffleur/storage/export"
)

// talked is a transcript as another installation exported it.
func talked(texts ...string) *storage.Transcript {
	t := &storage.Transcript{
		V: storage.TranscriptVersion, Meeting: meeting.NewID(), RoomName: "Réunion", BeganUnixMS: 1_700_000_000_000, EndedUnixMS: 1_700_000_600_000,
		People: []meeting.Person{{Participant: "p1", Person: "u1", Name: "Anna"}, {Participant: "p2", Person: "u2", Name: "Bob", Order: 1}},
		Final:  true,
	}
	for i, text := range texts {
		s := meeting.Segment{
			Caption: meeting.Caption{V: 1, Seg: meeting.SegmentID(fmt.Sprint("s", i)), Rev: meeting.FinalRev, Spk: "p1", T0: int64(i) * 1000, T1: int64(i)*1000 + 900, Lang: "fr", Text: text, Final: true},
			Level:   meeting.Transcript, Quality: meeting.QualityFull, Conf: 0.5,
		}
		if text == "" {
			s.Quality = meeting.QualityGap
		}
		t.Segments = append(t.Segments, s)
	}
	return t
}

func exported(t testing.TB, v *storage.Transcript) json.RawMessage {
	t.Helper()
	var b strings.Builder
	if err := export.Write(&b, export.JSON, export.English, v); err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(b.String())
}

// spokenMeeting imports a transcript into a fresh room of b and returns its path.
func (b *browser) spokenMeeting(texts ...string) (path string) {
	b.site.t.Helper()
	room, _ := b.makeRoom("Salle")
	a := b.must(http.MethodPost, "/rooms/"+room+"/meetings", exported(b.site.t, talked(texts...)), http.StatusCreated)
	return "/meetings/" + a.fields.text("id")
}

type edits = []fields

func TestEditTranscript(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path := owner.spokenMeeting("Bonjou", "Oui")
	read := owner.must(http.MethodGet, path+"/transcript", nil, http.StatusOK)
	etag := read.header.Get("ETag")
	if etag != `"1.0"` {
		t.Fatalf("ETag is %s", etag)
	}
	a := owner.do(http.MethodPatch, path+"/transcript", fields{
		"segments": edits{{"seg": "s0", "text": "  Bonjour\n\tà tous\u00a0! "}}, "names": edits{{"spk": "p2", "name": "Robert"}},
	}, "If-Match", etag)
	if a.status != http.StatusOK || a.header.Get("ETag") != `"1.1"` {
		t.Fatalf("edit answered %d %s %s", a.status, a.header.Get("ETag"), a.body)
	}
	first := fields(a.fields.at("segments").([]any)[0].(map[string]any))
	if first.text("text") != "Bonjour à tous\u00a0!" || first.text("original", "text") != "Bonjou" || len(a.fields.at("segments").([]any)) != 1 {
		t.Errorf("corrected segment is %v", first)
	}
	again := owner.must(http.MethodGet, path+"/transcript", nil, http.StatusOK)
	if again.header.Get("ETag") != `"1.1"` || !strings.Contains(string(again.body), "Bonjour à tous") || !strings.Contains(string(again.body), `"name":"Robert"`) {
		t.Errorf("read again is %s", again.body)
	}
	txt := owner.must(http.MethodGet, path+"/export?format=srt", nil, http.StatusOK)
	if !strings.Contains(string(txt.body), "Bonjour à tous") {
		t.Errorf("the export has %s", txt.body)
	}
	for _, action := range []string{"transcript.correct", "transcript.name-speaker", "transcript.import"} {
		if e := s.audited(action); e.Reason != "" || e.Object != "meetings/"+path[len("/meetings/"):] || e.Role != meeting.Organizer {
			t.Errorf("the audit says %+v", e)
		}
	}
	undo := owner.do(http.MethodPatch, path+"/transcript", fields{
		"segments": edits{{"seg": "s0", "text": nil}}, "names": edits{{"spk": "p2", "name": nil}},
	}, "If-Match", `"1.1"`)
	first = fields(undo.fields.at("segments").([]any)[0].(map[string]any))
	if undo.status != http.StatusOK || first.text("text") != "Bonjou" || first.at("original") != nil || len(undo.fields.at("names").([]any)) != 0 {
		t.Errorf("undo answered %d %s", undo.status, undo.body)
	}
	if strings.Contains(s.log.String(), "Bonjou") || strings.Contains(s.log.String(), "Robert") {
		t.Error("the log has what was said, or a name")
	}
}

func TestEditsThatAreRefused(t *testing.T) {
	s := newSite(t)
	owner, stranger, admin := s.browser(), s.browser(), s.admin()
	path := owner.spokenMeeting("Bonjour", "") + "/transcript"
	good := fields{"segments": edits{{"seg": "s0", "text": "Bonsoir"}}}
	for _, c := range []struct {
		name    string
		b       *browser
		query   string
		body    any
		ifMatch string
		status  int
		problem string
	}{
		{"a stranger", stranger, "", good, `"1.0"`, 403, "forbidden"},
		{"a stranger with a reason", stranger, "?reason=curious", good, `"1.0"`, 403, "forbidden"},
		{"an admin without a reason", admin, "", good, `"1.0"`, 403, "reason-needed"},
		{"no version", owner, "", good, "", 428, "if-match-needed"},
		{"an older version", owner, "", good, `"0.9"`, 412, "edited-meanwhile"},
		{"any version", owner, "", good, `*`, 412, "edited-meanwhile"},
		{"a weak tag", owner, "", good, `W/"1.0"`, 412, "edited-meanwhile"},
		{"a segment it has not", owner, "", fields{"segments": edits{{"seg": "s9", "text": "x"}}}, `"1.0"`, 422, "no-segment"},
		{"a gap", owner, "", fields{"segments": edits{{"seg": "s1", "text": "x"}}}, `"1.0"`, 422, "no-segment"},
		{"a speaker it has not", owner, "", fields{"names": edits{{"spk": "p9", "name": "x"}}}, `"1.0"`, 422, "no-segment"},
		{"a name of nothing", owner, "", fields{"names": edits{{"spk": "p1", "name": "\u202e "}}}, `"1.0"`, 422, "bad-name"},
		{"a long name", owner, "", fields{"names": edits{{"spk": "p1", "name": strings.Repeat("x", 61)}}}, `"1.0"`, 422, "bad-request"},
		{"a long text", owner, "", fields{"segments": edits{{"seg": "s0", "text": strings.Repeat("x", 5001)}}}, `"1.0"`, 422, "bad-request"},
		{"no text", owner, "", fields{"segments": edits{{"seg": "s0"}}}, `"1.0"`, 422, "bad-request"},
		{"a segment twice", owner, "", fields{"segments": edits{{"seg": "s0", "text": "a"}, {"seg": "s0", "text": "b"}}}, `"1.0"`, 422, "bad-request"},
		{"something else", owner, "", fields{"rev": 7}, `"1.0"`, 422, "bad-request"},
		{"too much", owner, "", fields{"segments": edits{{"seg": "s0", "text": strings.Repeat("x", maxEdit)}}}, `"1.0"`, 413, "too-large"},
	} {
		header := []string{"If-Match", c.ifMatch}
		if c.ifMatch == "" {
			header = nil
		}
		if a := c.b.do(http.MethodPatch, path+c.query, c.body, header...); a.status != c.status || a.problem() != c.problem {
			t.Errorf("%s: answered %d %.300s", c.name, a.status, a.body)
		}
	}
	if a := owner.must(http.MethodGet, path, nil, http.StatusOK); a.header.Get("ETag") != `"1.0"` {
		t.Errorf("a refused edit changed something: %s", a.body)
	}
	if a := admin.do(http.MethodPatch, path+"?reason=Court+order", good, "If-Match", `"1.0"`); a.status != http.StatusOK {
		t.Errorf("an admin with a reason: %d %s", a.status, a.body)
	}
	if e := s.audited("transcript.edit-asked"); e.Reason != "Court order" {
		t.Errorf("the audit says %+v", e)
	}
	room, _ := owner.makeRoom("Weekly")
	running := s.storeMeeting(meeting.RoomID(room), func(m *storage.Meeting) { m.EndedUnixMS, m.TranscriptFinal = 0, false })
	a := owner.must(http.MethodGet, "/meetings/"+string(running.ID)+"/transcript", nil, http.StatusOK)
	if a.header.Get("ETag") != "" {
		t.Errorf("a transcript that grows has the ETag %s", a.header.Get("ETag"))
	}
	if a := owner.do(http.MethodPatch, "/meetings/"+string(running.ID)+"/transcript", good, "If-Match", `"0.0"`); a.status != 409 || a.problem() != "not-final" {
		t.Errorf("a running meeting: %d %s", a.status, a.body)
	}
}

func TestImportMeeting(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, _ := owner.makeRoom("Salle")
	v := talked("Bonjour")
	v.Room, v.People[0].Name, v.Names = "elsewhere", "An\u202ena", []storage.SpeakerName{{Spk: "p2", Name: "Robert"}, {Spk: "p1", Name: "\u202e"}}
	a := owner.must(http.MethodPost, "/rooms/"+room+"/meetings", exported(t, v), http.StatusCreated)
	if a.fields.text("id") != string(v.Meeting) || a.fields.text("room") != room || a.fields.text("room_name") != "Réunion" || a.fields.at("final") != true {
		t.Errorf("answered %s", a.body)
	}
	back := owner.must(http.MethodGet, "/meetings/"+string(v.Meeting)+"/export?format=json", nil, http.StatusOK)
	for _, want := range []string{`"name": "Anna"`, `"name": "Robert"`, `"text": "Bonjour"`} {
		if !strings.Contains(string(back.body), want) {
			t.Errorf("lacks %s:\n%s", want, back.body)
		}
	}
	low, _ := owner.makeRoom("Nur Untertitel")
	s.admin().must(http.MethodPut, "/rooms/"+low+"/ceiling", fields{"ceiling": "captions"}, http.StatusOK)
	newer := talked("x")
	newer.V = 2
	raw := strings.Replace(string(exported(t, newer)), `"v": 1`, `"v": 2`, 1)
	for name, c := range map[string]struct {
		b       *browser
		room    string
		body    any
		status  int
		problem string
	}{
		"a stranger":        {s.browser(), room, exported(t, talked("x")), 403, "forbidden"},
		"no room":           {owner, "bcd-fghj-kmn", exported(t, talked("x")), 404, "no-room"},
		"the same again":    {owner, room, exported(t, v), 409, "already-here"},
		"a low ceiling":     {owner, low, exported(t, talked("x")), 409, "above-ceiling"},
		"no transcript":     {owner, room, fields{"text": "hi"}, 422, "not-a-transcript"},
		"a newer version":   {owner, room, json.RawMessage(raw), 422, "newer-version"},
		"a path for an ID":  {owner, room, json.RawMessage(strings.Replace(raw, `"s0"`, `"../s0"`, 1)), 422, "newer-version"},
		"more than fits it": {owner, room, fields{"v": 1, "x": strings.Repeat("x", export.MaxJSON)}, 413, "too-large"},
	} {
		if a := c.b.do(http.MethodPost, "/rooms/"+c.room+"/meetings", c.body); a.status != c.status || a.problem() != c.problem {
			t.Errorf("%s: answered %d %.300s", name, a.status, a.body)
		}
	}
	s.web.imports <- struct{}{}
	s.web.imports <- struct{}{}
	if a := owner.do(http.MethodPost, "/rooms/"+room+"/meetings", exported(t, talked("x"))); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("while others are imported: %d %s", a.status, a.body)
	}
}

func TestExportSpeaksTheReadersLanguage(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	path := owner.spokenMeeting("Bonjour", "") + "/export?format=txt"
	for name, c := range map[string]struct {
		query, header, want string
	}{
		"asked for": {"&lang=fr", "en", "perdue]"}, "the browser's": {"", "fr-CA,fr;q=0.9,en;q=0.5", "perdue]"}, "neither": {"", "de", "was lost]"},
		"a long wish": {"&lang=" + strings.Repeat("fr,", 5000), "", "perdue]"},
	} {
		a := owner.do(http.MethodGet, path+c.query, nil, "Accept-Language", c.header)
		if a.status != 200 || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestTheTranscriptOfAMeetingThatGoesOnSaysWhichVoiceSpeaks(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	room, _ := b.makeRoom("Salle")
	m := s.archive.Meet(storage.Meeting{Room: meeting.RoomID(room)})
	said := archivetest.Segment("s1", 0, "en", "how are you? very well, thanks")
	said.Track, said.T1 = "t1", 2000
	s.archive.Batch(m.ID, said)
	p := said.Spk.Participant()
	book := voicebook.New(p)
	book.Apply(&meeting.Voices{Type: meeting.VoicesTurns, Rev: 1, Track: "t1", Turns: []meeting.VoiceTurn{{T0: 0, T1: 800, Voice: 1}, {T0: 800, T1: 2000, Voice: 2}}})
	book.Apply(&meeting.Voices{Type: meeting.VoicesRenamed, Track: "t1", Voice: 2, Name: "Grace"})
	path := "/meetings/" + string(m.ID)
	if a := b.must(http.MethodGet, path+"/transcript", nil, http.StatusOK); len(a.fields.list("segments")) != 1 || a.fields.at("final") != false {
		t.Errorf("before anybody told voices apart: %s", a.body)
	}
	s.live.mu.Lock()
	s.live.voices = storage.Voices{p: book}
	s.live.mu.Unlock()
	a := b.must(http.MethodGet, path+"/transcript", nil, http.StatusOK)
	spoken := a.fields.list("segments")
	if len(spoken) != 2 || spoken[0].text("spk") != string(p)+"/voice-1" || spoken[1].text("spk") != string(p)+"/voice-2" || spoken[1].text("text") != "very well, thanks" {
		t.Errorf("while it goes on: %s", a.body)
	}
	if names := a.fields.list("names"); len(names) != 1 || names[0].text("name") != "Grace" {
		t.Errorf("names: %s", a.body)
	}
	if a := b.must(http.MethodGet, path+"/export?format=srt", nil, http.StatusOK); !strings.Contains(string(a.body), "Grace: very well, thanks") {
		t.Errorf("as subtitles: %s", a.body)
	}
	s.archive.End(m.ID, said)
	if a := b.must(http.MethodGet, path+"/transcript", nil, http.StatusOK); len(a.fields.list("segments")) != 1 {
		t.Errorf("a complete transcript is cut again: %s", a.body)
	}
}
