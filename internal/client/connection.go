package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// Gone is the server's word that a connection is over.
type Gone struct {
	Code    string
	Message string
}

// Error implements error.
func (g *Gone) Error() string { return fmt.Sprintf("%s (%s)", g.Message, g.Code) }

// Final says whether coming back makes no sense.
func (g *Gone) Final() bool { return g.Code != signal.CodeShutdown && g.Code != signal.CodeSlow }

// connection is one signalling connection with its two peer connections.
type connection struct {
	c    *Client
	ws   *websocket.Conn
	wg   sync.WaitGroup
	up   chan struct{} // closed when the uplink is connected
	done chan struct{} // closed when the read loop has ended

	mu  sync.Mutex // guards what follows
	pcs struct{ up, down *webrtc.PeerConnection }
	// candidates wait for the remote description of their peer connection; bounded by the server's own limits.
	candidates map[string][]webrtc.ICECandidateInit
	described  map[string]bool
	gone       *Gone
	err        error
}

func newConnection(c *Client, ws *websocket.Conn) *connection {
	return &connection{
		c: c, ws: ws, up: make(chan struct{}), done: make(chan struct{}),
		candidates: make(map[string][]webrtc.ICECandidateInit), described: make(map[string]bool),
	}
}

// hello says who we are and reads the welcome.
func (n *connection) hello(ctx context.Context) error {
	n.c.mu.Lock()
	token := n.c.token
	n.c.mu.Unlock()
	if err := n.write(ctx, signal.ClientMessage{Type: signal.Hello, Token: token}); err != nil {
		return err
	}
	m, err := n.firstWord(ctx)
	if err != nil {
		return fmt.Errorf("wait for the welcome: %w", err)
	}
	if m.Type == signal.Gone {
		return &Gone{Code: m.Code, Message: m.Message}
	}
	if m.Type != signal.Welcome || m.Welcome == nil {
		return fmt.Errorf("the server began with %q instead of a welcome", m.Type)
	}
	n.welcomed(*m.Welcome)
	return nil
}

// firstWord returns the welcome, or what came instead, once the participant waits at the door no more.
func (n *connection) firstWord(ctx context.Context) (signal.ServerMessage, error) {
	for {
		var m signal.ServerMessage
		if err := n.receive(ctx, &m); err != nil || m.Type != signal.Waiting || m.Waiting == nil {
			return m, err
		}
		n.c.mu.Lock()
		n.c.token = m.Waiting.Token // keeps the place, should the connection be lost
		n.c.mu.Unlock()
		n.c.cfg.Log.Info("waiting to be let in", "organizer_present", m.Waiting.Organizer)
	}
}

func (n *connection) welcomed(w signal.WelcomeInfo) {
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.welcome, c.token, c.ai = w, w.Token, w.AI
	for _, p := range w.Peers {
		c.names[p.Participant] = p.Name
	}
	close(c.aiChanged)
	c.aiChanged = make(chan struct{})
}

func (n *connection) receive(ctx context.Context, m *signal.ServerMessage) error {
	_, b, err := n.ws.Read(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, m)
}

func (n *connection) write(ctx context.Context, m signal.ClientMessage) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.Type, err)
	}
	if err := n.ws.Write(ctx, websocket.MessageText, b); err != nil {
		return fmt.Errorf("send %s: %w", m.Type, err)
	}
	return nil
}

// send writes a message; a failure shows in the read loop.
func (n *connection) send(m signal.ClientMessage) {
	ctx, cancel := context.WithTimeout(n.c.ctx, 5*time.Second)
	defer cancel()
	if err := n.write(ctx, m); err != nil {
		n.c.cfg.Log.Debug("signalling message not sent", "type", m.Type, "err", err)
	}
}

// read handles server messages until the connection ends.
func (n *connection) read() {
	defer close(n.done)
	err := n.readAll()
	n.mu.Lock()
	n.err = err
	n.mu.Unlock()
}

func (n *connection) readAll() error {
	for {
		var m signal.ServerMessage
		if err := n.receive(n.c.ctx, &m); err != nil {
			return fmt.Errorf("read signalling: %w", err)
		}
		if err := n.handle(m); err != nil {
			return err
		}
	}
}

func (n *connection) handle(m signal.ServerMessage) error {
	switch m.Type {
	case signal.Offer:
		return n.answer(m.SDP)
	case signal.Answer:
		return n.describe(signal.Up, webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP})
	case signal.Candidate:
		return n.candidate(m)
	case signal.Joined, signal.Changed:
		n.rosterChanged(m)
	case signal.AI:
		n.aiChanged(m)
	case signal.Caption:
		n.captioned(m)
	case signal.Gone:
		n.mu.Lock()
		n.gone = &Gone{Code: m.Code, Message: m.Message}
		n.mu.Unlock()
		return n.gone
	case signal.Fault:
		n.c.cfg.Log.Warn("the server refused something", "code", m.Code, "message", m.Message)
	}
	return nil
}

func (n *connection) rosterChanged(m signal.ServerMessage) {
	if m.Peer == nil {
		return
	}
	n.c.mu.Lock()
	defer n.c.mu.Unlock()
	n.c.names[m.Peer.Participant] = m.Peer.Name
}

func (n *connection) aiChanged(m signal.ServerMessage) {
	if m.AI == nil {
		return
	}
	c := n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ai = *m.AI
	close(c.aiChanged)
	c.aiChanged = make(chan struct{})
}

func (n *connection) captioned(m signal.ServerMessage) {
	if m.Caption == nil {
		return
	}
	if b, err := json.Marshal(m.Caption); err == nil {
		n.c.deliver(b)
	}
}

// final returns the server's last word if it forbids coming back.
func (n *connection) final() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone != nil && n.gone.Final() {
		return n.gone
	}
	return nil
}

func (n *connection) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone != nil {
		return n.gone
	}
	return n.err
}

// close ends the connection and waits for everything it started.
func (n *connection) close() {
	n.ws.Close(websocket.StatusNormalClosure, "")
	n.mu.Lock()
	up, down := n.pcs.up, n.pcs.down
	n.mu.Unlock()
	var errs []error
	if up != nil {
		errs = append(errs, up.GracefulClose())
	}
	if down != nil {
		errs = append(errs, down.GracefulClose())
	}
	if err := errors.Join(errs...); err != nil {
		n.c.cfg.Log.Debug("close peer connections", "err", err)
	}
	n.wg.Wait()
}
