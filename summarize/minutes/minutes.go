// Package minutes is what minutes of a meeting are: the document that engines write, people accept, change and read, and that is kept
// as meetings/<id>/minutes.json. Every line in it says which segments of the transcript it rests on.
package minutes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"souffleur/internal/meeting"
)

// Version is the version of [Document]'s JSON form. docs/minutes.md describes it.
const Version = 1

// Document is the minutes of one meeting as an engine wrote them.
type Document struct {
	V          int        `json:"v"`
	Meeting    meeting.ID `json:"meeting"`
	Transcript string     `json:"transcript"` // version of the transcript, "rev.edits", that they were made from
	Settings   string     `json:"settings"`   // hash of what else decides: engine, model, language, detail
	MadeUnixMS int64      `json:"made_unix_ms"`
	Lang       string     `json:"lang"` // of the minutes: BCP 47 primary subtag
	Engine     Engine     `json:"engine"`
	Overview   []Line     `json:"overview"`
	Topics     []Topic    `json:"topics"`
	Decisions  []Line     `json:"decisions"`
	Actions    []Action   `json:"actions"`
	Questions  []Line     `json:"questions"`
	Keyphrases []string   `json:"keyphrases"`
	Coverage   Coverage   `json:"coverage"`
	Warnings   []Warning  `json:"warnings"`
}

// Engine says who wrote it, and where the text was sent.
type Engine struct {
	Name     EngineName `json:"name"`
	Model    string     `json:"model,omitempty"`     // of an endpoint
	Host     string     `json:"host,omitempty"`      // to which the text was sent; "" if it stayed on this server
	FellBack string     `json:"fell_back,omitempty"` // why the endpoint did not write it, though it was asked: a [Warning] code
}

// EngineName is one of the engines.
type EngineName string

// Engines. Extractive quotes; what it finds is never called a summary.
const (
	Extractive EngineName = "extractive"
	Endpoint   EngineName = "endpoint"
)

// Line is one statement, with what it rests on.
type Line struct {
	ID         string              `json:"id"` // see [LineID]
	Text       string              `json:"text"`
	Evidence   []meeting.SegmentID `json:"evidence"`             // by time; never empty
	Confidence float64             `json:"confidence"`           // 0 to 1
	Quote      bool                `json:"quote,omitempty"`      // the text is what was said, but for fillers
	Unverified string              `json:"unverified,omitempty"` // which check it failed; "" if none
}

// Action is something to do.
type Action struct {
	Line
	Owner   string                `json:"owner,omitempty"`    // as said, or a participant's name
	OwnerID meeting.ParticipantID `json:"owner_id,omitempty"` // if the owner took part
	Due     string                `json:"due,omitempty"`      // the words that say until when, verbatim
	DueDate string                `json:"due_date,omitempty"` // these resolved against the meeting's date: 2006-01-02; "" if it is not sure
}

// Topic is a part of the meeting, with its most telling lines.
type Topic struct {
	Title  string `json:"title"` // its keyphrases, or a heading that an endpoint wrote
	T0     int64  `json:"t0"`    // room clock, ms
	T1     int64  `json:"t1"`
	Points []Line `json:"points"`
}

// Coverage says how much was read and how much of it is cited.
type Coverage struct {
	Segments int `json:"segments"`
	Words    int `json:"words"`
	Cited    int `json:"cited"`   // segments that some line rests on
	Dropped  int `json:"dropped"` // lines of an endpoint that checks refused
}

// Warning is something the reader must know, as a code that pages have sentences for.
type Warning string

// Warnings.
const (
	NothingSaid       Warning = "nothing-said"     // no words, or too few for minutes
	OneSpeaker        Warning = "one-speaker"      // nobody could accept anything
	LanguageNeutral   Warning = "language-neutral" // no cues are known for the language: excerpts only
	MixedLanguages    Warning = "mixed-languages"  // a fifth of the words or more are of another language
	PartOnly          Warning = "part-only"        // only a part of the meeting was at level minutes
	Gaps              Warning = "gaps"             // sound was lost on the way
	EndpointDown      Warning = "endpoint-down"    // could not be reached, or answered 5xx
	EndpointTimeout   Warning = "endpoint-timeout"
	EndpointBusy      Warning = "endpoint-busy"      // 429 to the end
	EndpointTruncates Warning = "endpoint-truncates" // it cuts long prompts without saying so
	EndpointBroken    Warning = "endpoint-broken"    // its answers are not what was asked for
	EndpointLanguage  Warning = "endpoint-language"  // it answered in another language
	EndpointRefused   Warning = "endpoint-refused"   // 401, 403, 404: key or model are wrong
	LinesDropped      Warning = "lines-dropped"      // checks refused some of what it wrote
)

// Job is what an engine is asked to summarise.
type Job struct {
	Meeting    meeting.ID
	Date       string // of the meeting where it took place, 2006-01-02; "" if it is not known
	Transcript string // version
	Lang       string // of the minutes; "" for that of most of the words
	Detail     Detail
	People     []meeting.Person // names as they are shown now
	Names      map[meeting.SpeakerID]string
	Segments   []meeting.Segment // by time; only what was said at level minutes
	PartOnly   bool              // something was said at another level
}

// Detail is how much is wanted.
type Detail string

// Details.
const (
	Brief  Detail = "brief"
	Normal Detail = "normal"
	Full   Detail = "full"
)

// Progress is called now and then with how many of how many pieces are done. Calls do not overlap.
type Progress func(done, of int)

// Writer writes minutes. Calls may run side by side.
type Writer interface {
	// Write returns a complete document, for any job. An error means that there is none: the context ended, or an endpoint failed.
	Write(ctx context.Context, job *Job, progress Progress) (*Document, error)
}

// LineID returns the ID of a line of a kind ("point", "decision", "action", "question", "overview"): the same for the same words on the
// same evidence, so that what people did to a line holds when minutes are made again.
func LineID(kind, text string, evidence []meeting.SegmentID) string {
	h := sha256.New()
	h.Write([]byte(kind + "\x00" + strings.ToLower(strings.Join(strings.Fields(text), " "))))
	for _, e := range evidence {
		h.Write([]byte("\x00" + string(e)))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
