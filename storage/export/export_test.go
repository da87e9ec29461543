package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

const (
	anna  = meeting.ParticipantID("panna")
	bruno = meeting.ParticipantID("pbruno")
)

func said(spk meeting.SpeakerID, t0, t1 int64, text string) meeting.Segment {
	return meeting.Segment{Caption: meeting.Caption{
		V: 1, Seg: meeting.SegmentID(strings.ReplaceAll(fmt.Sprintf("%s-%d", spk, t0), "/", "-")), Rev: meeting.FinalRev, Spk: spk, T0: t0, T1: t1, Text: text, Final: true,
	}}
}

// talk is a meeting with everything that could go wrong in a file.
func talk() *storage.Transcript {
	long := "Nous avons regardé le budget de l'année prochaine, et il faut dire que les chiffres ne sont pas très bons, " +
		"mais que l'équipe a travaillé sérieusement et que les perspectives restent intéressantes pour tout le monde."
	return &storage.Transcript{
		V: 1, Meeting: "01KAN0000000000000000000AA", RoomName: "Budget <2027> & suite", BeganUnixMS: 1_795_000_000_000,
		People: []meeting.Person{
			{Participant: anna, Name: "Anna <b>Müller</b> & Co"},
			{Participant: bruno, Name: "Bruno\nO'Hara --> *chef*"},
		},
		Segments: []meeting.Segment{
			said(meeting.SpeakerID(anna), 1_500, 3_900, "Guten Morgen & <i>willkommen</i>."),
			said(meeting.SpeakerID(bruno), 4_000, 24_000, long),
			said(meeting.SpeakerID(bruno+"/voice-2"), 25_000, 26_000, "00:00 --> 00:01\nWEBVTT"),
			said("punknown", 26_000, 26_000, "Oui ?"),
			said(meeting.SpeakerID(anna), 3_600_000, 3_630_000, strings.Repeat("漢", 200)),
			said(meeting.SpeakerID(anna), 3_640_000, 3_641_000, "  \t "),
		},
		Rev: 1, Final: true,
	}
}

func write(t testing.TB, f Format, v *storage.Transcript) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, f, English, v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// parsed is a cue as read back from a file.
type parsed struct {
	start, end int64
	speaker    string
	lines      []string
}

func (p parsed) text() string { return strings.Join(p.lines, " ") }

// parseCues reads the blocks of a subtitle file. point separates the milliseconds.
func parseCues(t testing.TB, file, point string) []parsed {
	t.Helper()
	var cues []parsed
	for block := range strings.SplitSeq(strings.TrimSpace(file), "\n\n") {
		if strings.HasPrefix(block, "NOTE ") {
			continue
		}
		lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
		at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "-->") })
		if at < 0 {
			t.Fatalf("block without times: %q", block)
		}
		from, to, _ := strings.Cut(lines[at], " --> ")
		c := parsed{start: parseStamp(t, from, point), end: parseStamp(t, to, point), lines: lines[at+1:]}
		cues = append(cues, c)
	}
	return cues
}

func parseStamp(t testing.TB, s, point string) int64 {
	t.Helper()
	parts := strings.FieldsFunc(strings.Replace(s, point, ":", 1), func(r rune) bool { return r == ':' })
	if len(parts) != 4 {
		t.Fatalf("not a time: %q", s)
	}
	var n [4]int64
	for i, p := range parts {
		v, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		n[i] = v
	}
	return ((n[0]*60+n[1])*60+n[2])*1000 + n[3]
}

// parseVTT reads a file as the WebVTT parser does: header, voice span, character references.
func parseVTT(t testing.TB, file string) []parsed {
	t.Helper()
	body, ok := strings.CutPrefix(file, "WEBVTT\n")
	if !ok {
		t.Fatalf("no WEBVTT header: %.20q", file)
	}
	if strings.TrimSpace(body) == "" {
		return nil
	}
	cues := parseCues(t, body, ".")
	for i := range cues {
		c := &cues[i]
		if rest, ok := strings.CutPrefix(c.lines[0], "<v "); ok {
			name, text, _ := strings.Cut(rest, ">")
			c.speaker, c.lines[0] = html.UnescapeString(name), text
		}
		for j, line := range c.lines {
			if strings.ContainsAny(line, "<>") {
				t.Errorf("unescaped markup in %q", line)
			}
			c.lines[j] = html.UnescapeString(line)
		}
	}
	return cues
}

func checkLimits(t testing.TB, cues []parsed) {
	t.Helper()
	for i, c := range cues {
		if len(c.lines) < 1 || len(c.lines) > 2 {
			t.Errorf("cue %d has %d lines", i, len(c.lines))
		}
		for _, line := range c.lines {
			if n := utf8.RuneCountInString(line); n > 42 || n == 0 {
				t.Errorf("cue %d has a line of %d characters: %q", i, n, line)
			}
		}
		if c.end <= c.start || c.end-c.start > 7000 {
			t.Errorf("cue %d lasts %d ms", i, c.end-c.start)
		}
		if i > 0 && c.start < cues[i-1].start {
			t.Errorf("cue %d begins before cue %d", i, i-1)
		}
	}
}

func TestVTTIsReadBackAsItWasSaid(t *testing.T) {
	v := talk()
	cues := parseVTT(t, write(t, VTT, v))
	checkLimits(t, cues)
	said := map[string]string{}
	for _, c := range cues {
		said[c.speaker] += c.text() + " "
	}
	for speaker, want := range map[string]string{
		"Anna <b>Müller</b> & Co":           "Guten Morgen & <i>willkommen</i>. " + strings.Repeat("漢", 200),
		"Bruno O'Hara --> *chef*":           oneLine(v.Segments[1].Text),
		"Bruno O'Hara --> *chef* · Voice 2": "00:00 --> 00:01 WEBVTT",
		"punknown":                          "Oui ?",
	} {
		if got := said[speaker]; strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s said %q, want %q", speaker, got, want)
		}
	}
	if len(said) != 4 {
		t.Errorf("%d speakers, want 4: %v", len(said), said)
	}
	if cues[0].start != 1_500 || cues[0].end != 3_900 {
		t.Errorf("first cue is shown from %d to %d", cues[0].start, cues[0].end)
	}
}

func TestSRTIsReadBackAsItWasSaid(t *testing.T) {
	file := write(t, SRT, talk())
	cues := parseCues(t, file, ",")
	checkLimits(t, cues)
	if got := cues[0].text(); got != "Anna <b>Müller</b> & Co: Guten Morgen & <i>willkommen</i>." {
		t.Errorf("first cue reads %q", got)
	}
	for i, block := range strings.Split(file, "\n\n") {
		if !strings.HasPrefix(block, strconv.Itoa(i+1)+"\n") {
			t.Errorf("block %d is not numbered: %q", i+1, block)
		}
		if strings.Count(block, "-->") != 1 {
			t.Errorf("block %d holds a second arrow: %q", i+1, block)
		}
	}
}

func TestWordsCarryTheirTimesIntoCues(t *testing.T) {
	s := said(meeting.SpeakerID(anna), 0, 20_000, "l'heure est venue. Vraiment !")
	s.Words = []meeting.Word{
		{Text: "l'", T0: 100, T1: 200}, {Text: "heure", T0: 200, T1: 500}, {Text: "est", T0: 600, T1: 700},
		{Text: "venue.", T0: 800, T1: 1_200}, {Text: "Vraiment", T0: 15_000, T1: 15_600}, {Text: " !", T0: 15_600, T1: 15_700},
	}
	cues := cuesOf(&s, "")
	if len(cues) != 2 || cues[0].start != 100 || cues[0].end != 1_200 || cues[1].start != 15_000 || cues[1].end != 15_700 {
		t.Fatalf("cues are %+v", cues)
	}
	s.Words = s.Words[:3] // not the words of the text: the time is shared out
	if cues := cuesOf(&s, ""); cues[0].start != 0 || cues[len(cues)-1].end != 20_000-13_000+cues[0].start && cues[len(cues)-1].end > 20_000 {
		t.Errorf("cues are %+v", cues)
	}
}

func TestTextAndMarkdown(t *testing.T) {
	v := talk()
	v.Segments = append(v.Segments[:1:1], said(meeting.SpeakerID(anna), 4_000, 5_000, "# Erstens: *alles* `neu`"), v.Segments[3])
	text := write(t, Text, v)
	want := "Budget <2027> & suite, 2026-11-18 10:26 UTC\n\n" +
		"[00:00:01] Anna <b>Müller</b> & Co: Guten Morgen & <i>willkommen</i>. # Erstens: *alles* `neu`\n" +
		"[00:00:26] punknown: Oui ?\n"
	if !strings.HasSuffix(text, want[strings.Index(want, "\n\n"):]) || !strings.HasPrefix(text, "Budget <2027> & suite, 2026-") {
		t.Errorf("text is\n%s", text)
	}
	md := write(t, Markdown, v)
	for _, want := range []string{
		`# Budget \<2027\> \& suite, 2026-`,
		"**Anna \\<b\\>Müller\\</b\\> \\& Co** (00:00:01) Guten Morgen \\& \\<i\\>willkommen\\</i\\>. \\# Erstens: \\*alles\\* \\`neu\\`\n",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("markdown lacks %q:\n%s", want, md)
		}
	}
}

func TestJSONIsTheWholeTranscript(t *testing.T) {
	v := talk()
	v.Segments[0].Words = []meeting.Word{{Text: "Guten", T0: 1_500, T1: 2_000, P: 0.5}}
	file := write(t, JSON, v)
	var back storage.Transcript
	if err := json.Unmarshal([]byte(file), &back); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(v)
	b, _ := json.Marshal(&back)
	if !bytes.Equal(a, b) {
		t.Errorf("read back\n%s\nwant\n%s", b, a)
	}
	empty := write(t, JSON, &storage.Transcript{})
	if !strings.Contains(empty, `"segments": []`) || !strings.Contains(empty, `"v": 1`) || !strings.Contains(empty, `"langs": []`) {
		t.Errorf("empty transcript is %s", empty)
	}
}

func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		if got, err := ParseFormat(string(f)); err != nil || got != f {
			t.Errorf("%s parses as %s, %v", f, got, err)
		}
		if f.ContentType() == "" {
			t.Errorf("%s has no content type", f)
		}
		write(t, f, &storage.Transcript{}) // nothing said
	}
	if _, err := ParseFormat("odt"); err == nil {
		t.Error("odt is no format yet")
	}
	if err := Write(&bytes.Buffer{}, "odt", English, talk()); err == nil {
		t.Error("an unknown format was written")
	}
}

func TestFileNames(t *testing.T) {
	for room, want := range map[string]string{
		"":                      "2026-11-23.vtt",
		"Weekly":                "2026-11-23 Weekly.vtt",
		"Ça va ?":               "2026-11-23 Ça va -.vtt",
		"../../etc/passwd":      "2026-11-23 -..-etc-passwd.vtt",
		"a\r\nContent-Type: x":  "2026-11-23 a Content-Type- x.vtt",
		strings.Repeat("長", 90): "2026-11-23 " + strings.Repeat("長", 60) + ".vtt",
	} {
		got := FileName(VTT, &storage.Transcript{RoomName: room, BeganUnixMS: 1_795_435_200_000})
		if got != want {
			t.Errorf("room %q: file name %q, want %q", room, got, want)
		}
	}
	if got := FileName(SRT, &storage.Transcript{}); got != "transcript.srt" {
		t.Errorf("a transcript without meeting: %q", got)
	}
}

// brokenWriter is a connection that is gone.
type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteReportsABrokenConnection(t *testing.T) {
	for _, f := range Formats() {
		if err := Write(brokenWriter{}, f, English, talk()); !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", f, err)
		}
	}
}

func FuzzCues(f *testing.F) {
	f.Add("Guten Morgen & <i>", "Anna", int64(0), int64(1000), "Guten", int64(5))
	f.Add(strings.Repeat("x", 100)+" --> \x00\n", "-->", int64(-5), int64(1)<<62, "x", int64(-1)<<62)
	f.Fuzz(func(t *testing.T, text, name string, t0, t1 int64, word string, w0 int64) {
		s := said(meeting.SpeakerID(anna), t0, t1, text)
		s.Words = []meeting.Word{{Text: word, T0: w0, T1: t1}}
		gap := said(meeting.SpeakerID(anna), t1, t0, "")
		gap.Quality = meeting.QualityGap
		v := &storage.Transcript{
			Meeting: "01KAN0000000000000000000AA", People: []meeting.Person{{Participant: anna, Name: name}},
			Names: []storage.SpeakerName{{Spk: meeting.SpeakerID(bruno), Name: word}}, Segments: []meeting.Segment{s, gap},
		}
		checkLimits(t, parseVTT(t, write(t, VTT, v)))
		if srt := write(t, SRT, v); srt != "" {
			checkLimits(t, parseCues(t, srt, ","))
		}
		for _, format := range []Format{Text, Markdown, DOCX, JSON} {
			write(t, format, v)
		}
	})
}
