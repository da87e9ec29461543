package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func TestJSONComesBackAsItWas(t *testing.T) {
	for name, v := range map[string]*storage.Transcript{
		"a meeting": corrected(), "a recording": {V: 1, EndedUnixMS: 5000, Segments: corrected().Segments[:1], Final: true},
	} {
		file := write(t, JSON, v)
		back, err := ReadJSON(strings.NewReader(file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again := write(t, JSON, back); again != file {
			t.Errorf("%s: read back\n%s\nwant\n%s", name, again, file)
		}
	}
}

func TestForeignFilesAreNamed(t *testing.T) {
	good := write(t, JSON, corrected())
	change := func(path func(map[string]any)) string {
		var f map[string]any
		if err := json.Unmarshal([]byte(good), &f); err != nil {
			t.Fatal(err)
		}
		path(f)
		b, _ := json.Marshal(f)
		return string(b)
	}
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"a newer version":        {change(func(f map[string]any) { f["v"] = 2 }), storage.ErrVersion},
		"a newer, unknown form":  {`{"v":7,"segments":{"form":"new"}}`, storage.ErrVersion},
		"version 0":              {change(func(f map[string]any) { f["v"] = 0 }), ErrNotTranscript},
		"nothing":                {"", ErrNotTranscript},
		"half of it":             {good[:len(good)/2], ErrNotTranscript},
		"something behind":       {good + "{}", ErrNotTranscript},
		"a list":                 {"[]", ErrNotTranscript},
		"another program's JSON": {`{"segments":[{"start":0.5,"text":"hi"}],"text":"hi"}`, ErrNotTranscript},
		"a page":                 {"<html>", ErrNotTranscript},
		"twice the same field":   {`{"v":1,"segments":[],"segments":[]}`, ErrNotTranscript},
		"a huge segment":         {`{"v":1,"segments":[{"seg":"a","words":[` + strings.Repeat("{},", maxSegment/3) + `{}]}]}`, ErrNotTranscript},
		"deep nesting":           {`{"v":1,"x":` + strings.Repeat("[", 100_000), ErrNotTranscript},
		"an ID for a path":       {change(func(f map[string]any) { segmentAt(f, 0)["seg"] = "../../x" }), ErrNotTranscript},
		"one ID twice":           {change(func(f map[string]any) { segmentAt(f, 0)["seg"] = segmentAt(f, 1)["seg"] }), ErrNotTranscript},
		"time backwards":         {change(func(f map[string]any) { segmentAt(f, 0)["t1"] = 1 }), ErrNotTranscript},
		"time as text":           {change(func(f map[string]any) { segmentAt(f, 0)["t1"] = "1" }), ErrNotTranscript},
		"a long text":            {change(func(f map[string]any) { segmentAt(f, 0)["text"] = strings.Repeat("x", maxText+1) }), ErrNotTranscript},
		"many words":             {change(func(f map[string]any) { segmentAt(f, 0)["words"] = make([]struct{}, maxWords+1) }), ErrNotTranscript},
		"doubtful words":         {change(func(f map[string]any) { segmentAt(f, 0)["words"] = []any{map[string]any{"w": "x", "p": 2}} }), ErrNotTranscript},
		"an unknown level":       {change(func(f map[string]any) { segmentAt(f, 0)["level"] = "loud" }), ErrNotTranscript},
		"a gap with text":        {change(func(f map[string]any) { segmentAt(f, 4)["text"] = "x" }), ErrNotTranscript},
		"people without ID":      {change(func(f map[string]any) { f["people"] = []any{map[string]any{"name": "X"}} }), ErrNotTranscript},
		"an end before it began": {change(func(f map[string]any) { f["ended_unix_ms"] = 1 }), ErrNotTranscript},
	} {
		_, err := ReadJSON(strings.NewReader(c.file))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (len(err.Error()) > 300 || strings.Contains(err.Error(), "Guten")) {
			t.Errorf("%s: the error quotes the file: %.400v", name, err)
		}
	}
	var list []storage.SpeakerName
	err := decodeList(json.NewDecoder(strings.NewReader(`[{},{},{},{}]`)), "names", 3, &list)
	if !errors.Is(err, ErrNotTranscript) || len(list) != 3 {
		t.Errorf("a list that is too long: %d entries, %v", len(list), err)
	}
	for most, want := range map[int64]error{int64(len(good)): nil, int64(len(good)) - 1: storage.ErrTooLarge, 10: storage.ErrTooLarge} {
		if _, err := readJSON(strings.NewReader(good), most); !errors.Is(err, want) {
			t.Errorf("a file of %d bytes where %d may come: %v", len(good), most, err)
		}
	}
	newer := change(func(f map[string]any) { f["colour"] = map[string]any{"of": "the sky"} })
	if _, err := ReadJSON(strings.NewReader(newer)); err != nil {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestCorrectedSubtitlesComeBack(t *testing.T) {
	v := corrected()
	file := write(t, VTT, v)
	if !strings.HasPrefix(file, "WEBVTT\n\nNOTE souffleur 01KAN0000000000000000000AA 1.2\n\npanna-1500/1\n00:00:01.500 --> ") {
		t.Errorf("begins with %.120q", file)
	}
	for name, c := range map[string]struct {
		edit func(string) string
		want map[meeting.SegmentID]string
	}{
		"as it is":        {func(s string) string { return s }, map[meeting.SegmentID]string{}},
		"with CRLF, BOM":  {func(s string) string { return "\uFEFF" + strings.ReplaceAll(s, "\n", "\r\n") }, map[meeting.SegmentID]string{}},
		"without voices":  {func(s string) string { return strings.ReplaceAll(s, "<v Anna Müller>", "") }, map[meeting.SegmentID]string{}},
		"other times":     {func(s string) string { return strings.ReplaceAll(s, "00:00:01.500", "00:00:01.700") }, map[meeting.SegmentID]string{}},
		"one word":        {func(s string) string { return strings.Replace(s, "Guten Morgen", "Gute Nacht", 1) }, map[meeting.SegmentID]string{"panna-1500": "Gute Nacht & <i>willkommen</i>."}},
		"in a later cue":  {func(s string) string { return strings.Replace(s, "travaillé", "joué", 1) }, map[meeting.SegmentID]string{"pbruno-4000": strings.Replace(v.Segments[1].Text, "travaillé", "joué", 1)}},
		"markup taken in": {func(s string) string { return strings.Replace(s, "Oui", "<b>Non</b> &amp; &nbsp;<c.x>oui", 1) }, map[meeting.SegmentID]string{"punknown-26000": "Non & \u00a0oui ?"}},
		"another gap":     {func(s string) string { return strings.Replace(s, "of sound", "of silence", 1) }, map[meeting.SegmentID]string{}},
		"a cue taken out": {func(s string) string { return s[:strings.Index(s, "punknown-26000")] }, map[meeting.SegmentID]string{}},
		"words taken out": {func(s string) string { return strings.Replace(s, "Oui ?", "", 1) }, map[meeting.SegmentID]string{"punknown-26000": ""}},
	} {
		s, err := ReadVTT(strings.NewReader(c.edit(file)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := s.Corrections(v)
		if err != nil || !maps.Equal(got, c.want) || s.Meeting != v.Meeting || s.Version != v.Version() {
			t.Errorf("%s: %q, %v of %s %s", name, got, err, s.Meeting, s.Version)
		}
	}
}

func TestForeignSubtitlesAreNamed(t *testing.T) {
	file := write(t, VTT, corrected())
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"nothing":             {"", ErrNotTranscript},
		"SRT":                 {write(t, SRT, corrected()), ErrNotTranscript},
		"names dropped":       {strings.ReplaceAll(file, "panna-1500/1\n", ""), ErrUnnamedCues},
		"numbers for names":   {strings.ReplaceAll(file, "panna-1500/1\n", "1\n"), ErrUnnamedCues},
		"no times":            {strings.ReplaceAll(file, "panna-1500/1\n", "panna-1500/1\nx\n"), ErrNotTranscript},
		"a note of elsewhere": {strings.ReplaceAll(file, "souffleur 01KAN", "souffleur x"), ErrNotTranscript},
		"an endless line":     {"WEBVTT\n\n" + strings.Repeat("x", maxSegment+1), ErrNotTranscript},
		"too large":           {"WEBVTT\n\n" + strings.Repeat("NOTE "+strings.Repeat("x", 993)+"\n\n", MaxVTT/1000+1), storage.ErrTooLarge},
		"an endless segment":  {"WEBVTT\n\n" + strings.Repeat("a/1\n0 --> 1\n"+strings.Repeat("x", 1000)+"\n\n", 90), ErrNotTranscript},
	} {
		if _, err := ReadVTT(strings.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := ReadVTT(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Corrections(&storage.Transcript{}); !errors.Is(err, ErrNotTranscript) {
		t.Errorf("subtitles of another transcript: %v", err)
	}
}

func TestGapsAreToldInTheReadersLanguage(t *testing.T) {
	v := corrected()
	for _, f := range []Format{VTT, SRT, Text, Markdown} {
		var out bytes.Buffer
		if err := Write(&out, f, French, v); err != nil {
			t.Fatal(err)
		}
		if text := strings.ReplaceAll(out.String(), "\n", " "); !strings.Contains(strings.ReplaceAll(text, "\\", ""), "[12\u00a0s de son perdues]") {
			t.Errorf("%s lacks the gap", f)
		}
	}
	short := said("p", 100, 300, "")
	for lang, want := range map[Lang]string{English: "[1\u00a0s of sound was lost]", French: "[1\u00a0s de son perdue]"} {
		if got := gapText(&short, lang); got != want {
			t.Errorf("%s: %q", lang, got)
		}
	}
	for preferred, want := range map[string]Lang{
		"": English, "fr": French, "fr-CA,en;q=0.5": French, "de,fr;q=0.3": French, "en-GB, fr": English, "de": English, "\x00;;q=x": English,
	} {
		if got := ParseLang(preferred); got != want {
			t.Errorf("%q means %s", preferred, got)
		}
	}
}

// FuzzReadJSON: whatever is read can be written, and comes back the same; no file is fatal.
func FuzzReadJSON(f *testing.F) {
	for _, v := range []*storage.Transcript{corrected(), talk(), {}} {
		var out bytes.Buffer
		if err := Write(&out, JSON, English, v); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	f.Add([]byte(`{"v":1,"segments":[{"seg":"a","quality":"gap","t1":5},null],"names":[{"spk":"p/","name":"x"}],"people":null}`))
	f.Add([]byte(`{"v":1,"meeting":"0","room":"/","segments":[]}`))
	s := schema(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := ReadJSON(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, ErrNotTranscript) && !errors.Is(err, storage.ErrVersion) && !errors.Is(err, storage.ErrTooLarge) {
				t.Errorf("an error without a name: %v", err)
			}
			return
		}
		written := write(t, JSON, v)
		if err := checkSchema(t, s, written); err != nil {
			t.Errorf("what was read breaks the schema: %v\n%s", err, written)
		}
		again, err := ReadJSON(strings.NewReader(written))
		if err != nil {
			t.Fatalf("not read again: %v", err)
		}
		v.V, again.V = 0, 0
		if a, b := write(t, JSON, v), write(t, JSON, again); a != b {
			t.Errorf("read again\n%s\nwant\n%s", b, a)
		}
		for _, format := range Formats() {
			write(t, format, v)
		}
	})
}

// FuzzReadVTT: no file is fatal; what was not changed comes back as nothing to correct.
func FuzzReadVTT(f *testing.F) {
	f.Add(write(f, VTT, corrected()), "Guten Tag <b>&amp;")
	f.Add("WEBVTT\n\na/1\n0 --> 1\n<v X>x", "\u2028 NOTE x\r\n-->")
	f.Fuzz(func(t *testing.T, file, text string) {
		if s, err := ReadVTT(strings.NewReader(file)); err == nil {
			_, _ = s.Corrections(corrected())
		} else if !errors.Is(err, ErrNotTranscript) && !errors.Is(err, ErrUnnamedCues) && !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("an error without a name: %v", err)
		}
		v := corrected()
		v.Segments[0].Text, v.Segments[0].Words = text, nil
		s, err := ReadVTT(strings.NewReader(write(t, VTT, v)))
		if err != nil && len(text) < maxText {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if changed, err := s.Corrections(v); err != nil || len(changed) > 0 {
			t.Errorf("%q came back as %q, %v", text, slices.Collect(maps.Values(changed)), err)
		}
	})
}

// TestEveryFormatIsTheSameEachTime: exports of one version are equal, byte for byte.
func TestEveryFormatIsTheSameEachTime(t *testing.T) {
	for _, f := range Formats() {
		if a, b := write(t, f, corrected()), write(t, f, corrected()); !reflect.DeepEqual(a, b) {
			t.Errorf("%s differs", f)
		}
	}
}
