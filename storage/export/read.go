package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// MaxJSON bounds a JSON file that is read, in bytes. A day of talk has about 10 MB.
const MaxJSON = 32 << 20

// Bounds of what a JSON file may hold. They are far above what a meeting has; without them a small file could take all
// memory ("[{},{},…").
const (
	maxSegments = 100_000
	maxPeople   = 10_000
	maxWords    = 5_000 // of a segment
	maxSegment  = 1 << 20
	maxText     = 20_000 // code points of a segment
	maxName     = 200    // code points
	maxIDLength = 64
)

// ErrNotTranscript says that a file is not what it should be; its text says where, without words of the file.
var ErrNotTranscript = errors.New("this is not a transcript that Souffleur exported")

// bad returns ErrNotTranscript with what is wrong.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotTranscript, fmt.Sprintf(format, args...))
}

// ReadJSON reads what [Write] wrote as JSON, in the order of the file. A file that is none, or was damaged, is
// ErrNotTranscript; one of a newer version is [storage.ErrVersion]; one above MaxJSON is [storage.ErrTooLarge]. What
// stands in it is within bounds: times order, IDs are opaque, texts have a length that can be shown.
func ReadJSON(r io.Reader) (*storage.Transcript, error) { return readJSON(r, MaxJSON) }

func readJSON(r io.Reader, most int64) (*storage.Transcript, error) {
	limited := &io.LimitedReader{R: r, N: most + 1}
	t, err := decodeTranscript(json.NewDecoder(limited))
	if limited.N <= 0 {
		return nil, storage.ErrTooLarge
	}
	if err != nil {
		return nil, err
	}
	if err := check(t); err != nil {
		return nil, err
	}
	return t, nil
}

// decodeTranscript reads field by field, so that lists can be counted while they grow.
func decodeTranscript(d *json.Decoder) (*storage.Transcript, error) {
	if err := expect(d, '{'); err != nil {
		return nil, err
	}
	t, seen := &storage.Transcript{}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, syntax(err)
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, bad("%q stands twice in it", clip(name))
		}
		seen[name] = true
		if err := decodeField(d, t, name); err != nil {
			return nil, err
		}
	}
	if err := expect(d, '}'); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, bad("something follows the transcript")
	}
	if !seen["v"] || !seen["segments"] {
		return nil, bad("it has no version or no segments")
	}
	return t, nil
}

// decodeField reads the value of one field; what a newer Souffleur may have added is passed over.
func decodeField(d *json.Decoder, t *storage.Transcript, name string) error {
	switch name {
	case "v":
		if err := decodeValue(d, name, &t.V); err != nil {
			return err
		}
		if t.V > storage.TranscriptVersion {
			return fmt.Errorf("read transcript: %w", storage.ErrVersion)
		}
		return nil
	case "segments":
		return decodeList(d, name, maxSegments, &t.Segments)
	case "people":
		return decodeList(d, name, maxPeople, &t.People)
	case "names":
		return decodeList(d, name, maxPeople, &t.Names)
	}
	var ignored json.RawMessage
	into := map[string]any{
		"meeting": &t.Meeting, "room": &t.Room, "room_name": &t.RoomName, "began_unix_ms": &t.BeganUnixMS,
		"ended_unix_ms": &t.EndedUnixMS, "rev": &t.Rev, "edit_rev": &t.EditRev, "final": &t.Final,
	}[name]
	if into == nil {
		into = &ignored
	}
	return decodeValue(d, name, into)
}

func decodeValue(d *json.Decoder, name string, into any) error {
	if err := d.Decode(into); err != nil {
		return bad("%q cannot be read: %s", clip(name), cause(err))
	}
	return nil
}

// decodeList reads a list of at most most entries, each of at most maxSegment bytes.
func decodeList[T any](d *json.Decoder, name string, most int, into *[]T) error {
	if err := expect(d, '['); err != nil {
		return err
	}
	var raw json.RawMessage
	for d.More() {
		if len(*into) == most {
			return bad("%s has more than %d entries", name, most)
		}
		raw = raw[:0]
		if err := d.Decode(&raw); err != nil {
			return syntax(err)
		}
		if len(raw) > maxSegment {
			return bad("entry %d of %s is too long", len(*into)+1, name)
		}
		var entry T
		if err := json.Unmarshal(raw, &entry); err != nil {
			return bad("entry %d of %s cannot be read: %s", len(*into)+1, name, cause(err))
		}
		*into = append(*into, entry)
	}
	return expect(d, ']')
}

func expect(d *json.Decoder, delimiter json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	if token != delimiter {
		return bad("it should have %q where it has something else", delimiter.String())
	}
	return nil
}

// syntax is the error of a decoder, which names a place and no words of the file.
func syntax(err error) error { return bad("it is no complete JSON: %s", cause(err)) }

// cause says what is wrong with JSON without quoting it.
func cause(err error) string {
	var kind *json.UnmarshalTypeError
	var place *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return "a " + kind.Type.String() + " was expected in " + clip(kind.Field)
	case errors.As(err, &place):
		return fmt.Sprintf("wrong character near byte %d", place.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return "it has an unknown value"
}

// clip bounds a name from the file in a message.
func clip(s string) string { return truncate(oneLine(s), maxIDLength) }

// check says what is wrong with a decoded transcript.
func check(t *storage.Transcript) error {
	if t.V < 1 {
		return bad("version %d was never written", t.V)
	}
	if !isDate(t.BeganUnixMS) || !isDate(t.EndedUnixMS) || t.EndedUnixMS != 0 && t.EndedUnixMS < t.BeganUnixMS {
		return bad("it ends before it begins, or at no time there is")
	}
	if t.Meeting != "" && !t.Meeting.Valid() || t.Room != "" && !isID(string(t.Room)) {
		return bad("meeting or room have no such IDs")
	}
	if utf8.RuneCountInString(t.RoomName) > maxName || t.Rev < 0 || t.EditRev < 0 {
		return bad("name or revision of the meeting are not in bounds")
	}
	for i, p := range t.People {
		if !isID(string(p.Participant)) || p.Person != "" && !isID(string(p.Person)) || utf8.RuneCountInString(p.Name) > maxName ||
			p.JoinedMS != bounded(p.JoinedMS) || p.Order < 0 || p.Order > maxPeople {
			return bad("entry %d of people is not in bounds", i+1)
		}
	}
	for i, n := range t.Names {
		if !isSpeaker(n.Spk) || n.Name == "" || utf8.RuneCountInString(n.Name) > maxName || n.By != "" && !isID(string(n.By)) || !isDate(n.AtUnixMS) {
			return bad("entry %d of names is not in bounds", i+1)
		}
	}
	seen := make(map[meeting.SegmentID]bool, len(t.Segments))
	for i := range t.Segments {
		s := &t.Segments[i]
		if seen[s.Seg] {
			return bad("entry %d of segments has the ID of another", i+1)
		}
		seen[s.Seg] = true
		if what := checkSegment(s); what != "" {
			return bad("entry %d of segments: %s", i+1, what)
		}
	}
	return nil
}

// checkSegment says what is wrong with a segment; "" if nothing is.
func checkSegment(s *meeting.Segment) string {
	gap := s.Quality == meeting.QualityGap
	switch {
	case !isID(string(s.Seg)):
		return "its ID has no such form"
	case s.Spk != "" && !isSpeaker(s.Spk):
		return "its speaker has no such form"
	case s.Track != "" && !isID(string(s.Track)):
		return "its track has no such form"
	case !isLang(s.Lang):
		return "its language is no BCP 47 tag"
	case s.Quality != "" && s.Quality != meeting.QualityFull && s.Quality != meeting.QualityFast && s.Quality != meeting.QualityTyped && !gap:
		return "its quality has no such value"
	case !isSpan(s.T0, s.T1):
		return "it ends before it begins"
	case s.Assigned != nil && (gap || !isSpeaker(s.Assigned.Spk) || s.Assigned.Spk.Participant() != s.Spk.Participant() ||
		s.Assigned.By != "" && !isID(string(s.Assigned.By)) || !isDate(s.Assigned.AtUnixMS)):
		return "who was taken for its speaker is not in bounds"
	case gap && (s.Text != "" || s.Original != nil):
		return "it is a gap and has text"
	case utf8.RuneCountInString(s.Text) > maxText, utf8.RuneCountInString(s.Engine) > maxName:
		return "its text is too long"
	case !isShare(s.Conf):
		return "its confidence is not between 0 and 1"
	}
	if what := checkWords(s.Words); what != "" || s.Original == nil {
		return what
	}
	o := s.Original
	if utf8.RuneCountInString(o.Text) > maxText || !isShare(o.Conf) || o.By != "" && !isID(string(o.By)) || !isDate(o.AtUnixMS) {
		return "its original is not in bounds"
	}
	return checkWords(o.Words)
}

func checkWords(words []meeting.Word) string {
	if len(words) > maxWords {
		return "it has too many words"
	}
	for _, w := range words {
		if !isSpan(w.T0, w.T1) || !isShare(w.P) || utf8.RuneCountInString(w.Text) > maxText {
			return "a word is not in bounds"
		}
	}
	return ""
}

func isSpan(t0, t1 int64) bool { return t0 == bounded(t0) && t1 == bounded(t1) && t0 <= t1 }

// maxDate bounds times since 1970: the year 2248, in ms.
const maxDate = 1 << 43

func isDate(unixMS int64) bool { return unixMS >= 0 && unixMS <= maxDate }

func isShare(p float32) bool { return p >= 0 && p <= 1 && !math.IsNaN(float64(p)) }

// isID says whether s has the form of our identifiers: it can stand in addresses, object names and cues.
func isID(s string) bool {
	if s == "" || len(s) > maxIDLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// isSpeaker says whether s is a participant, or one of the voices on their microphone.
func isSpeaker(s meeting.SpeakerID) bool {
	p := string(s.Participant())
	if !isID(p) {
		return false
	}
	return len(p) == len(s) || isID(string(s[len(p)+1:]))
}

// isLang says whether s could be a BCP 47 tag; "" is an unknown language.
func isLang(s string) bool { return s == "" || len(s) <= 35 && isID(s) }
