package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func (s *Server) describeAudio(api huma.API) {
	huma.Register(api, operation(tagMeetings, "list-audio", http.MethodGet, "/meetings/{meeting}/audio", http.StatusOK,
		"Which tracks were kept as sound. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound), s.listAudio)
}

type listAudioOutput struct {
	Body struct {
		Tracks []audioBody `json:"tracks" nullable:"false"`
	}
}

type audioBody struct {
	Track       meeting.TrackID       `json:"track" doc:"As in the segments of the transcript"`
	Participant meeting.ParticipantID `json:"participant" doc:"Empty if it is not known any more"`
	FromMS      int64                 `json:"from_ms" doc:"The first sound, milliseconds since the meeting began"`
	ToMS        int64                 `json:"to_ms" doc:"The end of the last sound, and of the stream"`
	Bytes       int64                 `json:"bytes" doc:"Length of the stream"`
}

func (s *Server) listAudio(ctx context.Context, in *spokenInput) (*listAudioOutput, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "audio.list", in.Reason)
	if err != nil {
		return nil, err
	}
	tracks, err := s.audio.Tracks(ctx, m.ID)
	if err != nil {
		return nil, s.answerForAudio(ctx, "list audio", err)
	}
	out := &listAudioOutput{}
	out.Body.Tracks = make([]audioBody, 0, len(tracks))
	for _, t := range tracks {
		out.Body.Tracks = append(out.Body.Tracks, audioBody(t))
	}
	return out, nil
}

// answerForAudio is answerFor with what a deletion leaves behind.
func (s *Server) answerForAudio(ctx context.Context, tried string, err error) error {
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoKey) {
		return problem(http.StatusNotFound, "no-audio", "No sound was kept here, or it was deleted.")
	}
	return s.answerFor(ctx, tried, err)
}

// playAudio answers with the sound of one track, or the part of it that was asked for (RFC 9110 §14).
func (s *Server) playAudio(c *gin.Context) {
	reason := c.Query("reason")
	if len(reason) > maxReason {
		writeProblem(c, problem(http.StatusUnprocessableEntity, "bad-request", "The reason is too long."))
		return
	}
	ctx := c.Request.Context()
	m, err := s.spokenIn(ctx, meeting.ID(c.Param("meeting")), actionPlay, reason)
	if err != nil {
		writeProblem(c, asProblem(err))
		return
	}
	stream, err := s.audio.Open(ctx, m.ID, meeting.TrackID(c.Param("track")))
	if err != nil {
		writeProblem(c, asProblem(s.answerForAudio(ctx, "open audio", err)))
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "audio/ogg")
	h.Set("Content-Disposition", `inline; filename="audio.opus"`)
	h.Set("ETag", `"`+stream.ETag()+`"`)
	reader := &watchedReader{ReadSeeker: stream}
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, reader)
	if reader.failed != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "audio broke off", "meeting", m.ID, "error", reader.failed)
	}
}

// watchedReader keeps the error that ended it: ServeContent tells nobody.
type watchedReader struct {
	io.ReadSeeker
	failed error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		r.failed = err
	}
	return n, err
}

// actionPlay stands in the audit when an admin listens.
const actionPlay = "audio.play"

const (
	// playRemembered is for how long further requests belong to a listening that is in the audit: a browser asks for many
	// parts of a stream.
	playRemembered = 10 * time.Minute
	// maxPlays bounds what is remembered. Overflow: all is forgotten, and there is another entry in the audit.
	maxPlays = 1000
)

// plays remembers the listenings that are in the audit. The zero value is ready.
type plays struct {
	mu sync.Mutex // guards at
	at map[play]time.Time
}

// play is who listens to what, and why.
type play struct {
	person  meeting.PersonID
	meeting meeting.ID
	reason  string
}

// lately says whether p is in the audit, and not for long.
func (l *plays) lately(p play, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.at[p]
	return ok && now.Sub(at) < playRemembered
}

func (l *plays) remember(p play, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil || len(l.at) >= maxPlays {
		l.at = map[play]time.Time{}
	}
	l.at[p] = now
}
