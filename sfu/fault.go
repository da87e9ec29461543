package sfu

import (
	"errors"
	"fmt"
)

// Fault is an error that a participant may see: the connection that caused it is closed with this code and sentence.
type Fault struct {
	Code    string // one of signal's codes
	Message string // a sentence, in English, without anything private
}

// Error implements error.
func (f *Fault) Error() string { return f.Code + ": " + f.Message }

func faultf(code, format string, args ...any) error {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Errors of Node and Room.
var (
	// ErrClosed says that the room or the node is closed, or the participant gone.
	ErrClosed = errors.New("the meeting is over")
	// ErrUnknownParticipant says that a participant to resume is not, or no longer, in the room: join instead.
	ErrUnknownParticipant = errors.New("unknown participant")
	// ErrFull says that as many are in the room as its rules, or RoomConfig.MaxParticipants, allow.
	ErrFull = errors.New("the room is full")
	// ErrRemoved says that an organizer has removed this person from the meeting.
	ErrRemoved = errors.New("removed from the meeting")
	// ErrLocked says that the meeting takes nobody new.
	ErrLocked = errors.New("the meeting is locked")
	// ErrLobbyFull says that as many wait at the door as may.
	ErrLobbyFull = errors.New("too many people wait")
	// ErrNotAdmitted says that an organizer has refused this person within the last minute.
	ErrNotAdmitted = errors.New("not admitted")
	// ErrOutsider says that the room's access does not let this person in, and that no organizer looks at the door.
	ErrOutsider = errors.New("not for this person")
)
