package web

import (
	"context"
	"net/http"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

type editMinutesInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Reason  string     `query:"reason" maxLength:"500" doc:"Why an admin needs this; kept in the audit"`
	IfMatch string     `header:"If-Match" maxLength:"200" doc:"ETag of the minutes that are changed; without it the answer is 428, and 412 if somebody else was first"`
	Body    struct {
		Lines  []lineEditBody `json:"lines,omitempty" maxItems:"2000"`
		Add    []newLineBody  `json:"add,omitempty" maxItems:"100"`
		Remove []string       `json:"remove,omitempty" maxItems:"2000" maxLength:"64" minLength:"1" doc:"IDs of lines that people added"`
	}
}

// lineEditBody is all that somebody makes of a line: what is absent is as the engine wrote it.
type lineEditBody struct {
	ID      string  `json:"id" minLength:"1" maxLength:"64"`
	Verdict string  `json:"verdict,omitempty" enum:",accepted,dismissed" doc:"Empty: not judged"`
	Text    *string `json:"text,omitempty" nullable:"true" maxLength:"2000" doc:"In place of what the engine wrote; null or absent: that"`
	Owner   *string `json:"owner,omitempty" nullable:"true" maxLength:"100" doc:"Of an action; null or absent: as the engine found it"`
	Due     *string `json:"due,omitempty" nullable:"true" maxLength:"200" doc:"Of an action; null or absent: as the engine found it"`
}

type newLineBody struct {
	Kind     string              `json:"kind" enum:"overview,decision,action,question"`
	Text     string              `json:"text" minLength:"1" maxLength:"2000"`
	Owner    string              `json:"owner,omitempty" maxLength:"100"`
	Due      string              `json:"due,omitempty" maxLength:"200"`
	Evidence []meeting.SegmentID `json:"evidence,omitempty" maxItems:"20" minLength:"1" maxLength:"64" doc:"Segments of the transcript that it rests on"`
}

func (s *Server) editMinutes(ctx context.Context, in *editMinutesInput) (*minutesOutput, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "minutes.edit-asked", in.Reason)
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
	r, err := s.minutes.Edit(ctx, m.ID, version, edit)
	if err != nil {
		return nil, s.answerMinutes(ctx, "edit minutes", err)
	}
	s.record(ctx, v, "minutes.edit", meetingObject(m.ID))
	return s.minutesAnswer(ctx, m, r, r.Transcript)
}

// edit returns what is to be changed, cleaned, or the problem to answer.
func (in *editMinutesInput) edit() (storage.MinutesEdit, error) {
	e := storage.MinutesEdit{Lines: map[string]storage.LineEdit{}, Remove: in.Body.Remove}
	for _, l := range in.Body.Lines {
		if _, twice := e.Lines[l.ID]; twice {
			return e, problem(http.StatusUnprocessableEntity, "bad-request", "A line is named twice. Send each once.")
		}
		edit := storage.LineEdit{Verdict: storage.Verdict(l.Verdict), Text: cleaned(l.Text), Owner: cleaned(l.Owner), Due: cleaned(l.Due)}
		if edit.Text != nil && *edit.Text == "" {
			return e, errEmptyLine()
		}
		e.Lines[l.ID] = edit
	}
	for _, n := range in.Body.Add {
		line := storage.NewLine{Kind: n.Kind, Text: cleanText(n.Text), Owner: cleanText(n.Owner), Due: cleanText(n.Due), Evidence: n.Evidence}
		if line.Text == "" {
			return e, errEmptyLine()
		}
		e.Add = append(e.Add, line)
	}
	return e, nil
}

func errEmptyLine() error {
	return problem(http.StatusUnprocessableEntity, "empty-line", "A line has no words. Write some, or dismiss it.")
}

// cleaned is cleanText of a text that may be absent.
func cleaned(text *string) *string {
	if text == nil {
		return nil
	}
	return ptr(cleanText(*text))
}
