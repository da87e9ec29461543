package web

import (
	"context"
	"net/http"
	"strings"

	"souffleur/internal/meeting"
)

// Condition is what must hold for a change to be made (RFC 9110 §13.1.1). Operations that change a room or the settings embed
// it, which the library that reads requests asks to be exported.
type Condition struct {
	IfMatch string `header:"If-Match" maxLength:"200" doc:"ETag of the state that is changed: if somebody else was first, the answer is 412 and nothing is changed. Without it the change is made whatever is there"`
}

// asked says whether anything must hold. "*" asks that there is something, and there is.
func (c Condition) asked() bool { return c.IfMatch != "" && strings.TrimSpace(c.IfMatch) != "*" }

// holds says whether the header names a version. Weak tags never do.
func (c Condition) holds(version string) bool {
	for tag := range strings.SplitSeq(c.IfMatch, ",") {
		if strings.TrimSpace(tag) == etag(version) {
			return true
		}
	}
	return false
}

// etag returns the ETag header of a version.
func etag(version string) string { return `"` + version + `"` }

// errChangedMeanwhile is the answer to a change of what somebody else has changed.
func errChangedMeanwhile() error {
	return problem(http.StatusPreconditionFailed, "changed-meanwhile", "Somebody else changed this meanwhile. Load it again, look at what they chose, then make your change.")
}

// expectRoom returns the context in which a room is to be changed: the change fails if the room is not in a version that the
// condition names.
func (s *Server) expectRoom(ctx context.Context, id meeting.RoomID, c Condition) (context.Context, error) {
	if !c.asked() {
		return ctx, nil
	}
	_, version, err := s.roomVersion(ctx, id)
	if err != nil {
		return nil, err
	}
	if !c.holds(version) {
		return nil, errChangedMeanwhile()
	}
	return s.rooms.Expect(ctx, id, version), nil
}

// expectInstance is expectRoom for the settings of the installation.
func (s *Server) expectInstance(ctx context.Context, c Condition) (context.Context, error) {
	if !c.asked() {
		return ctx, nil
	}
	_, version, err := s.instance.Version(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read settings", err)
	}
	if !c.holds(version) {
		return nil, errChangedMeanwhile()
	}
	return s.instance.Expect(ctx, version), nil
}
