package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"souffleur/internal/signal"
)

// outboxSize is how many messages wait for a client that reads slowly. Joining a room of 150 people is about 160 messages;
// a client that is further behind than this is closed with [signal.CodeSlow], so a slow reader costs only itself.
const outboxSize = 256

// writeTimeout is how long one message may take to leave. Shorter than the probe of a dead connection, because the
// others' messages wait in memory meanwhile.
const writeTimeout = 10 * time.Second

// burst is how many seconds' worth of messages a client may send at once: an offer brings its candidates along.
const burst = 10

// socket is one signalling connection.
//
// Three goroutines serve it, and [socket.run] ends when all have ended: the reader (run itself), the writer, which alone
// writes messages and alone starts the closing handshake, and the prober. Whoever wants the connection closed queues its
// last words with end; the writer sends them and closes, which ends the reader.
type socket struct {
	conn *websocket.Conn // safe for one reader and many writers
	log  *slog.Logger

	out  chan signal.ServerMessage // bounded by outboxSize; overflow ends the connection with CodeSlow
	last chan signal.ServerMessage // holds the last message at most once; overtakes out

	mu     sync.Mutex // guards closed; the last lock taken, never held while sending to the network
	closed bool       // no message is queued any more
}

func newSocket(conn *websocket.Conn, log *slog.Logger) *socket {
	conn.SetReadLimit(-1) // read bounds messages itself, to be able to say why it closes
	return &socket{
		conn: conn, log: log,
		out:  make(chan signal.ServerMessage, outboxSize),
		last: make(chan signal.ServerMessage, 1),
	}
}

// Send implements [Outbox].
func (s *socket) Send(m signal.ServerMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	// Both channels are buffered and only written under mu, so neither send waits.
	if m.Type != signal.Gone && len(s.out) < cap(s.out) {
		s.out <- m
		return nil
	}
	s.closed = true
	if m.Type == signal.Gone {
		// The queue before it still goes out: it may hold what explains the end.
		s.last <- m
		close(s.out)
		return nil
	}
	s.last <- signal.ServerMessage{Type: signal.Gone, Code: signal.CodeSlow, Message: "Your connection is too slow to follow the meeting."}
	drain(s.out)
	close(s.out)
	return ErrClosed
}

// drain drops what a slow client never read, so that its last message goes out first.
func drain(queue chan signal.ServerMessage) {
	for {
		select {
		case <-queue:
		default:
			return
		}
	}
}

// end queues the last words of the connection.
func (s *socket) end(code, message string) {
	_ = s.Send(signal.ServerMessage{Type: signal.Gone, Code: code, Message: message}) // ErrClosed: it is ending already
}

// hangUp ends the connection without last words, because the client asked for it or is gone.
func (s *socket) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.out)
	}
}

func (s *socket) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// connectFunc opens the session of a hello.
type connectFunc func(ctx context.Context, hello signal.ClientMessage, out Outbox) (Session, error)

// run serves the connection until it ends. When it returns, all goroutines of the connection have ended and the session
// is detached.
func (s *socket) run(ctx context.Context, cfg Config, connect connectFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() { s.write(ctx); cancel() })
	others.Go(func() { s.probe(ctx, cfg.PingEvery) })

	s.serve(ctx, cfg, connect)

	s.hangUp()
	others.Wait()
	cancel()
	_ = s.conn.CloseNow() // already closed on most ways here
}

// serve reads the hello and then every message, until the client or the session ends it.
func (s *socket) serve(ctx context.Context, cfg Config, connect connectFunc) {
	late := time.AfterFunc(cfg.HelloTimeout, func() {
		s.end(signal.CodeBadMessage, "No hello arrived in time.")
	})
	hello, err := s.read(ctx)
	late.Stop()
	if err == nil && hello.Type != signal.Hello {
		err = errors.New("the first message must be hello")
	}
	if err != nil {
		s.refuse(err)
		return
	}
	session, err := connect(ctx, hello, s)
	if err != nil {
		s.end(s.connectProblem(err))
		return
	}
	defer session.Detach()
	s.listen(ctx, cfg, session)
}

// listen passes messages to the session.
func (s *socket) listen(ctx context.Context, cfg Config, session Session) {
	allowance := rate.NewLimiter(rate.Limit(cfg.MessagesPerSecond), burst*cfg.MessagesPerSecond)
	for {
		m, err := s.read(ctx)
		if err != nil {
			s.refuse(err)
			return
		}
		if s.ending() {
			return // what a client says after its last words were queued no longer counts
		}
		if !allowance.Allow() {
			s.end(signal.CodeFlood, "Your client sent too many messages.")
			return
		}
		switch m.Type {
		case signal.Hello:
			s.end(signal.CodeBadMessage, "A second hello on one connection.")
			return
		case signal.Ping:
			_ = s.Send(signal.ServerMessage{Type: signal.Pong}) // ErrClosed: the next read ends as well
			continue
		}
		if err := session.Handle(ctx, m); err != nil {
			s.end(s.handleProblem(err))
			return
		}
		if m.Type == signal.Leave {
			return
		}
	}
}

// errLost says that the connection ended below our messages: closed by the client, or lost.
var errLost = errors.New("signalling connection lost")

// read returns the next message, errLost, or what is wrong with what came.
func (s *socket) read(ctx context.Context) (signal.ClientMessage, error) {
	kind, r, err := s.conn.Reader(ctx)
	if err != nil {
		return signal.ClientMessage{}, errLost
	}
	if kind != websocket.MessageText {
		return signal.ClientMessage{}, errors.New("messages must be text")
	}
	b, err := io.ReadAll(io.LimitReader(r, signal.MaxMessage+1)) // ParseClient refuses the byte too many
	if err != nil {
		return signal.ClientMessage{}, errLost
	}
	return signal.ParseClient(b)
}

// refuse ends the connection for what the client sent.
func (s *socket) refuse(err error) {
	if !errors.Is(err, errLost) {
		s.end(signal.CodeBadMessage, "Your client sent a message that the server does not understand: "+shorten(err.Error()))
	}
}

// shorten bounds what we repeat of a foreign message.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// connectProblem tells a client why it has no session.
func (s *socket) connectProblem(err error) (code, message string) {
	var told *CloseError
	switch {
	case errors.As(err, &told):
		return told.Code, told.Message
	case errors.Is(err, ErrBadToken):
		return signal.CodeBadToken, "The server does not know this token. Open the room's link again."
	case errors.Is(err, ErrExpiredToken):
		return signal.CodeExpired, "You were away for too long. Join again."
	case errors.Is(err, ErrMeetingEnded):
		return signal.CodeEnded, "The meeting has ended."
	case errors.Is(err, ErrRefused), errors.Is(err, ErrOverloaded):
		return signal.CodeRefused, "The server takes nobody more now. Try again later."
	case errors.Is(err, ErrRoomFull):
		return signal.CodeFull, "The meeting is full. Try again when somebody has left."
	case errors.Is(err, ErrRemoved):
		return signal.CodeRemoved, "An organizer removed you from this meeting."
	case errors.Is(err, ErrLocked):
		return signal.CodeLocked, "The meeting is locked: nobody new comes in."
	case errors.Is(err, ErrLobbyFull):
		return signal.CodeLobbyFull, "Too many people wait to be let in. Try again in a few minutes."
	case errors.Is(err, ErrNotAdmitted), errors.Is(err, ErrNotMember):
		return signal.CodeNotAdmitted, "An organizer did not let you in."
	}
	s.log.Error("could not connect a participant", "error", err)
	return signal.CodeShutdown, "The server could not open the meeting; trying again."
}

// handleProblem tells a client why its message ended the connection.
func (s *socket) handleProblem(err error) (code, message string) {
	var told *CloseError
	if errors.As(err, &told) {
		return told.Code, told.Message
	}
	s.log.Warn("participant's message refused", "error", err)
	return signal.CodeBadMessage, "Your client sent a message that the server could not act on."
}

// write sends queued messages until the queue is closed, then the last words, and closes the connection.
func (s *socket) write(ctx context.Context) {
	for m := range s.out {
		if err := s.writeOne(ctx, m); err != nil {
			s.hangUp()
			_ = s.conn.CloseNow()
			return
		}
	}
	select {
	case m := <-s.last:
		if s.writeOne(ctx, m) == nil {
			_ = s.conn.Close(websocket.StatusPolicyViolation, m.Code)
			return
		}
	default:
		_ = s.conn.Close(websocket.StatusNormalClosure, "")
	}
	_ = s.conn.CloseNow()
}

func (s *socket) writeOne(ctx context.Context, m signal.ServerMessage) error {
	b, err := json.Marshal(m)
	if err != nil {
		s.log.Error("message does not marshal", "type", m.Type, "error", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, b)
}

// probe finds out that a silent connection is dead, long before TCP does.
func (s *socket) probe(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		answer, cancel := context.WithTimeout(ctx, every)
		err := s.conn.Ping(answer)
		cancel()
		if err != nil {
			_ = s.conn.CloseNow()
			return
		}
	}
}
