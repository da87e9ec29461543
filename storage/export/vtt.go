package export

import (
	"bufio"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// vttNote begins the comment of a VTT file that says which transcript it is, and in which version.
const vttNote = "souffleur "

// cueSeparator stands in a cue's name between its segment and its number.
const cueSeparator = "/"

// MaxVTT bounds a VTT file that is read, in bytes: a day of talk has about 2 MB.
const MaxVTT = 16 << 20

// maxCues bounds the cues of a VTT file.
const maxCues = 500_000

// ErrUnnamedCues says that cues of a VTT file do not say which segments they are: another program dropped their names.
var ErrUnnamedCues = errors.New("the subtitles do not say which segments they belong to")

// Subtitles is what a VTT file of ours says, whoever changed its words.
type Subtitles struct {
	Meeting meeting.ID                   // "" if the note is gone
	Version string                       // of the transcript from which it was made; "" if the note is gone
	Texts   map[meeting.SegmentID]string // words of all cues of a segment, without voices and markup

	parts map[meeting.SegmentID][]string // while the file is read
	bytes map[meeting.SegmentID]int
}

// ReadVTT reads a VTT file that [Write] wrote and somebody may have changed. A file that is none is ErrNotTranscript; one
// with cues that have no names is ErrUnnamedCues.
func ReadVTT(r io.Reader) (*Subtitles, error) {
	lines := bufio.NewScanner(io.LimitReader(r, MaxVTT+1))
	lines.Buffer(nil, maxSegment)
	s := &Subtitles{parts: map[meeting.SegmentID][]string{}, bytes: map[meeting.SegmentID]int{}}
	number, cues, read := 0, 0, 0
	var block []string
	end := func() error {
		defer func() { block = block[:0] }()
		if len(block) == 0 {
			return nil
		}
		if cues++; cues > maxCues {
			return bad("it has more than %d cues", maxCues)
		}
		return s.take(block, number)
	}
	for lines.Scan() {
		line := strings.ToValidUTF8(strings.TrimSuffix(lines.Text(), "\r"), "\uFFFD")
		read += len(lines.Text()) + 1
		if number++; number == 1 {
			if !isVTTHead(line) {
				return nil, bad("a VTT file begins with WEBVTT")
			}
			continue
		}
		if line != "" {
			block = append(block, line)
			continue
		}
		if err := end(); err != nil {
			return nil, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, bad("line %d is too long", number+1)
	case err != nil:
		return nil, fmt.Errorf("read subtitles: %w", err)
	case read > MaxVTT:
		return nil, storage.ErrTooLarge
	case number == 0:
		return nil, bad("it is empty")
	}
	if err := end(); err != nil {
		return nil, err
	}
	s.Texts = make(map[meeting.SegmentID]string, len(s.parts))
	for seg, parts := range s.parts {
		s.Texts[seg] = oneLine(strings.Join(parts, " "))
	}
	s.parts, s.bytes = nil, nil
	return s, nil
}

func isVTTHead(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(line, "\uFEFF"), "WEBVTT")
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// take reads one block, which ends before the given line.
func (s *Subtitles) take(block []string, line int) error {
	if note, ok := strings.CutPrefix(block[0], "NOTE "+vttNote); ok {
		id, version, _ := strings.Cut(note, " ")
		if !meeting.ID(id).Valid() || version == "" || len(version) > maxIDLength {
			return bad("the note before line %d names no transcript", line)
		}
		s.Meeting, s.Version = meeting.ID(id), version
		return nil
	}
	if strings.HasPrefix(block[0], "NOTE") || block[0] == "STYLE" || block[0] == "REGION" {
		return nil
	}
	if strings.Contains(block[0], "-->") {
		return fmt.Errorf("cue before line %d: %w", line, ErrUnnamedCues)
	}
	if len(block) < 2 || !strings.Contains(block[1], "-->") {
		return bad("the cue before line %d has no times", line)
	}
	id, _, ok := strings.Cut(block[0], cueSeparator)
	if !ok || !isID(id) {
		return fmt.Errorf("cue before line %d: %w", line, ErrUnnamedCues)
	}
	seg := meeting.SegmentID(id)
	text := plainVTT(strings.Join(block[2:], " "))
	if s.bytes[seg] += len(text) + 1; s.bytes[seg] > 4*maxText {
		return bad("the text before line %d is too long", line)
	}
	s.parts[seg] = append(s.parts[seg], text)
	return nil
}

// plainVTT takes the markup out of a cue's text.
func plainVTT(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		b.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(rest, ">")
	}
	return html.UnescapeString(b.String())
}

// Corrections compares the words of a VTT file with those of the transcript as it would be written now, and returns the
// texts that differ. A segment of the file that the transcript has not is ErrNotTranscript; one that the file has not
// stays as it is.
func (s *Subtitles) Corrections(t *storage.Transcript) (map[meeting.SegmentID]string, error) {
	known := make(map[meeting.SegmentID]*meeting.Segment, len(t.Segments))
	for i := range t.Segments {
		known[t.Segments[i].Seg] = &t.Segments[i]
	}
	changed := map[meeting.SegmentID]string{}
	for seg, text := range s.Texts {
		g := known[seg]
		switch {
		case g == nil:
			return nil, bad("it has a segment %q that the transcript has not", seg)
		case g.Quality == meeting.QualityGap:
			continue
		case text != cueText(g):
			changed[seg] = text
		}
	}
	return changed, nil
}

// cueText returns the text of a segment as its cues have it, which cut words that are longer than a line.
func cueText(g *meeting.Segment) string {
	var all []string
	for _, c := range cuesOf(g, "") {
		all = append(all, c.lines...)
	}
	return oneLine(strings.Join(all, " "))
}
