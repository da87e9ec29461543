package web

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/export"
)

// exportFormats lists the formats for the API's description.
func exportFormats() []any {
	var names []any
	for _, f := range export.Formats() {
		names = append(names, string(f))
	}
	return names
}

// asProblem returns the problem that err is. Every error that an operation returns is one.
func asProblem(err error) *huma.ErrorModel {
	var p *huma.ErrorModel
	if errors.As(err, &p) {
		return p
	}
	return problem(http.StatusInternalServerError, "internal", "Something is wrong with the server.")
}

// export answers with the transcript as a file.
func (s *Server) export(c *gin.Context) {
	format, err := export.ParseFormat(c.Query("format"))
	if err != nil {
		writeProblem(c, problem(http.StatusUnprocessableEntity, "bad-format", "Choose a format: vtt, srt, txt, md, docx, json or rttm."))
		return
	}
	ctx := c.Request.Context()
	m, err := s.exportable(c, "transcript.export")
	if err != nil {
		writeProblem(c, asProblem(err))
		return
	}
	t, err := s.transcript(ctx, m.ID)
	if err != nil {
		writeProblem(c, asProblem(err))
		return
	}
	// Into memory first: a file that broke off half-way would look complete to its reader.
	var file bytes.Buffer
	if err := export.Write(&file, format, exportLang(c), t); err != nil {
		writeProblem(c, asProblem(s.answerFor(ctx, "export transcript", err)))
		return
	}
	c.Header("Content-Disposition", attachment(export.FileName(format, t)))
	c.Data(http.StatusOK, format.ContentType(), file.Bytes())
}

// exportable returns the meeting of which a file is asked for, if whoever asks may have it. action is for the audit.
func (s *Server) exportable(c *gin.Context, action string) (*storage.Meeting, error) {
	reason := c.Query("reason")
	if len(reason) > maxReason {
		return nil, problem(http.StatusUnprocessableEntity, "bad-request", "The reason is too long.")
	}
	return s.readable(c.Request.Context(), meeting.ID(c.Param("meeting")), action, reason)
}

// maxLang bounds a wish for a language, in bytes.
const maxLang = 200

// exportLang returns the language in which the file says what nobody in the meeting said: that which was asked for, else
// that of the reader's browser.
func exportLang(c *gin.Context) export.Lang {
	preferred := cmp.Or(c.Query("lang"), c.GetHeader("Accept-Language"))
	return export.ParseLang(preferred[:min(len(preferred), maxLang)])
}

// attachment returns a Content-Disposition with the name in full (RFC 6266, RFC 8187) and in ASCII for old programs.
func attachment(name string) string {
	return `attachment; filename="` + asciiName(name) + `"; filename*=UTF-8''` + percentName(name)
}

// asciiName replaces what an unextended quoted name cannot hold everywhere.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/%;`, r) {
			return '_'
		}
		return r
	}, name)
}

// percentName writes name as value-chars of RFC 8187 section 3.2.1.
func percentName(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		ch := name[i]
		if isAttrChar(ch) {
			b.WriteByte(ch)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[ch>>4])
		b.WriteByte(hex[ch&15])
	}
	return b.String()
}

func isAttrChar(ch byte) bool {
	return ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || strings.IndexByte("!#$&+-.^_`|~", ch) >= 0
}
