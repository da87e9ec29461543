package export

import (
	"archive/zip"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/language"

	"souffleur/storage"
)

// A DOCX file is a zip of XML parts (ECMA-376, Office Open XML; ISO/IEC 29500-1 for the order of elements, which Word
// insists on). What a transcript needs of it is written here: no library for Go is kept up and freely licensed, and one
// that builds a document in memory would need many times the transcript's size.

// docxParts are the parts that say the same in every file.
var docxParts = []struct{ name, body string }{
	{"[Content_Types].xml", xml.Header +
		`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>` +
		`<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/>` +
		`<Override PartName="/word/settings.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.settings+xml"/>` +
		`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>` +
		`</Types>`},
	{"_rels/.rels", xml.Header +
		`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/>` +
		`</Relationships>`},
	{"word/_rels/document.xml.rels", xml.Header +
		`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>` +
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/settings" Target="settings.xml"/>` +
		`</Relationships>`},
	{"word/settings.xml", xml.Header +
		`<w:settings ` + wordSpace + `><w:compat>` + // without it Word opens the file in compatibility mode
		`<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/>` +
		`</w:compat></w:settings>`},
}

const wordSpace = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`

// docxStyles is word/styles.xml; %s is the document's language. Headings are Word's own styles by their names, so that
// its navigation and tables of contents find the speakers.
const docxStyles = xml.Header +
	`<w:styles ` + wordSpace + `><w:docDefaults><w:rPrDefault><w:rPr>` +
	`<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="Calibri" w:cs="Calibri"/><w:sz w:val="22"/><w:szCs w:val="22"/>` +
	`<w:lang w:val="%[1]s" w:eastAsia="%[1]s" w:bidi="%[1]s"/>` +
	`</w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:after="120" w:line="264" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>` +
	`<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>` +
	`<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph Font"/><w:uiPriority w:val="1"/><w:semiHidden/></w:style>` +
	`<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/>` +
	`<w:pPr><w:spacing w:after="240"/></w:pPr><w:rPr><w:b/><w:bCs/><w:sz w:val="36"/><w:szCs w:val="36"/></w:rPr></w:style>` +
	`<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/>` +
	`<w:pPr><w:keepNext/><w:keepLines/><w:spacing w:before="240" w:after="40"/><w:outlineLvl w:val="0"/></w:pPr><w:rPr><w:b/><w:bCs/><w:sz w:val="24"/><w:szCs w:val="24"/></w:rPr></w:style>` +
	`<w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/><w:basedOn w:val="Normal"/><w:next w:val="Normal"/><w:qFormat/>` +
	`<w:pPr><w:keepNext/><w:keepLines/><w:spacing w:before="160" w:after="40"/><w:outlineLvl w:val="1"/></w:pPr><w:rPr><w:b/><w:bCs/><w:color w:val="595959"/></w:rPr></w:style>` +
	`<w:style w:type="character" w:customStyle="1" w:styleId="Time"><w:name w:val="Time"/><w:basedOn w:val="DefaultParagraphFont"/>` +
	`<w:rPr><w:b w:val="0"/><w:bCs w:val="0"/><w:color w:val="595959"/><w:sz w:val="20"/><w:szCs w:val="20"/></w:rPr></w:style>` +
	`<w:style w:type="character" w:customStyle="1" w:styleId="Gap"><w:name w:val="Gap"/><w:basedOn w:val="DefaultParagraphFont"/>` +
	`<w:rPr><w:i/><w:iCs/><w:color w:val="595959"/></w:rPr></w:style>` +
	`</w:styles>`

// writeDOCX writes a title and, for each turn, a heading with name and time and a paragraph with the words, in their
// languages.
func writeDOCX(w io.Writer, lang Lang, t *storage.Transcript) error {
	spoken := string(lang)
	if langs := t.Langs(); len(langs) > 0 {
		spoken = langs[0]
	}
	d := docxWriter{zip: zip.NewWriter(w)}
	for _, part := range docxParts {
		d.part(part.name)
		d.write(part.body)
	}
	d.part("docProps/core.xml")
	d.properties(docxTitle(lang, t), spoken, t)
	d.part("word/styles.xml")
	d.write(fmt.Sprintf(docxStyles, cmp.Or(wordLang(spoken), wordLang(string(lang)))))
	d.part("word/document.xml")
	d.body(lang, t)
	if d.err == nil {
		d.err = d.zip.Close()
	}
	if d.err != nil {
		return fmt.Errorf("write transcript as docx: %w", d.err)
	}
	return nil
}

// docxWriter writes one part after the other. The first error stays, and nothing is written after it.
type docxWriter struct {
	zip  *zip.Writer
	open io.Writer // the part being written
	err  error
}

// docxTime stands in the zip in place of times of files, of which there are none; a zip's calendar begins here.
var docxTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (d *docxWriter) part(name string) {
	if d.err != nil {
		return
	}
	d.open, d.err = d.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: docxTime})
}

// write writes markup.
func (d *docxWriter) write(markup ...string) {
	for _, m := range markup {
		if d.err == nil {
			_, d.err = io.WriteString(d.open, m)
		}
	}
}

// text writes what people said or are called. Characters that XML cannot hold become U+FFFD.
func (d *docxWriter) text(s string) {
	if d.err == nil {
		d.err = xml.EscapeText(d.open, []byte(s))
	}
}

func (d *docxWriter) properties(title, spoken string, t *storage.Transcript) {
	d.write(xml.Header, `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" `,
		`xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`,
		`<dc:title>`)
	d.text(title)
	d.write(`</dc:title><dc:creator>Souffleur</dc:creator><dc:language>`)
	d.text(spoken)
	d.write(`</dc:language>`)
	if t.BeganUnixMS != 0 && isDate(t.BeganUnixMS) {
		d.write(`<dcterms:created xsi:type="dcterms:W3CDTF">`, time.UnixMilli(t.BeganUnixMS).UTC().Format(time.RFC3339), `</dcterms:created>`)
	}
	d.write(`</cp:coreProperties>`)
}

// docxTitle is never empty: readers with a screen reader hear it instead of the file's name.
func docxTitle(lang Lang, t *storage.Transcript) string {
	if title := title(t); title != "" {
		return title
	}
	if lang == French {
		return "Transcription"
	}
	return "Transcript"
}

func (d *docxWriter) body(lang Lang, t *storage.Transcript) {
	d.beginBody(docxTitle(lang, t))
	names := namesOf(t, lang)
	for _, turn := range turnsOf(t, lang) {
		d.turn(names.name(turn.speaker), &turn)
	}
	d.endBody()
}

func (d *docxWriter) beginBody(title string) {
	d.write(xml.Header, `<w:document `, wordSpace, `><w:body><w:p><w:pPr><w:pStyle w:val="Title"/></w:pPr>`)
	d.run("", "", title)
	d.write(`</w:p>`)
}

func (d *docxWriter) endBody() {
	// A4, margins of 2.5 cm, in twentieths of a point.
	d.write(`<w:sectPr><w:pgSz w:w="11906" w:h="16838"/>`,
		`<w:pgMar w:top="1417" w:right="1417" w:bottom="1417" w:left="1417" w:header="708" w:footer="708" w:gutter="0"/></w:sectPr>`,
		`</w:body></w:document>`)
}

func (d *docxWriter) turn(name string, t *turn) {
	d.write(`<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>`)
	if name != "" {
		d.run("", "", name+" ")
	}
	d.run("Time", "", clock(t.start))
	d.write(`</w:p><w:p>`)
	if isRightToLeft(t.pieces[0].lang) {
		d.write(`<w:pPr><w:bidi/></w:pPr>`)
	}
	for i, p := range t.pieces {
		style, text := "", p.text
		if p.gap {
			style = "Gap"
		}
		if i < len(t.pieces)-1 {
			text += " "
		}
		d.run(style, p.lang, text)
	}
	d.write(`</w:p>`)
}

// run writes text in one style and language; "" is that of the paragraph.
func (d *docxWriter) run(style, lang, text string) {
	d.write(`<w:r><w:rPr>`)
	if style != "" {
		d.write(`<w:rStyle w:val="`, style, `"/>`)
	}
	if isRightToLeft(lang) {
		d.write(`<w:rtl/>`)
	}
	if tag := wordLang(lang); tag != "" {
		d.write(`<w:lang w:val="`, tag, `" w:eastAsia="`, tag, `" w:bidi="`, tag, `"/>`)
	}
	d.write(`</w:rPr><w:t xml:space="preserve">`)
	d.text(text)
	d.write(`</w:t></w:r>`)
}

// wordLang returns a language with a region ("fr-FR"), without which Word has no dictionary for it; "" if it is unknown.
func wordLang(lang string) string {
	tag, err := language.Parse(lang)
	if err != nil || lang == "" {
		return ""
	}
	base, _ := tag.Base()
	region, _ := tag.Region()
	if !region.IsCountry() {
		return base.String()
	}
	return base.String() + "-" + region.String()
}

func isRightToLeft(lang string) bool {
	tag, err := language.Parse(lang)
	if err != nil || lang == "" {
		return false
	}
	script, _ := tag.Script()
	return strings.Contains("Arab Hebr Syrc Thaa Nkoo Adlm", script.String())
}
