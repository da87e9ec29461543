package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"souffleur/storage"
)

// problemPrefix makes the "type" of a problem (RFC 9457): programs and translations go by it, people read "detail".
const problemPrefix = "urn:souffleur:problem:"

// problem returns an answer of the given status. The code ("above-ceiling") is stable; the detail is a sentence that says
// what to do about it.
func problem(status int, code, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Type: problemPrefix + code, Title: http.StatusText(status), Status: status, Detail: detail}
}

// Answers that more than one operation gives.
func errNoRoom() error {
	return problem(http.StatusNotFound, "no-room", "There is no such room. Check the link, or ask the person who sent it.")
}

func errNoMeeting() error {
	return problem(http.StatusNotFound, "no-meeting", "There is no such meeting, or its data was deleted.")
}

func errForbidden(detail string) error {
	return problem(http.StatusForbidden, "forbidden", detail)
}

func errNotOrganizer() error {
	return errForbidden("Only an organizer of this room or an admin may do this. Open the organizer link of the room first.")
}

func errNotAdmin() error {
	return errForbidden("Only an admin may do this. Open a fresh admin link, or send the API token.")
}

func errTooMany(what string) error {
	return problem(http.StatusTooManyRequests, "too-many", "Too many "+what+" from your network in a short time. Wait a minute and try again.")
}

func errEncrypted() error {
	return problem(http.StatusConflict, "encrypted", "This room is end-to-end encrypted: the server cannot hear it, so there are no captions, no transcript and no recording.")
}

// answerFor turns what a part of the server returned into what the client is told. tried names the operation in the log;
// foreign errors become 503, because what fails behind a checked request is storage or Kafka.
func (s *Server) answerFor(ctx context.Context, tried string, err error) error {
	var p *huma.ErrorModel
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return problem(http.StatusServiceUnavailable, "cancelled", "The request was given up.")
	case errors.Is(err, ErrAboveCeiling):
		return problem(http.StatusConflict, "above-ceiling", "An admin has set a lower AI ceiling for this room. Choose a lower level, or ask an admin to raise the ceiling.")
	case errors.Is(err, ErrAudioForbidden):
		return problem(http.StatusConflict, "audio-forbidden", "Audio must not be kept on this server. An admin can allow it.")
	case errors.Is(err, ErrEncrypted):
		return errEncrypted()
	case errors.Is(err, ErrLive):
		return problem(http.StatusConflict, "meeting-live", "A meeting is live in this room. Change this when it has ended.")
	case errors.Is(err, ErrRoomChanged):
		return problem(http.StatusConflict, "room-changed", "The room was changed just now. Load the page again.")
	case errors.Is(err, ErrNoticeNeeded):
		return problem(http.StatusConflict, "notice-needed", "The AI is on in this room, or does more than the page said. Read what it does, then join again.")
	case errors.Is(err, storage.ErrOutdated):
		return errChangedMeanwhile()
	case errors.Is(err, ErrNotLive), errors.Is(err, ErrMeetingEnded):
		return problem(http.StatusConflict, "not-live", "No meeting is live in this room now.")
	case errors.Is(err, ErrRoomFull):
		return later(problem(http.StatusConflict, "room-full", "The meeting is full. Try again when somebody has left."))
	case errors.Is(err, ErrLocked):
		return problem(http.StatusConflict, "locked", "The meeting is locked: nobody new comes in. Ask an organizer.")
	case errors.Is(err, ErrLobbyFull):
		return problem(http.StatusConflict, "lobby-full", "Too many people wait to be let in. Try again in a few minutes.")
	case errors.Is(err, ErrRemoved):
		return problem(http.StatusForbidden, "removed", "An organizer removed you from this meeting. You cannot come back while it lasts.")
	case errors.Is(err, ErrNotAdmitted):
		return problem(http.StatusForbidden, "not-admitted", "An organizer did not let you in. Wait a minute before you ask again.")
	case errors.Is(err, ErrNotMember):
		return errNotMember()
	case errors.Is(err, ErrRefused):
		return later(problem(http.StatusServiceUnavailable, "refused", "Nobody more can come in now. Try again in a minute: whoever leaves makes room."))
	case errors.Is(err, ErrOverloaded):
		return later(problem(http.StatusServiceUnavailable, "overloaded", "The server is at its limit. Running meetings go on. Try again in a few minutes."))
	}
	s.log.ErrorContext(ctx, "request failed", "tried", tried, "error", err)
	return problem(http.StatusServiceUnavailable, "unavailable", "The server could not reach its storage. Try again in a moment; if it stays, an admin finds the cause in the log.")
}

// retryAfter is when a refused client should come again: states of load last for half a minute at least.
const retryAfter = 60 * time.Second

// later adds to a problem when to try again.
func later(p *huma.ErrorModel) error {
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(int(retryAfter / time.Second))}})
}

// writeProblem answers a request outside the operations of the API's description.
func writeProblem(c *gin.Context, p *huma.ErrorModel) {
	body, err := json.Marshal(p)
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError) // strings and a number always marshal
		return
	}
	c.Abort()
	c.Data(p.Status, "application/problem+json", body)
}

// tidyProblem completes the problems that huma writes about invalid requests. The offending values are left out: they are
// what the client sent, secrets of links included, and whoever relays or keeps the answer should not get them.
func tidyProblem(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if p.Type == "" {
		code, told := requestProblem(p)
		p.Type, p.Detail = problemPrefix+code, told
	}
	for _, e := range p.Errors {
		e.Value = nil
	}
	return p, nil
}

// requestProblem says what is wrong with a request that no operation got to see.
func requestProblem(p *huma.ErrorModel) (code, told string) {
	switch p.Status {
	case http.StatusRequestEntityTooLarge:
		return "too-large", "The body is longer than this request may be. Send less at once."
	case http.StatusRequestTimeout:
		return "too-slow", "The body came too slowly. Send it again."
	case http.StatusBadRequest:
		return "bad-json", "The body is no JSON. Send an object, as the description of the API says."
	}
	if len(p.Errors) == 0 {
		return "bad-request", "The request is not what the description of the API says. Compare it."
	}
	first := p.Errors[0]
	return "bad-request", "Check " + first.Location + ": " + strings.TrimSuffix(first.Message, ".") + "."
}
