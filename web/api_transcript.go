package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// maxEdit bounds the body of an edit, in bytes: the corrections of a whole day at once.
const maxEdit = 4 << 20

func (s *Server) describeTranscript(api huma.API) {
	huma.Register(api, operation(tagMeetings, "get-transcript", http.MethodGet, "/meetings/{meeting}/transcript", http.StatusOK,
		"The transcript, also while the meeting goes on. Organizers, and those with whom the meeting is shared; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound), s.getTranscript)
	edit := operation(tagMeetings, "edit-transcript", http.MethodPatch, "/meetings/{meeting}/transcript", http.StatusOK,
		"Correct the text of segments, say which voice speaks in them, and name speakers, all or nothing, once the transcript is complete. "+
			"If-Match must have the ETag that the transcript came with. What was recognised is kept. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	edit.MaxBodyBytes = maxEdit
	huma.Register(api, edit, s.editTranscript)
}

type transcriptOutput struct {
	ETag string `header:"ETag" doc:"For If-Match of an edit; only of a complete transcript"`
	Body struct {
		Meeting  meeting.ID    `json:"meeting"`
		People   []speakerBody `json:"people" nullable:"false"`
		Names    []nameBody    `json:"names" nullable:"false" doc:"Given to speakers afterwards; they go before those of people"`
		Segments []segmentBody `json:"segments" nullable:"false" doc:"By time"`
		Final    bool          `json:"final" doc:"Whether it is complete"`
		Damaged  int           `json:"damaged" doc:"Stored pieces that do not open any more: what stood there is missing"`
	}
}

type speakerBody struct {
	Participant meeting.ParticipantID `json:"participant"`
	Name        string                `json:"name" doc:"With which they joined"`
	Order       int                   `json:"order" doc:"0 for the first to join; colours follow it"`
	Forgotten   bool                  `json:"forgotten" doc:"Whether name and words were deleted"`
}

type nameBody struct {
	Spk      meeting.SpeakerID `json:"spk"`
	Name     string            `json:"name"`
	ByName   string            `json:"by_name" doc:"Who gave it; empty if they were not in the meeting"`
	AtUnixMS int64             `json:"at_unix_ms"`
}

type segmentBody struct {
	Seg      meeting.SegmentID `json:"seg"`
	Track    meeting.TrackID   `json:"track" doc:"The track it was heard on"`
	Spk      meeting.SpeakerID `json:"spk" doc:"A participant, or participant/voice-n on a shared microphone, or participant/captioner for what somebody typed of what others said"`
	T0       int64             `json:"t0" doc:"Start, milliseconds since the meeting began"`
	T1       int64             `json:"t1" doc:"End"`
	Lang     string            `json:"lang" doc:"BCP 47 primary subtag; empty if unknown"`
	Text     string            `json:"text"`
	Quality  string            `json:"quality" doc:"full, or fast for a text that was shown before the whole utterance was heard, or gap: sound was lost, and there is no text; or typed by a captioner"`
	Original *originalBody     `json:"original,omitempty" doc:"Only of a segment that somebody corrected"`
	Assigned *assignedBody     `json:"assigned,omitempty" doc:"Only of a segment that somebody gave to another voice"`
}

type assignedBody struct {
	Spk      meeting.SpeakerID `json:"spk" doc:"Who was taken for its speaker"`
	ByName   string            `json:"by_name" doc:"Who said who it is; empty if they were not in the meeting"`
	AtUnixMS int64             `json:"at_unix_ms" doc:"When"`
}

type originalBody struct {
	Text     string `json:"text" doc:"As it was recognised"`
	ByName   string `json:"by_name" doc:"Who corrected it last; empty if they were not in the meeting"`
	AtUnixMS int64  `json:"at_unix_ms" doc:"When"`
}

func (s *Server) getTranscript(ctx context.Context, in *spokenInput) (*transcriptOutput, error) {
	m, err := s.readable(ctx, in.Meeting, "transcript.read", in.Reason)
	if err != nil {
		return nil, err
	}
	t, err := s.transcript(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	out := &transcriptOutput{ETag: etagOf(t)}
	out.Body.Meeting, out.Body.Final, out.Body.Damaged = t.Meeting, t.Final, t.Damaged
	out.Body.People = make([]speakerBody, 0, len(t.People))
	for _, p := range t.People {
		out.Body.People = append(out.Body.People, speakerBody{Participant: p.Participant, Name: p.Name, Order: p.Order, Forgotten: p.Forgotten})
	}
	out.Body.Names = namesView(t)
	out.Body.Segments = make([]segmentBody, 0, len(t.Segments))
	for i := range t.Segments {
		out.Body.Segments = append(out.Body.Segments, segmentView(t, &t.Segments[i]))
	}
	return out, nil
}

// etagOf names the state of a complete transcript; one that still grows has none.
func etagOf(t *storage.Transcript) string {
	if !t.Final {
		return ""
	}
	return `"` + t.Version() + `"`
}

func segmentView(t *storage.Transcript, g *meeting.Segment) segmentBody {
	body := segmentBody{Seg: g.Seg, Track: g.Track, Spk: g.Spk, T0: g.T0, T1: g.T1, Lang: g.Lang, Text: g.Text, Quality: g.Quality}
	if o := g.Original; o != nil {
		body.Original = &originalBody{Text: o.Text, ByName: nameIn(t, o.By), AtUnixMS: o.AtUnixMS}
	}
	if a := g.Assigned; a != nil {
		body.Assigned = &assignedBody{Spk: a.Spk, ByName: nameIn(t, a.By), AtUnixMS: a.AtUnixMS}
	}
	return body
}

func namesView(t *storage.Transcript) []nameBody {
	names := make([]nameBody, 0, len(t.Names))
	for _, n := range t.Names {
		names = append(names, nameBody{Spk: n.Spk, Name: n.Name, ByName: nameIn(t, n.By), AtUnixMS: n.AtUnixMS})
	}
	return names
}

// nameIn returns the name that a person had in the meeting.
func nameIn(t *storage.Transcript, person meeting.PersonID) string {
	for _, p := range t.People {
		if p.Person == person && person != "" {
			return p.Name
		}
	}
	return ""
}

type editTranscriptInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Reason  string     `query:"reason" maxLength:"500" doc:"Why an admin needs this; kept in the audit"`
	IfMatch string     `header:"If-Match" maxLength:"200" doc:"ETag of the transcript that is changed; without it the answer is 428, and 412 if somebody else was first"`
	Body    struct {
		Segments []segmentEdit `json:"segments,omitempty" maxItems:"10000"`
		Names    []nameEdit    `json:"names,omitempty" maxItems:"1000"`
		Speakers []speakerEdit `json:"speakers,omitempty" maxItems:"10000"`
	}
}

type speakerEdit struct {
	Seg meeting.SegmentID  `json:"seg" minLength:"1" maxLength:"64"`
	Spk *meeting.SpeakerID `json:"spk" required:"true" nullable:"true" minLength:"1" maxLength:"130" doc:"Whose words they are: the participant, or participant/voice-n, at the same microphone, one voice more than there are at most; null to go back to what was heard"`
}

type segmentEdit struct {
	Seg  meeting.SegmentID `json:"seg" minLength:"1" maxLength:"64"`
	Text *string           `json:"text" required:"true" nullable:"true" maxLength:"5000" doc:"In place of what was recognised; empty if nothing was said; null to go back to what was recognised"`
}

type nameEdit struct {
	Spk  meeting.SpeakerID `json:"spk" minLength:"1" maxLength:"130"`
	Name *string           `json:"name" required:"true" nullable:"true" minLength:"1" maxLength:"60" doc:"To be shown for this speaker; null to go back to the name they joined with"`
}

type editTranscriptOutput struct {
	ETag string `header:"ETag" doc:"Of the transcript as it is now"`
	Body struct {
		Names    []nameBody    `json:"names" nullable:"false" doc:"All that were given to speakers"`
		Segments []segmentBody `json:"segments" nullable:"false" doc:"Those that the edit named, as they are now"`
	}
}

func (s *Server) editTranscript(ctx context.Context, in *editTranscriptInput) (*editTranscriptOutput, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "transcript.edit-asked", in.Reason)
	if err != nil {
		return nil, err
	}
	v := visitorOf(ctx)
	edit, err := in.edit()
	if err != nil {
		return nil, err
	}
	edit.By, edit.AtUnixMS = v.auditName(), s.now().UnixMilli()
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	t, err := s.transcripts.Edit(ctx, m.ID, version, edit)
	if err != nil {
		return nil, s.answerEdit(ctx, err)
	}
	s.searchAnew(m.ID)
	if len(edit.Texts) > 0 {
		s.record(ctx, v, "transcript.correct", meetingObject(m.ID))
	}
	if len(edit.Names) > 0 {
		s.record(ctx, v, "transcript.name-speaker", meetingObject(m.ID))
	}
	if len(edit.Speakers) > 0 {
		s.record(ctx, v, "transcript.assign-speaker", meetingObject(m.ID))
	}
	out := &editTranscriptOutput{ETag: etagOf(t)}
	out.Body.Names, out.Body.Segments = namesView(t), []segmentBody{}
	for i := range t.Segments {
		_, named := edit.Texts[t.Segments[i].Seg]
		_, given := edit.Speakers[t.Segments[i].Seg]
		if named || given {
			out.Body.Segments = append(out.Body.Segments, segmentView(t, &t.Segments[i]))
		}
	}
	return out, nil
}

// versionOf reads If-Match. A list, a weak tag or "*" would say that it does not matter which version is changed; they are
// taken for a version that there is not.
func versionOf(ifMatch string) (version string, err error) {
	if ifMatch == "" {
		return "", problem(http.StatusPreconditionRequired, "if-match-needed", "Say which version you changed: send its ETag as If-Match.")
	}
	return strings.Trim(ifMatch, `"`), nil
}

// edit returns what is to be changed, cleaned, or the problem to answer.
func (in *editTranscriptInput) edit() (storage.Edit, error) {
	e := storage.Edit{
		Texts: map[meeting.SegmentID]*string{}, Names: map[meeting.SpeakerID]*string{}, Speakers: map[meeting.SegmentID]*meeting.SpeakerID{},
	}
	for _, g := range in.Body.Segments {
		if _, twice := e.Texts[g.Seg]; twice {
			return e, problem(http.StatusUnprocessableEntity, "bad-request", "A segment is named twice. Send each once.")
		}
		if e.Texts[g.Seg] = g.Text; g.Text != nil {
			e.Texts[g.Seg] = ptr(cleanText(*g.Text))
		}
	}
	for _, n := range in.Body.Names {
		if _, twice := e.Names[n.Spk]; twice {
			return e, problem(http.StatusUnprocessableEntity, "bad-request", "A speaker is named twice. Send each once.")
		}
		if e.Names[n.Spk] = n.Name; n.Name == nil {
			continue
		}
		name, err := cleanName(*n.Name)
		if err != nil {
			return e, err
		}
		e.Names[n.Spk] = &name
	}
	for _, g := range in.Body.Speakers {
		if _, twice := e.Speakers[g.Seg]; twice {
			return e, problem(http.StatusUnprocessableEntity, "bad-request", "A segment is named twice. Send each once.")
		}
		e.Speakers[g.Seg] = g.Spk
	}
	return e, nil
}

// cleanText returns what somebody typed as one line: runs of spaces, line breaks and control characters become one space.
func cleanText(text string) string { return strings.Join(meeting.Fields(text), " ") }

// answerEdit turns a refused edit into the problem to answer.
func (s *Server) answerEdit(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, storage.ErrConflict):
		return problem(http.StatusPreconditionFailed, "edited-meanwhile", "Somebody else changed this transcript meanwhile. Load it again, look at what they wrote, then make your change.")
	case errors.Is(err, storage.ErrNotFinal):
		return problem(http.StatusConflict, "not-final", "The transcript is not complete yet. Correct it when the meeting has ended.")
	case errors.Is(err, storage.ErrNoSegment), errors.Is(err, storage.ErrNoSpeaker):
		return problem(http.StatusUnprocessableEntity, "no-segment", "The transcript has no such segment or speaker, or nothing was heard there. Load it again.")
	case errors.Is(err, storage.ErrTooLarge):
		return problem(http.StatusUnprocessableEntity, "too-large", "The corrections of this meeting are longer than can be kept. Shorten them.")
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrNoKey):
		return errNoMeeting()
	}
	return s.answerFor(ctx, "edit transcript", err)
}
