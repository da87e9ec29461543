package export

import (
	"bufio"
	"encoding/json"
	"fmt"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// document is the JSON form of a transcript: everything that is known. docs/transcript.md describes it,
// docs/transcript.schema.json checks it.
type document struct {
	storage.Transcript
	Langs []string `json:"langs"` // spoken, that in which most was said first
}

// writeJSON writes the JSON form, one field a line.
func writeJSON(w *bufio.Writer, t *storage.Transcript) error {
	form := document{Transcript: *t, Langs: t.Langs()}
	form.V = storage.TranscriptVersion
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
