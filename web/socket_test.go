package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"souffleur/internal/signal"
)

// patience is how long a test waits for what must happen. Nothing is asserted about how fast it does.
const patience = 20 * time.Second

// peer is a client on a signalling connection.
type peer struct {
	t    testing.TB
	conn *websocket.Conn
}

// dial opens a signalling connection, without a hello.
func (s *site) dial() *peer {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), s.http.URL+basePath+"/signal", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	return &peer{t: s.t, conn: conn}
}

func (p *peer) say(message string) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the server's next message.
func (p *peer) hear() signal.ServerMessage {
	p.t.Helper()
	m, err := p.read()
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *peer) read() (m signal.ServerMessage, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, b, err := p.conn.Read(ctx)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

// gone reads on to the server's last words and the close after them, and returns their code.
func (p *peer) gone() string {
	p.t.Helper()
	for {
		m := p.hear()
		if m.Type != signal.Gone {
			continue
		}
		if m.Message == "" {
			p.t.Error("the last words say nothing")
		}
		if _, err := p.read(); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			p.t.Errorf("after the last words: %v", err)
		}
		return m.Code
	}
}

// play makes the server open a fakeSession for each hello and hands them out in order.
func (s *site) play(change ...func(*fakeSession)) <-chan *fakeSession {
	sessions := make(chan *fakeSession, 1000)
	s.live.onConnect(func(_ context.Context, _ signal.ClientMessage, out Outbox) (Session, error) {
		session := newFakeSession(out)
		for _, c := range change {
			c(session)
		}
		sessions <- session
		return session, out.Send(signal.ServerMessage{Type: signal.Welcome, Welcome: &signal.WelcomeInfo{Participant: "p1"}})
	})
	return sessions
}

// join dials, says hello and hears the welcome.
func (s *site) join() *peer {
	s.t.Helper()
	p := s.dial()
	p.say(`{"type":"hello","token":"place"}`)
	if m := p.hear(); m.Type != signal.Welcome || m.Welcome.Participant != "p1" {
		s.t.Fatalf("welcomed with %+v", m)
	}
	return p
}

// wait returns the next value of a channel, or fails.
func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// ended waits until the session was detached.
func (s *fakeSession) ended(t testing.TB) {
	t.Helper()
	select {
	case <-s.detached:
	case <-time.After(patience):
		t.Fatal("the session was never detached")
	}
}

func TestConversation(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	p := s.join()
	session := wait(t, sessions, "a session")

	for i := range 30 {
		p.say(fmt.Sprintf(`{"type":"candidate","pc":"up","candidate":{"candidate":"%d"}}`, i))
	}
	for i := range 30 {
		m := wait(t, session.handled, "a message")
		if m.Type != signal.Candidate || m.Candidate.Candidate != fmt.Sprint(i) {
			t.Fatalf("message %d is %+v", i, m)
		}
	}
	p.say(`{"type":"ping"}`)
	if m := p.hear(); m.Type != signal.Pong {
		t.Errorf("ping is answered by %s", m.Type)
	}
	for i := range 50 {
		if err := session.out.Send(signal.ServerMessage{Type: signal.Left, Code: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		if m := p.hear(); m.Code != fmt.Sprint(i) {
			t.Fatalf("message %d arrived as %s", i, m.Code)
		}
	}
	p.say(`{"type":"leave"}`)
	if m := wait(t, session.handled, "the leave"); m.Type != signal.Leave {
		t.Errorf("got %s, and ping is not for the session", m.Type)
	}
	if _, err := p.read(); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after leaving: %v", err)
	}
	session.ended(t)
	if err := session.out.Send(signal.ServerMessage{Type: signal.Pong}); !errors.Is(err, ErrClosed) {
		t.Errorf("sending after the end: %v", err)
	}
}

func TestClientThatVanishesIsDetached(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	p := s.join()
	session := wait(t, sessions, "a session")
	_ = p.conn.CloseNow()
	session.ended(t)
}

// TestHostileClientHurtsOnlyItself sends what must not be accepted, while another participant is in the same meeting.
func TestHostileClientHurtsOnlyItself(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	bystander := s.join()
	wait(t, sessions, "the bystander's session")
	hello := `{"type":"hello","token":"place"}`
	huge := `{"type":"answer","sdp":"` + strings.Repeat("x", signal.MaxMessage) + `"}`
	text, binary := websocket.MessageText, websocket.MessageBinary
	for _, c := range []struct {
		name    string
		welcome bool // whether a proper hello goes before
		kind    websocket.MessageType
		message string
		code    string
	}{
		{"no JSON", true, text, "{", signal.CodeBadMessage},
		{"unknown type", true, text, `{"type":"party"}`, signal.CodeBadMessage},
		{"damaged text", true, text, "{\"type\":\"\xff\"}", signal.CodeBadMessage},
		{"nothing", true, text, "", signal.CodeBadMessage},
		{"oversize", true, text, huge, signal.CodeBadMessage},
		{"far oversize", true, text, strings.Repeat("x", 20*signal.MaxMessage), signal.CodeBadMessage},
		{"deep nesting", true, text, strings.Repeat(`{"a":`, 10_000), signal.CodeBadMessage},
		{"binary", true, binary, `{"type":"ping"}`, signal.CodeBadMessage},
		{"a second hello", true, text, hello, signal.CodeBadMessage},
		{"no hello", false, text, `{"type":"ping"}`, signal.CodeBadMessage},
		{"hello without token", false, text, `{"type":"hello"}`, signal.CodeBadMessage},
		{"oversize hello", false, text, huge, signal.CodeBadMessage},
		{"binary hello", false, binary, hello, signal.CodeBadMessage},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.dial()
			if c.welcome {
				p = s.join()
			}
			// A far too long message may be cut off by the server's close before it is all sent.
			_ = p.conn.Write(t.Context(), c.kind, []byte(c.message))
			if code := p.gone(); code != c.code {
				t.Errorf("closed with %s, want %s", code, c.code)
			}
			if c.welcome {
				session := wait(t, sessions, "a session")
				session.ended(t)
				if len(session.handled) != 0 {
					t.Errorf("the session was handed %+v", <-session.handled)
				}
			}
		})
	}
	bystander.say(`{"type":"ping"}`)
	if m := bystander.hear(); m.Type != signal.Pong {
		t.Errorf("the bystander heard %+v", m)
	}
}

func TestFlood(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MessagesPerSecond = 1 })
	s.play()
	p := s.join()
	for range 3 * burst {
		if p.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"restart"}`)) != nil {
			break // closed already
		}
	}
	if code := p.gone(); code != signal.CodeFlood {
		t.Errorf("closed with %s", code)
	}
}

func TestLateHello(t *testing.T) {
	s := newSite(t, func(c *Config) { c.HelloTimeout = 20 * time.Millisecond })
	if code := s.dial().gone(); code != signal.CodeBadMessage {
		t.Errorf("closed with %s", code)
	}
}

func TestConnectRefused(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		err  error
		code string
	}{
		{fmt.Errorf("connect: %w", ErrBadToken), signal.CodeBadToken},
		{ErrExpiredToken, signal.CodeExpired},
		{ErrMeetingEnded, signal.CodeEnded},
		{ErrRefused, signal.CodeRefused},
		{ErrRoomFull, signal.CodeFull},
		{ErrRemoved, signal.CodeRemoved},
		{ErrLocked, signal.CodeLocked},
		{ErrLobbyFull, signal.CodeLobbyFull},
		{ErrNotAdmitted, signal.CodeNotAdmitted},
		{&CloseError{Code: "custom", Message: "Because."}, "custom"},
		{errors.New("no answer from 10.0.0.1"), signal.CodeShutdown},
	} {
		s.live.onConnect(func(context.Context, signal.ClientMessage, Outbox) (Session, error) { return nil, c.err })
		p := s.dial()
		p.say(`{"type":"hello","token":"x"}`)
		if code := p.gone(); code != c.code {
			t.Errorf("%v closed with %s, want %s", c.err, code, c.code)
		}
	}
	if !strings.Contains(s.log.String(), "10.0.0.1") {
		t.Error("the failure is not in the log")
	}
}

func TestTheSessionIsToldWhatTheClientStillHas(t *testing.T) {
	s := newSite(t)
	hellos := make(chan signal.ClientMessage, 1)
	s.live.onConnect(func(_ context.Context, hello signal.ClientMessage, _ Outbox) (Session, error) {
		hellos <- hello
		return nil, ErrRefused
	})
	p := s.dial()
	p.say(`{"type":"hello","token":"place","keep":true,"media":"0f3a9c1e5b7d2846"}`)
	if h := wait(t, hellos, "a hello"); h.Token != "place" || !h.Keep || h.Media != "0f3a9c1e5b7d2846" {
		t.Errorf("the session was told %+v", h)
	}
	p.gone()
}

func TestSessionClosesTheConnection(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		err  error
		code string
	}{
		{fmt.Errorf("offer: %w", &CloseError{Code: signal.CodeBadSDP, Message: "The offer cannot be read."}), signal.CodeBadSDP},
		{errors.New("something else"), signal.CodeBadMessage},
	} {
		sessions := s.play(func(f *fakeSession) { f.answer = func(signal.ClientMessage) error { return c.err } })
		p := s.join()
		p.say(`{"type":"restart"}`)
		if code := p.gone(); code != c.code {
			t.Errorf("%v closed with %s, want %s", c.err, code, c.code)
		}
		wait(t, sessions, "a session").ended(t)
	}
}

func TestGoneIsTheLastMessage(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	p := s.join()
	session := wait(t, sessions, "a session")
	out := session.out
	must := func(m signal.ServerMessage) {
		t.Helper()
		if err := out.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	must(signal.ServerMessage{Type: signal.Pong})
	must(signal.ServerMessage{Type: signal.Gone, Code: signal.CodeEnded, Message: "The meeting was ended."})
	if err := out.Send(signal.ServerMessage{Type: signal.Pong}); !errors.Is(err, ErrClosed) {
		t.Errorf("sending after gone: %v", err)
	}
	if m := p.hear(); m.Type != signal.Pong {
		t.Errorf("what was queued before is lost: heard %+v", m)
	}
	if code := p.gone(); code != signal.CodeEnded {
		t.Errorf("closed with %s", code)
	}
	session.ended(t)
}

func TestSlowClient(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	p := s.join()
	session := wait(t, sessions, "a session")
	bystander := s.join()
	// The client reads nothing until the server has given up on it. Nothing blocks the sender meanwhile.
	heavy := signal.ServerMessage{Type: signal.Offer, SDP: strings.Repeat("x", 60_000)}
	var err error
	for range 100_000 { // far more than the system's buffers hold
		if err = session.out.Send(heavy); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrClosed) {
		t.Fatalf("sending to a client that does not read: %v", err)
	}
	if code := p.gone(); code != signal.CodeSlow {
		t.Errorf("closed with %s", code)
	}
	session.ended(t)
	bystander.say(`{"type":"ping"}`)
	if m := bystander.hear(); m.Type != signal.Pong {
		t.Errorf("the bystander heard %+v", m)
	}
}

func TestDeadClientIsNoticed(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PingEvery = 30 * time.Millisecond })
	sessions := s.play()
	s.join() // and never reads again, so no probe is answered
	wait(t, sessions, "a session").ended(t)
}

func TestShutdownTellsClientsToComeBack(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	joined, early := s.join(), s.dial()
	session := wait(t, sessions, "a session")

	done := make(chan error, 1)
	go func() { done <- s.web.Shutdown(t.Context()) }()
	for name, p := range map[string]*peer{"joined": joined, "before its hello": early} {
		if code := p.gone(); code != signal.CodeShutdown {
			t.Errorf("%s: closed with %s", name, code)
		}
	}
	if err := wait(t, done, "the shutdown"); err != nil {
		t.Error(err)
	}
	session.ended(t)
	_, res, err := websocket.Dial(t.Context(), s.http.URL+basePath+"/signal", nil)
	if err == nil || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("a new connection got %v", res)
	}
}

func TestShutdownCutsClientsThatDoNotAnswer(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	s.join() // and never reads the close
	session := wait(t, sessions, "a session")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.web.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-session.detached:
	default:
		t.Error("Shutdown returned before the connection had ended")
	}
}

func TestWhoMayOpenTheSocket(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PublicURL = "https://meet.example.org" })
	for _, c := range []struct {
		name, origin string
		status       int
	}{
		{"our page", s.http.URL, http.StatusSwitchingProtocols},
		{"our page behind a proxy", "https://meet.example.org", http.StatusSwitchingProtocols},
		{"a program", "", http.StatusSwitchingProtocols},
		{"another site", "https://evil.example", http.StatusForbidden},
		{"our host without TLS", "http://meet.example.org", http.StatusForbidden},
		{"a host that looks alike", "https://meet.example.org.evil.example", http.StatusForbidden},
		{"a sandboxed frame", "null", http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			conn, res, err := websocket.Dial(t.Context(), s.http.URL+basePath+"/signal", &websocket.DialOptions{HTTPHeader: header})
			if err == nil {
				_ = conn.CloseNow()
			}
			if res.StatusCode != c.status {
				t.Errorf("got %d, want %d", res.StatusCode, c.status)
			}
		})
	}
	if a := s.browser().do(http.MethodGet, "/signal", nil); a.status != http.StatusUpgradeRequired {
		t.Errorf("an ordinary request answered %d", a.status)
	}
}

func TestSocketsAreLimited(t *testing.T) {
	s := newSite(t, func(c *Config) { c.MaxSockets, c.JoinsPerMinute = 2, 1 })
	s.play()
	status := func() int {
		conn, res, err := websocket.Dial(t.Context(), s.http.URL+basePath+"/signal", nil)
		if err == nil {
			t.Cleanup(func() { _ = conn.CloseNow() })
		}
		return res.StatusCode
	}
	for i, want := range []int{101, 101, 503, 503, 429} {
		if got := status(); got != want {
			t.Errorf("connection %d got %d, want %d", i, got, want)
		}
	}
}

func TestManyTalkAtOnce(t *testing.T) {
	s := newSite(t)
	sessions := s.play()
	const people, each = 20, 50
	peers := make([]*peer, people)
	outs := make([]Outbox, people)
	for i := range peers {
		peers[i] = s.join()
		outs[i] = wait(t, sessions, "a session").out
	}
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			for range each {
				outs[i].Send(signal.ServerMessage{Type: signal.Joined})
				outs[(i+1)%people].Send(signal.ServerMessage{Type: signal.Left})
			}
		})
		all.Go(func() {
			for range 2 * each {
				if _, err := peers[i].read(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
