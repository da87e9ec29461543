package export

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Writes to a bufio.Writer need no checks: it remembers the first error until Flush.

// writeVTT writes WebVTT. The voice span says who speaks, so that players can show or style it. In the transcript of a
// meeting every cue is named after its segment, and a note says which version it is, so that [ReadVTT] can bring
// corrections back.
func writeVTT(w *bufio.Writer, lang Lang, t *storage.Transcript) {
	names := namesOf(t, lang)
	w.WriteString("WEBVTT\n")
	if t.Meeting != "" {
		fmt.Fprintf(w, "\nNOTE %s%s %s\n", vttNote, t.Meeting, t.Version())
	}
	for _, c := range subtitles(t, lang, func(meeting.SpeakerID) string { return "" }) {
		w.WriteByte('\n')
		if t.Meeting != "" && isID(string(c.segment)) {
			fmt.Fprintf(w, "%s%s%d\n", c.segment, cueSeparator, c.part)
		}
		fmt.Fprintf(w, "%s --> %s\n", stamp(c.start, '.'), stamp(c.end, '.'))
		if name := names.name(c.speaker); name != "" {
			fmt.Fprintf(w, "<v %s>", escapeVTT.Replace(name))
		}
		for _, line := range c.lines {
			escapeVTT.WriteString(w, line)
			w.WriteByte('\n')
		}
	}
}

// escapeVTT keeps text and names from being read as markup, and with it "-->", which no cue may contain.
var escapeVTT = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// writeSRT writes SubRip. It has no speakers, so the name stands before the text; nor has it a way to write "-->".
func writeSRT(w *bufio.Writer, lang Lang, t *storage.Transcript) {
	names := namesOf(t, lang)
	lead := func(s meeting.SpeakerID) string {
		if name := names.name(s); name != "" {
			return name + ":"
		}
		return ""
	}
	for i, c := range subtitles(t, lang, lead) {
		if i > 0 {
			w.WriteByte('\n')
		}
		fmt.Fprintf(w, "%d\n%s --> %s\n", i+1, stamp(c.start, ','), stamp(c.end, ','))
		for _, line := range c.lines {
			w.WriteString(strings.ReplaceAll(line, "-->", "→"))
			w.WriteByte('\n')
		}
	}
}

// subtitles returns the cues of all segments by rising start. lead gives what stands before the words of a segment.
func subtitles(t *storage.Transcript, lang Lang, lead func(meeting.SpeakerID) string) []cue {
	var cues []cue
	for i := range t.Segments {
		s := &t.Segments[i]
		if s.Quality == meeting.QualityGap {
			s = gapSegment(s, lang)
		}
		cues = append(cues, cuesOf(s, lead(s.Spk))...)
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.start, b.start) })
	return cues
}

// stamp returns ms as hh:mm:ss with three decimals after point.
func stamp(ms int64, point byte) string {
	return fmt.Sprintf("%s%c%03d", clock(ms), point, ms%1000)
}

// clock returns ms as hh:mm:ss.
func clock(ms int64) string {
	s := ms / 1000
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
