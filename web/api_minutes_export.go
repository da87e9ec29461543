package web

import (
	"bytes"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"souffleur/storage/export"
)

// exportMinutes answers with the minutes as a file.
func (s *Server) exportMinutes(c *gin.Context) {
	format, err := export.ParseMinutesFormat(c.Query("format"))
	if err != nil {
		writeProblem(c, problem(http.StatusUnprocessableEntity, "bad-format", "Choose a format: md, docx or json."))
		return
	}
	ctx := c.Request.Context()
	m, err := s.exportable(c, "minutes.export")
	if err != nil {
		writeProblem(c, asProblem(err))
		return
	}
	r, err := s.minutes.Read(ctx, m.ID)
	if err != nil {
		writeProblem(c, asProblem(s.answerMinutes(ctx, "read minutes", err)))
		return
	}
	lang := exportLang(c)
	var file bytes.Buffer
	if err := export.WriteMinutes(&file, format, lang, r); err != nil {
		writeProblem(c, asProblem(s.answerFor(ctx, "export minutes", err)))
		return
	}
	c.Header("Content-Disposition", attachment(export.MinutesFileName(format, lang, r)))
	c.Data(http.StatusOK, format.ContentType(), file.Bytes())
}

func describeMinutesExport(spec *huma.OpenAPI) {
	op := operation(tagMeetings, "export-minutes", http.MethodGet, "/meetings/{meeting}/minutes/export", http.StatusOK,
		"Download the minutes. Organizers, and those with whom the meeting is shared; an admin must give a reason, which is audited")
	var formats []any
	for _, f := range export.MinutesFormats() {
		formats = append(formats, string(f))
	}
	op.Parameters = []*huma.Param{
		{Name: "meeting", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "format", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: formats}},
		{Name: "lang", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Language of what nobody in the meeting said, such as headings: en or fr; else as the browser prefers"},
		{Name: "reason", In: "query", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: ptr(maxReason)}},
	}
	op.Responses = refusals(map[string]string{
		"401": "The token is wrong",
		"403": "Not an organizer, or an admin without a reason",
		"404": "No such meeting, or its data was deleted",
		"409": "There are no minutes",
		"422": "Unknown format, or the reason is too long",
		"503": "Storage does not answer",
	})
	op.Responses["200"] = &huma.Response{Description: "The file, as attachment", Content: map[string]*huma.MediaType{}}
	for _, f := range export.MinutesFormats() {
		op.Responses["200"].Content[f.ContentType()] = &huma.MediaType{}
	}
	spec.AddOperation(&op)
}
