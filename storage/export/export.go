// Package export writes a transcript as a file for people and other programs: subtitles (VTT, SRT), text, Markdown, Word
// (DOCX), JSON and RTTM. It reads back what can come back: JSON as a whole, and the words of VTT as corrections. It knows
// nothing of where transcripts are kept, nor of HTTP.
//
// Start reading at [Write]; subtitles are cut in cue.go. The other way begins at [ReadJSON] and [ReadVTT].
package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Format is a kind of file.
type Format string

// The formats. Their names are those of the API and the ends of the file names.
const (
	VTT      Format = "vtt"  // https://www.w3.org/TR/webvtt1/ with a voice span per cue
	SRT      Format = "srt"  // SubRip, speaker's name in the text
	Text     Format = "txt"  // a paragraph per turn
	Markdown Format = "md"   // the same with headings
	DOCX     Format = "docx" // Office Open XML, ECMA-376: a heading per turn
	JSON     Format = "json" // everything: words, times, confidence; see docs/transcript.md
	RTTM     Format = "rttm" // who speaks when, without words: NIST RT-09 evaluation plan, appendix A
)

// Formats returns all formats.
func Formats() []Format { return []Format{VTT, SRT, Text, Markdown, DOCX, JSON, RTTM} }

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats() {
		if s == string(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("unknown export format %q: use vtt, srt, txt, md, docx, json or rttm", s)
}

// ContentType returns the media type with its character set.
func (f Format) ContentType() string {
	switch f {
	case VTT:
		return "text/vtt; charset=utf-8"
	case SRT:
		return "application/x-subrip; charset=utf-8"
	case Markdown:
		return "text/markdown; charset=utf-8"
	case DOCX:
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case JSON:
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// FileName returns a name for the file, such as "2026-11-23 Weekly.vtt", in UTF-8 and free of path separators and
// control characters.
func FileName(f Format, t *storage.Transcript) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, oneLine(t.RoomName))
	parts := []string{}
	if t.BeganUnixMS != 0 {
		parts = append(parts, time.UnixMilli(t.BeganUnixMS).UTC().Format("2006-01-02"))
	}
	if name = strings.Trim(truncate(name, maxFileName), ". "); name != "" {
		parts = append(parts, name)
	}
	if len(parts) == 0 {
		parts = append(parts, "transcript")
	}
	return strings.Join(parts, " ") + "." + string(f)
}

// maxFileName bounds the room's part of a file name, in code points.
const maxFileName = 60

// Write writes the transcript to w in one format. What is not of the speakers, such as that sound was lost, is said in
// lang; JSON has no such words. It returns the first error of w.
func Write(w io.Writer, f Format, lang Lang, t *storage.Transcript) error {
	out := bufio.NewWriter(w)
	var err error
	switch f {
	case VTT:
		writeVTT(out, lang, t)
	case SRT:
		writeSRT(out, lang, t)
	case Text:
		writeText(out, lang, t)
	case Markdown:
		writeMarkdown(out, lang, t)
	case DOCX:
		err = writeDOCX(out, lang, t)
	case JSON:
		err = writeJSON(out, t)
	case RTTM:
		err = writeRTTM(out, lang, t)
	default:
		_, err = ParseFormat(string(f))
	}
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write transcript as %s: %w", f, err)
	}
	return nil
}

// names gives every speaker the name to show.
type names struct {
	lang Lang
	of   map[meeting.SpeakerID]string
}

func namesOf(t *storage.Transcript, lang Lang) names {
	n := names{lang: lang, of: make(map[meeting.SpeakerID]string, len(t.People)+len(t.Names))}
	for _, p := range t.People {
		n.of[meeting.SpeakerID(p.Participant)] = oneLine(p.Name)
	}
	for _, given := range t.Names {
		n.of[given.Spk] = oneLine(given.Name)
	}
	return n
}

// name returns the speaker's name; on a shared microphone that of the voice, or else its number behind the name of the
// microphone; an unknown speaker's ID; "" for none.
func (n names) name(s meeting.SpeakerID) string {
	if name := n.of[s]; name != "" {
		return name
	}
	name := n.of[meeting.SpeakerID(s.Participant())]
	if name == "" {
		return oneLine(string(s))
	}
	_, voice, shared := strings.Cut(string(s), "/")
	if !shared {
		return name
	}
	if k := s.Voice(); k > 0 {
		return fmt.Sprintf(map[Lang]string{English: "%s · Voice %d", French: "%s · Voix %d"}[n.lang], name, k)
	}
	return name + " (" + oneLine(voice) + ")"
}

// oneLine makes every run of white space and control characters one space, and drops it at both ends.
func oneLine(s string) string { return strings.Join(meeting.Fields(s), " ") }

// truncate keeps the first n code points.
func truncate(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// title returns the room's name and the beginning, as far as they are known.
func title(t *storage.Transcript) string {
	name := oneLine(t.RoomName)
	if t.BeganUnixMS == 0 {
		return name
	}
	began := time.UnixMilli(t.BeganUnixMS).UTC().Format("2006-01-02 15:04 UTC")
	if name == "" {
		return began
	}
	return name + ", " + began
}
