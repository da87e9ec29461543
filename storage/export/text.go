package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// turn is what one speaker said without being interrupted.
type turn struct {
	start   int64 // ms of the room clock
	speaker meeting.SpeakerID
	text    string
}

// turnsOf joins segments of one speaker that follow each other.
func turnsOf(t *storage.Transcript) []turn {
	var turns []turn
	for i := range t.Segments {
		s := &t.Segments[i]
		text := oneLine(s.Text)
		if text == "" {
			continue
		}
		if n := len(turns); n > 0 && turns[n-1].speaker == s.Spk {
			turns[n-1].text += " " + text
			continue
		}
		turns = append(turns, turn{start: bounded(s.T0), speaker: s.Spk, text: text})
	}
	return turns
}

// writeText writes a line per turn: time, name, words.
func writeText(w *bufio.Writer, t *storage.Transcript) {
	if title := title(t); title != "" {
		fmt.Fprintf(w, "%s\n\n", title)
	}
	names := namesOf(t)
	for _, turn := range turnsOf(t) {
		fmt.Fprintf(w, "[%s] ", clock(turn.start))
		if name := names.of(turn.speaker); name != "" {
			fmt.Fprintf(w, "%s: ", name)
		}
		fmt.Fprintln(w, turn.text)
	}
}

// writeMarkdown writes a paragraph per turn (CommonMark).
func writeMarkdown(w *bufio.Writer, t *storage.Transcript) {
	if title := title(t); title != "" {
		fmt.Fprintf(w, "# %s\n", escapeMarkdown(title))
	}
	names := namesOf(t)
	for i, turn := range turnsOf(t) {
		if i > 0 || title(t) != "" {
			w.WriteByte('\n')
		}
		if name := names.of(turn.speaker); name != "" {
			fmt.Fprintf(w, "**%s** ", escapeMarkdown(name))
		}
		fmt.Fprintf(w, "(%s) %s\n", clock(turn.start), escapeMarkdown(turn.text))
	}
}

// escapeMarkdown puts a backslash before every character that could be markup. CommonMark allows it before any ASCII
// punctuation; those that cannot begin anything inside a paragraph stay as they are, so that the text can be read.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]<>#|~&!$", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// writeJSON writes everything that is known, as [storage.Transcript] has it; "v" is the version of the form.
func writeJSON(w *bufio.Writer, t *storage.Transcript) error {
	form := *t
	form.V = jsonVersion
	if form.People == nil {
		form.People = []meeting.Person{}
	}
	if form.Segments == nil {
		form.Segments = []meeting.Segment{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(&form); err != nil {
		return fmt.Errorf("write transcript as json: %w", err)
	}
	return nil
}

// jsonVersion is the version of the JSON form.
const jsonVersion = 1
