package export

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asticode/go-astisub"
	"github.com/gomutex/godocx/docx"
	"github.com/gomutex/godocx/packager"
	"github.com/gomutex/godocx/wml/ctypes"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// These tests read every format with a program that is not ours.

// corrected is a meeting with everything that can stand in a transcript: corrections, given names, gaps, languages.
func corrected() *storage.Transcript {
	v := talk()
	v.EndedUnixMS, v.Room, v.EditRev = v.BeganUnixMS+4_000_000, "bcd-fghj-kmn", 2
	v.People[0].Person, v.People[1].Person, v.People[1].Order = "uanna", "ubruno", 1
	v.Names = []storage.SpeakerName{
		{Spk: meeting.SpeakerID(anna), Name: "Anna Müller", By: "uanna", AtUnixMS: v.BeganUnixMS + 5_000_000},
		{Spk: meeting.SpeakerID(bruno + "/voice-2"), Name: "Chloé", AtUnixMS: v.BeganUnixMS + 5_000_000},
	}
	first := &v.Segments[0]
	first.Lang, first.Quality, first.Level, first.Conf, first.Track, first.Engine = "de", meeting.QualityFull, meeting.Transcript, 0.9, "tanna", "whisper-base"
	first.Words = []meeting.Word{{Text: "Guten", T0: 1_500, T1: 2_000, P: 0.5}, {Text: "Morgen", T0: 2_000, T1: 2_600, P: 1}}
	first.Original = &meeting.Original{
		Text: "Guten Morgan", Words: []meeting.Word{{Text: "Guten", T0: 1_500, T1: 2_000, P: 0.5}}, Conf: 0.4, By: "uanna", AtUnixMS: v.BeganUnixMS + 4_500_000,
	}
	for i := 1; i < len(v.Segments); i++ {
		v.Segments[i].Lang, v.Segments[i].Quality, v.Segments[i].Level = "fr", meeting.QualityFull, meeting.Transcript
	}
	gap := said(meeting.SpeakerID(anna), 30_000, 42_400, "")
	gap.Quality, gap.Level = meeting.QualityGap, meeting.Transcript
	v.Segments = slices.Insert(v.Segments, 4, gap)
	return v
}

func TestVTTIsReadByAstisub(t *testing.T) {
	file, err := astisub.ReadFromWebVTT(strings.NewReader(write(t, VTT, corrected())))
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, item := range file.Items {
		for _, l := range item.Lines {
			if l.VoiceName != "" { // the span of a cue goes on in its second line
				lines[""] = l.VoiceName
			}
			lines[lines[""]] += html.UnescapeString(l.String()) + " " // which astisub leaves to its caller, in part
		}
		checkItem(t, item)
	}
	for speaker, want := range map[string]string{
		"Anna Müller": "Guten Morgen & <i>willkommen</i>.", "Chloé": "00:00 --> 00:01 WEBVTT", "punknown": "Oui ?",
	} {
		if !strings.Contains(lines[speaker], want) {
			t.Errorf("%s says %q, want %q", speaker, lines[speaker], want)
		}
	}
	if !strings.Contains(lines["Anna Müller"], "[12\u00a0s of sound were lost]") {
		t.Errorf("the gap is not told: %q", lines["Anna Müller"])
	}
}

func checkItem(t *testing.T, item *astisub.Item) {
	t.Helper()
	if n := len(item.Lines); n < 1 || n > maxLines || item.EndAt <= item.StartAt || item.EndAt-item.StartAt > maxCueMS*time.Millisecond {
		t.Errorf("cue of %d lines from %v to %v", n, item.StartAt, item.EndAt)
	}
}

func TestSRTIsReadByAstisub(t *testing.T) {
	file, err := astisub.ReadFromSRT(strings.NewReader(write(t, SRT, corrected())))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for i, item := range file.Items {
		if item.Index != i+1 {
			t.Errorf("cue %d has the number %d", i+1, item.Index)
		}
		checkItem(t, item)
		all.WriteString(item.String() + "\n")
	}
	for _, want := range []string{"Anna Müller: Guten Morgen", "Chloé: 00:00 → 00:01", "Anna Müller: [12\u00a0s of sound were"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("lacks %q:\n%s", want, all.String())
		}
	}
	if file.Items[0].StartAt != 1500*time.Millisecond {
		t.Errorf("first cue at %v", file.Items[0].StartAt)
	}
}

// TestMarkdownIsReadByGoldmark renders the file and looks that what people said is text, whatever they said.
func TestMarkdownIsReadByGoldmark(t *testing.T) {
	v := corrected()
	v.Segments[1].Text = "# *nicht* fett, [kein](http://link) ![Bild](x) `kein Code` <script>alert(1)</script> 1. a --- | x"
	source := []byte(write(t, Markdown, v))
	tree := goldmark.DefaultParser().Parse(text.NewReader(source))
	kinds := map[ast.NodeKind]int{}
	var words strings.Builder
	err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		kinds[n.Kind()]++
		if s, ok := n.(*ast.Text); ok {
			words.Write(s.Value(source))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	turns := turnsOf(v, English)
	if kinds[ast.KindHeading] != 1 || kinds[ast.KindParagraph] != len(turns) || kinds[ast.KindEmphasis] != len(turns) {
		t.Errorf("one heading, %d paragraphs and as many names were expected: %v", len(turns), kinds)
	}
	for _, k := range []ast.NodeKind{ast.KindLink, ast.KindImage, ast.KindCodeSpan, ast.KindRawHTML, ast.KindHTMLBlock, ast.KindList} {
		if kinds[k] != 0 {
			t.Errorf("what was said became %s", k)
		}
	}
	var page bytes.Buffer
	if err := goldmark.Convert(source, &page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<strong>Anna Müller</strong> (00:00:01) Guten Morgen", "&lt;script&gt;alert(1)&lt;/script&gt;", "[12\u00a0s of sound were lost]", "*nicht*"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("lacks %q:\n%s", want, page.String())
		}
	}
}

// docxOf opens a file with godocx and returns its paragraphs by style.
func docxOf(t *testing.T, file string) (*docx.RootDoc, []wordParagraph) {
	t.Helper()
	raw := []byte(file)
	doc, err := packager.Unpack(&raw)
	if err != nil {
		t.Fatal(err)
	}
	var all []wordParagraph
	for _, child := range doc.Document.Body.Children {
		if child.Para == nil {
			continue
		}
		p := wordParagraph{}
		ct := child.Para.GetCT()
		if ct.Property != nil && ct.Property.Style != nil {
			p.style = ct.Property.Style.Val
		}
		for _, c := range ct.Children {
			for _, r := range c.Run.Children {
				p.text += r.Text.Text
			}
			if l := c.Run.Property.Lang; l != nil && l.Val != nil {
				p.langs = append(p.langs, *l.Val)
			}
		}
		all = append(all, p)
	}
	return doc, all
}

type wordParagraph struct {
	style, text string
	langs       []string
}

func TestDOCXIsReadByGodocx(t *testing.T) {
	v := corrected()
	v.Segments[2].Text = "mit \x0b Zeichen \ufffe und < & > \" '"
	doc, all := docxOf(t, write(t, DOCX, v))
	if all[0].style != "Title" || !strings.HasPrefix(all[0].text, "Budget <2027> & suite, 2026") {
		t.Errorf("begins with %+v", all[0])
	}
	if all[1].style != "Heading1" || all[1].text != "Anna Müller 00:00:01" || all[2].text != "Guten Morgen & <i>willkommen</i>." || !slices.Equal(all[2].langs, []string{"de-DE"}) {
		t.Errorf("first turn is %+v, %+v", all[1], all[2])
	}
	if all[5].text != "Chloé 00:00:25" || all[6].text != "mit Zeichen \ufffd und < & > \" '" || !slices.Equal(all[6].langs, []string{"fr-FR"}) {
		t.Errorf("third turn is %+v, %+v", all[5], all[6])
	}
	lost := all[10]
	if !strings.HasPrefix(lost.text, "[12\u00a0s of sound were lost] 漢") || !slices.Equal(lost.langs, []string{"en-US", "fr-FR"}) {
		t.Errorf("the gap is %+v", lost)
	}
	core, _ := doc.FileMap.Load("docProps/core.xml")
	props, err := docx.LoadDocProps(core.([]byte))
	if err != nil || props.Title != all[0].text || props.Language != "fr" || props.Created != "2026-11-18T11:06:40Z" {
		t.Errorf("properties are %+v, %v", props, err)
	}
	for _, used := range []string{"Title", "Heading1", "Time", "Gap"} {
		if !slices.ContainsFunc(doc.DocStyles.StyleList, func(s ctypes.Style) bool { return s.ID != nil && *s.ID == used }) {
			t.Errorf("style %s is used and not there", used)
		}
	}
}

// TestDOCXIsAPackage checks what Word insists on: a content type for each part, a part for each relation, XML throughout.
func TestDOCXIsAPackage(t *testing.T) {
	for name, v := range map[string]*storage.Transcript{"a meeting": corrected(), "nothing": {}} {
		file := write(t, DOCX, v)
		z, err := zip.NewReader(strings.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]string{}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			parts[f.Name] = string(b)
			wellFormed(t, f.Name, b)
		}
		if z.File[0].Name != "[Content_Types].xml" {
			t.Errorf("%s: begins with %s", name, z.File[0].Name)
		}
		for part := range parts {
			if !strings.HasSuffix(part, ".rels") && part != "[Content_Types].xml" && !strings.Contains(parts["[Content_Types].xml"], `PartName="/`+part+`"`) {
				t.Errorf("%s: %s has no content type", name, part)
			}
		}
		for rels, base := range map[string]string{"_rels/.rels": "", "word/_rels/document.xml.rels": "word/"} {
			for _, target := range strings.Split(parts[rels], `Target="`)[1:] {
				target, _, _ = strings.Cut(target, `"`)
				if parts[base+target] == "" {
					t.Errorf("%s: %s names %s, which is not there", name, rels, target)
				}
			}
		}
		if !strings.Contains(parts["docProps/core.xml"], "<dc:title>") || strings.Contains(parts["docProps/core.xml"], "<dc:title></dc:title>") {
			t.Errorf("%s: has no title", name)
		}
	}
}

func wellFormed(t *testing.T, name string, part []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(part))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// schema is docs/transcript.schema.json.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("../../docs/transcript.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkSchema(t testing.TB, s *jsonschema.Schema, file string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestJSONFollowsItsSchema(t *testing.T) {
	s := schema(t)
	for name, v := range map[string]*storage.Transcript{"a meeting": corrected(), "a recording": {Segments: corrected().Segments[:1], Final: true}, "nothing": {}} {
		if err := checkSchema(t, s, write(t, JSON, v)); err != nil {
			t.Errorf("%s: %#v", name, err)
		}
	}
	// The schema refuses what it should: each change breaks one rule.
	for name, change := range map[string]func(map[string]any){
		"no version":            func(f map[string]any) { delete(f, "v") },
		"another version":       func(f map[string]any) { f["v"] = 2 },
		"no segments":           func(f map[string]any) { delete(f, "segments") },
		"time as text":          func(f map[string]any) { segmentAt(f, 0)["t0"] = "1500" },
		"confidence over one":   func(f map[string]any) { segmentAt(f, 0)["conf"] = 1.5 },
		"word without a time":   func(f map[string]any) { delete(segmentAt(f, 0)["words"].([]any)[0].(map[string]any), "t0") },
		"unknown quality":       func(f map[string]any) { segmentAt(f, 0)["quality"] = "great" },
		"gap with text":         func(f map[string]any) { segmentAt(f, 4)["text"] = "x" },
		"original without text": func(f map[string]any) { delete(segmentAt(f, 0)["original"].(map[string]any), "text") },
		"nameless speaker":      func(f map[string]any) { delete(f["names"].([]any)[0].(map[string]any), "name") },
	} {
		var f map[string]any
		if err := json.Unmarshal([]byte(write(t, JSON, corrected())), &f); err != nil {
			t.Fatal(err)
		}
		change(f)
		broken, _ := json.Marshal(f)
		if err := checkSchema(t, s, string(broken)); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

func segmentAt(f map[string]any, i int) map[string]any {
	return f["segments"].([]any)[i].(map[string]any)
}

// TestDOCXOpensInLibreOffice lets LibreOffice, where it is installed, turn the file into text and into its own format.
func TestDOCXOpensInLibreOffice(t *testing.T) {
	office, err := exec.LookPath("soffice")
	if testing.Short() || err != nil {
		t.Skip("not with -short, and only where LibreOffice is (Debian: libreoffice-writer-nogui)")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.docx"), []byte(write(t, DOCX, corrected())), 0o600); err != nil {
		t.Fatal(err)
	}
	convert := exec.CommandContext(t.Context(), office, "-env:UserInstallation=file://"+dir+"/profile", "--headless",
		"--convert-to", "fodt", "--outdir", dir, filepath.Join(dir, "a.docx"))
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("LibreOffice: %v\n%s", err, out)
	}
	made, err := os.ReadFile(filepath.Join(dir, "a.fodt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<dc:title>Budget &lt;2027&gt; &amp; suite, 2026`, `<dc:language>fr</dc:language>`, `text:outline-level="1"`, `fo:language="de" fo:country="DE"`,
		"Anna Müller ", "00:00:01", "Guten Morgen &amp; &lt;i&gt;willkommen", "[12\u00a0s of sound were lost]",
	} {
		if !strings.Contains(string(made), want) {
			t.Errorf("LibreOffice has no %s", want)
		}
	}
}
