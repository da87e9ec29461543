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
	// ErrFull says that the room has RoomConfig.MaxParticipants already.
	ErrFull = errors.New("the room is full")
)
