package export

import (
	"bufio"
	"fmt"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// turn is what one speaker said without being interrupted.
type turn struct {
	start   int64 // ms of the room clock
	speaker meeting.SpeakerID
	pieces  []piece
}

// piece is a part of a turn.
type piece struct {
	text string
	lang string // BCP 47; "" if unknown
	gap  bool   // not said: sound was lost here
}

// text returns the whole turn.
func (t *turn) text() string {
	texts := make([]string, len(t.pieces))
	for i, p := range t.pieces {
		texts[i] = p.text
	}
	return strings.Join(texts, " ")
}

// turnsOf joins segments of one speaker that follow each other.
func turnsOf(t *storage.Transcript, lang Lang) []turn {
	var turns []turn
	for i := range t.Segments {
		s := &t.Segments[i]
		p := piece{text: oneLine(s.Text), lang: s.Lang}
		if s.Quality == meeting.QualityGap {
			p = piece{text: gapText(s, lang), lang: string(lang), gap: true}
		}
		if p.text == "" {
			continue
		}
		if n := len(turns); n > 0 && turns[n-1].speaker == s.Spk {
			turns[n-1].pieces = append(turns[n-1].pieces, p)
			continue
		}
		turns = append(turns, turn{start: bounded(s.T0), speaker: s.Spk, pieces: []piece{p}})
	}
	return turns
}

// writeText writes a line per turn: time, name, words.
func writeText(w *bufio.Writer, lang Lang, t *storage.Transcript) {
	if title := title(t); title != "" {
		fmt.Fprintf(w, "%s\n\n", title)
	}
	names := namesOf(t, lang)
	for _, turn := range turnsOf(t, lang) {
		fmt.Fprintf(w, "[%s] ", clock(turn.start))
		if name := names.name(turn.speaker); name != "" {
			fmt.Fprintf(w, "%s: ", name)
		}
		fmt.Fprintln(w, turn.text())
	}
}

// writeMarkdown writes a paragraph per turn (CommonMark).
func writeMarkdown(w *bufio.Writer, lang Lang, t *storage.Transcript) {
	if title := title(t); title != "" {
		fmt.Fprintf(w, "# %s\n", escapeMarkdown(title))
	}
	names := namesOf(t, lang)
	for i, turn := range turnsOf(t, lang) {
		if i > 0 || title(t) != "" {
			w.WriteByte('\n')
		}
		if name := names.name(turn.speaker); name != "" {
			fmt.Fprintf(w, "**%s** ", escapeMarkdown(name))
		}
		fmt.Fprintf(w, "(%s) %s\n", clock(turn.start), escapeMarkdown(turn.text()))
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
