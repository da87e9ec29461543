package sfu

import (
	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// Participant is what one signalling connection holds of a participant. When the participant comes back on another
// connection, the older one's hold is void: its calls do nothing, or return a Fault with signal.CodeReplaced.
type Participant struct {
	m          *member
	connection int64
}

// ID returns the participant's ID.
func (p *Participant) ID() meeting.ParticipantID { return p.m.id }

// Handle acts on a message of the client and waits until it has. An error, usually a *Fault, means that the connection
// must be closed. Messages of one connection must come from one goroutine.
func (p *Participant) Handle(msg signal.ClientMessage) error {
	if p.void() {
		return faultf(signal.CodeReplaced, "this participant is connected elsewhere")
	}
	if p.m.waiting.Load() && msg.Type != signal.Leave && msg.Type != signal.Ping {
		return nil // a client that does not know yet that it waits
	}
	switch msg.Type {
	case signal.Ping:
		p.m.tell(signal.ServerMessage{Type: signal.Pong})
		return nil
	case signal.Leave:
		p.Leave("left")
		return nil
	case signal.OptOut:
		p.m.room.setOptOut(p.m, msg.OptOut)
		return nil
	case signal.Hand:
		p.m.room.setHand(p.m, msg.Active)
		return nil
	case signal.Chat:
		p.m.room.say(p.m, msg.Text)
		return nil
	case signal.Moderate:
		p.m.room.moderate(p.m, msg)
		return nil
	case signal.React:
		p.m.room.react(p.m, msg.Emoji)
		return nil
	}
	var err error
	handled := p.m.do(func() {
		if p.void() { // replaced while the message waited: it must not touch the new connection's media
			err = faultf(signal.CodeReplaced, "this participant is connected elsewhere")
			return
		}
		err = p.m.handle(msg)
	})
	if !handled {
		return ErrClosed
	}
	return err
}

// Detach says that the connection is lost. The participant stays, and its media flows on, for RoomConfig.ResumeWindow.
func (p *Participant) Detach() {
	p.m.room.do(func() {
		if !p.void() {
			p.m.room.detach(p.m)
		}
	})
}

// Leave takes the participant out of the room for good. reason is a word for logs and Events.
func (p *Participant) Leave(reason string) {
	p.m.room.do(func() {
		if !p.void() {
			p.m.room.remove(p.m, reason)
		}
	})
}

func (p *Participant) void() bool { return p.m.connection.Load() != p.connection }
