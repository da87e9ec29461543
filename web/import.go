package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/export"
)

const (
	maxImports     = 2               // at once
	importPatience = 2 * time.Minute // how long the upload of one may take
)

// importMeeting answers with the meeting that a transcript in the body has become.
func (s *Server) importMeeting(c *gin.Context) {
	m, err := s.imported(c)
	if err != nil {
		writeProblem(c, asProblem(err))
		return
	}
	body, err := json.Marshal(meetingView(m))
	if err != nil {
		writeProblem(c, asProblem(s.answerFor(c.Request.Context(), "encode meeting", err)))
		return
	}
	c.Data(http.StatusCreated, "application/json", body)
}

func (s *Server) imported(c *gin.Context) (*storage.Meeting, error) {
	ctx := c.Request.Context()
	r, v, err := s.organizedRoom(ctx, meeting.RoomID(c.Param("room")))
	if err != nil {
		return nil, err
	}
	settings, err := s.instance.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	ceiling := settings.Ceiling
	if r.Ceiling != nil {
		ceiling = *r.Ceiling
	}
	if ceiling < meeting.Transcript {
		return nil, problem(http.StatusConflict, "above-ceiling", "An admin does not allow transcripts to be stored in this room. Choose another room, or ask an admin to raise its ceiling.")
	}
	t, err := s.receiveTranscript(c, v)
	if err != nil {
		return nil, err
	}
	cleanTranscript(t, r)
	m, err := s.transcripts.Import(ctx, r.ID, t)
	if errors.Is(err, storage.ErrExists) {
		return nil, problem(http.StatusConflict, "already-here", "This meeting is on this server already. If it is to be replaced, delete it first.")
	}
	if err != nil {
		return nil, s.answerFor(ctx, "import transcript", err)
	}
	s.searchAnew(m.ID)
	s.record(ctx, v, "transcript.import", meetingObject(m.ID))
	return &m, nil
}

// receiveTranscript reads the body, or returns the problem to answer.
func (s *Server) receiveTranscript(c *gin.Context, v *visitor) (*storage.Transcript, error) {
	if !isJSON(c.GetHeader("Content-Type")) {
		return nil, problem(http.StatusUnsupportedMediaType, "not-json", "Send the file as application/json.")
	}
	if !s.roomLimit.allow(v.addr) {
		return nil, errTooMany("rooms or meetings were made")
	}
	select {
	case s.imports <- struct{}{}:
		defer func() { <-s.imports }()
	default:
		c.Header("Retry-After", strconv.Itoa(int(busyPause/time.Second)))
		return nil, problem(http.StatusTooManyRequests, "too-many", "Other transcripts are being imported. Try again in a minute.")
	}
	limit := http.NewResponseController(c.Writer)
	// A writer without deadlines, as tests have, has no slow client either.
	_ = limit.SetReadDeadline(s.now().Add(importPatience))
	t, err := export.ReadJSON(c.Request.Body)
	_ = limit.SetReadDeadline(time.Time{})
	if err != nil {
		return nil, badTranscript(err)
	}
	return t, nil
}

func badTranscript(err error) *huma.ErrorModel {
	switch {
	case errors.Is(err, storage.ErrVersion):
		return problem(http.StatusUnprocessableEntity, "newer-version", "This transcript was exported by a newer Souffleur. Update this server, then import it.")
	case errors.Is(err, storage.ErrTooLarge):
		return problem(http.StatusRequestEntityTooLarge, "too-large", "The file is larger than 32 MiB, more than a transcript has.")
	}
	return problem(http.StatusUnprocessableEntity, "not-a-transcript", "Choose a file that was exported as JSON: "+err.Error()+".")
}

// cleanTranscript makes foreign names such as people can have here.
func cleanTranscript(t *storage.Transcript, r *storage.Room) {
	clean := func(name string) string {
		name, err := cleanName(name)
		if err != nil {
			return ""
		}
		return name
	}
	if t.RoomName = clean(t.RoomName); t.RoomName == "" {
		t.RoomName = r.Name
	}
	for i := range t.People {
		t.People[i].Name = clean(t.People[i].Name)
	}
	kept := t.Names[:0]
	for _, n := range t.Names {
		if n.Name = clean(n.Name); n.Name != "" {
			kept = append(kept, n)
		}
	}
	t.Names = kept
}
