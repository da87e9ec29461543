package export

import (
	"archive/zip"
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/summarize/minutes"
)

// MinutesFormats returns the formats of minutes.
func MinutesFormats() []Format { return []Format{Markdown, DOCX, JSON} }

// ParseMinutesFormat reads the name of a format of minutes.
func ParseMinutesFormat(s string) (Format, error) {
	for _, f := range MinutesFormats() {
		if s == string(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("unknown format of minutes %q: use md, docx or json", s)
}

// MinutesFileName is [FileName] for minutes; what they are called stands in it, too.
func MinutesFileName(f Format, lang Lang, r *storage.MinutesRead) string {
	name := FileName(f, r.Transcript)
	end := "." + string(f)
	return strings.TrimSuffix(name, end) + " – " + wordsFor(lang).title(r) + end
}

// WriteMinutes writes minutes as a file. What nobody wrote, such as headings, is said in lang. Dismissed lines are left out but of
// JSON. It returns the first error of w.
func WriteMinutes(w io.Writer, f Format, lang Lang, r *storage.MinutesRead) error {
	out := bufio.NewWriter(w)
	var err error
	switch f {
	case Markdown:
		writeMinutesMarkdown(out, paperOf(lang, r))
	case DOCX:
		err = writeMinutesDOCX(out, lang, r)
	case JSON:
		err = writeMinutesJSON(out, r)
	default:
		_, err = ParseMinutesFormat(string(f))
	}
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write minutes as %s: %w", f, err)
	}
	return nil
}

// paper is what people read, whatever the form of the file.
type paper struct {
	title    string
	about    []string // paragraphs: who wrote it, and what the reader must know
	sections []section
}

type section struct {
	heading string
	below   int // 1: it belongs to the section before
	lines   []paperLine
}

// paperLine is a line with when it was said, and what is to be known of it.
type paperLine struct {
	at   string // "00:01:02", or several with commas; "" if a person wrote it
	text string
	note string // in brackets behind it; "" if there is none
}

func paperOf(lang Lang, r *storage.MinutesRead) paper {
	words := wordsFor(lang)
	p := paper{title: words.title(r)}
	if title := title(r.Transcript); title != "" {
		p.title = p.title + words.colon + title
	}
	p.about = words.about(r)
	p.add(section{heading: words.overview, lines: words.lines(r, r.Overview)})
	for i, t := range r.Topics {
		if i == 0 {
			p.sections = append(p.sections, section{heading: words.topics})
		}
		heading := oneLine(t.Title)
		if heading != "" {
			heading += ", "
		}
		p.add(section{heading: heading + clock(bounded(t.T0)) + "–" + clock(bounded(t.T1)), below: 1, lines: words.lines(r, t.Points)})
	}
	p.add(section{heading: words.decisions, lines: words.lines(r, r.Decisions)})
	p.add(section{heading: words.actions, lines: words.lines(r, r.Actions)})
	p.add(section{heading: words.questions, lines: words.lines(r, r.Questions)})
	return p
}

// add adds a section that is not empty.
func (p *paper) add(s section) {
	if len(s.lines) > 0 {
		p.sections = append(p.sections, s)
	}
}

func (words *minutesWords) lines(r *storage.MinutesRead, lines []storage.MinutesLine) []paperLine {
	var out []paperLine
	for _, l := range lines {
		if l.Verdict == storage.Dismissed {
			continue
		}
		var times, notes []string
		for _, e := range l.Evidence {
			if c, ok := r.Cited[e]; ok {
				times = append(times, clock(bounded(c.T0)))
			}
		}
		for _, part := range []struct{ is, text string }{{l.Owner, words.owner}, {l.Due, words.due}} {
			if part.is != "" {
				notes = append(notes, part.text+words.colon+oneLine(part.is))
			}
		}
		switch {
		case l.Added:
			notes = append(notes, words.added)
		case l.Verdict == storage.Unjudged && judged(l.Kind):
			notes = append(notes, words.suggestion)
		}
		if l.Unverified != "" {
			notes = append(notes, words.unverified)
		}
		out = append(out, paperLine{at: strings.Join(times, ", "), text: oneLine(l.Text), note: strings.Join(notes, words.between)})
	}
	return out
}

// judged says whether lines of a kind are suggestions until somebody accepts them.
func judged(kind string) bool {
	return kind == minutes.KindDecision || kind == minutes.KindAction || kind == minutes.KindQuestion
}

// writeMinutesMarkdown writes lists (CommonMark). A line begins with its time or a dash, so its words can begin no markup.
func writeMinutesMarkdown(w *bufio.Writer, p paper) {
	fmt.Fprintf(w, "# %s\n", escapeMarkdown(p.title))
	for _, text := range p.about {
		fmt.Fprintf(w, "\n%s\n", escapeMarkdown(text))
	}
	for _, s := range p.sections {
		fmt.Fprintf(w, "\n%s %s\n\n", strings.Repeat("#", 2+s.below), escapeMarkdown(s.heading))
		for _, l := range s.lines {
			fmt.Fprintf(w, "- (%s) %s", cmp.Or(l.at, "–"), escapeMarkdown(l.text))
			if l.note != "" {
				fmt.Fprintf(w, " *(%s)*", escapeMarkdown(l.note))
			}
			w.WriteByte('\n')
		}
	}
}

// writeMinutesDOCX writes headings and paragraphs.
func writeMinutesDOCX(w io.Writer, lang Lang, r *storage.MinutesRead) error {
	p, spoken := paperOf(lang, r), cmp.Or(r.Facts.Lang, string(lang))
	d := docxWriter{zip: zip.NewWriter(w)}
	for _, part := range docxParts {
		d.part(part.name)
		d.write(part.body)
	}
	d.part("docProps/core.xml")
	d.properties(p.title, spoken, r.Transcript)
	d.part("word/styles.xml")
	d.write(fmt.Sprintf(docxStyles, cmp.Or(wordLang(spoken), wordLang(string(lang)))))
	d.part("word/document.xml")
	d.beginBody(p.title)
	for _, text := range p.about {
		d.write(`<w:p>`)
		d.run("Gap", string(lang), text)
		d.write(`</w:p>`)
	}
	for _, s := range p.sections {
		d.write(`<w:p><w:pPr><w:pStyle w:val="Heading`, fmt.Sprint(1+s.below), `"/></w:pPr>`)
		d.run("", "", s.heading)
		d.write(`</w:p>`)
		for _, l := range s.lines {
			d.line(&l, lang, spoken)
		}
	}
	d.endBody()
	if d.err == nil {
		d.err = d.zip.Close()
	}
	if d.err != nil {
		return fmt.Errorf("write minutes as docx: %w", d.err)
	}
	return nil
}

// line writes one line as a paragraph with a bullet of its own: numbering would need another part.
func (d *docxWriter) line(l *paperLine, lang Lang, spoken string) {
	d.write(`<w:p><w:pPr><w:ind w:left="360" w:hanging="360"/></w:pPr>`)
	d.run("", "", "•  ")
	d.run("", spoken, l.text+" ")
	if l.at != "" {
		d.run("Time", "", "["+l.at+"] ")
	}
	if l.note != "" {
		d.run("Gap", string(lang), "("+l.note+")")
	}
	d.write(`</w:p>`)
}

// minutesForm is the JSON form of minutes with what people made of them. docs/minutes.md describes it.
type minutesForm struct {
	V           int               `json:"v"`
	Meeting     meeting.ID        `json:"meeting"`
	RoomName    string            `json:"room_name,omitempty"`
	BeganUnixMS int64             `json:"began_unix_ms,omitempty"`
	Transcript  string            `json:"transcript"`
	Outdated    bool              `json:"outdated"`
	MadeUnixMS  int64             `json:"made_unix_ms"`
	Lang        string            `json:"lang"`
	Engine      minutes.Engine    `json:"engine"`
	Overview    []lineForm        `json:"overview"`
	Topics      []topicForm       `json:"topics"`
	Decisions   []lineForm        `json:"decisions"`
	Actions     []lineForm        `json:"actions"`
	Questions   []lineForm        `json:"questions"`
	Keyphrases  []string          `json:"keyphrases"`
	Coverage    minutes.Coverage  `json:"coverage"`
	Warnings    []minutes.Warning `json:"warnings"`
}

type topicForm struct {
	Title  string     `json:"title"`
	T0     int64      `json:"t0"`
	T1     int64      `json:"t1"`
	Points []lineForm `json:"points"`
}

type lineForm struct {
	ID         string                `json:"id"`
	Text       string                `json:"text"`
	Original   string                `json:"original,omitempty"`
	Evidence   []citeForm            `json:"evidence"`
	Confidence float64               `json:"confidence"`
	Quote      bool                  `json:"quote,omitempty"`
	Unverified string                `json:"unverified,omitempty"`
	Owner      string                `json:"owner,omitempty"`
	OwnerID    meeting.ParticipantID `json:"owner_id,omitempty"`
	Due        string                `json:"due,omitempty"`
	DueDate    string                `json:"due_date,omitempty"`
	Verdict    storage.Verdict       `json:"verdict,omitempty"`
	Added      bool                  `json:"added,omitempty"`
	Kept       bool                  `json:"kept,omitempty"`
}

type citeForm struct {
	Seg meeting.SegmentID `json:"seg"`
	Spk meeting.SpeakerID `json:"spk"`
	T0  int64             `json:"t0"`
	T1  int64             `json:"t1"`
}

func writeMinutesJSON(w *bufio.Writer, r *storage.MinutesRead) error {
	f := &r.Facts
	form := minutesForm{
		V: minutes.Version, Meeting: f.Meeting, RoomName: r.Transcript.RoomName, BeganUnixMS: r.Transcript.BeganUnixMS,
		Transcript: f.Transcript, Outdated: r.Outdated, MadeUnixMS: f.MadeUnixMS, Lang: f.Lang, Engine: f.Engine,
		Overview: lineForms(r, r.Overview), Topics: []topicForm{}, Decisions: lineForms(r, r.Decisions),
		Actions: lineForms(r, r.Actions), Questions: lineForms(r, r.Questions),
		Keyphrases: append([]string{}, f.Keyphrases...), Coverage: f.Coverage, Warnings: append([]minutes.Warning{}, f.Warnings...),
	}
	for _, t := range r.Topics {
		form.Topics = append(form.Topics, topicForm{Title: t.Title, T0: t.T0, T1: t.T1, Points: lineForms(r, t.Points)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(&form); err != nil {
		return fmt.Errorf("write minutes as json: %w", err)
	}
	return nil
}

func lineForms(r *storage.MinutesRead, lines []storage.MinutesLine) []lineForm {
	forms := make([]lineForm, 0, len(lines))
	for _, l := range lines {
		form := lineForm{
			ID: l.ID, Text: l.Text, Original: l.Original, Evidence: []citeForm{}, Confidence: l.Confidence, Quote: l.Quote,
			Unverified: l.Unverified, Owner: l.Owner, OwnerID: l.OwnerID, Due: l.Due, DueDate: l.DueDate, Verdict: l.Verdict,
			Added: l.Added, Kept: l.Kept,
		}
		for _, e := range l.Evidence {
			c := r.Cited[e]
			form.Evidence = append(form.Evidence, citeForm{Seg: e, Spk: c.Spk, T0: c.T0, T1: c.T1})
		}
		forms = append(forms, form)
	}
	return forms
}

// madeAt is when minutes were made, as title has times.
func madeAt(r *storage.MinutesRead) string {
	return time.UnixMilli(r.Facts.MadeUnixMS).UTC().Format("2006-01-02 15:04 UTC")
}
