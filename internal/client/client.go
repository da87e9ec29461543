// Package client is a scripted participant: it joins a room as a browser does (HTTP, signalling WebSocket, two peer
// connections, data channels), sends an Opus recording at real speed and collects every caption it is shown. The
// command `souffleur join`, the benches and the integration tests use it. It comes back by itself when the server
// restarts, as the browser client does.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// Config says whom to join and as whom.
type Config struct {
	URL   string // the room's link: http(s)://host/r/<room>
	Name  string
	Token string // API token, for a role beyond guest; may be empty
	Log   *slog.Logger

	// E2EE tells the server that what this participant sends is encrypted end to end, as rooms with that setting want it.
	// The client itself encrypts and decrypts nothing.
	E2EE bool
	// OptOut asks not to be transcribed, from the first packet on.
	OptOut bool
	// RoomMic says that several people share the microphone; Headcount is how many, 0 if that is not known.
	RoomMic   bool
	Headcount int
	// Media is called with each media packet received, from several goroutines, until Close returns; it must not keep the
	// packet. nil: received media is dropped.
	Media func(kind webrtc.RTPCodecType, packet *rtp.Packet)
}

// Received is a caption message with the time it came.
type Received struct {
	Caption meeting.Caption
	Speaker string // the speaker's name in the roster
	At      time.Time
}

// Client is one participant. Make it with Join, end it with Close.
type Client struct {
	cfg    Config
	base   *url.URL
	room   string
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	track  *webrtc.TrackLocalStaticRTP // the microphone; bound anew to the uplink of each connection

	// captions is bounded; when its reader is slow, partials are dropped first and finals wait.
	captions chan Received
	ended    chan struct{} // closed when the server has ended the connection for good
	gone     error         // why; read after ended is closed

	speaking sync.Mutex // guards sent; held while a recording is sent
	sent     rtpClock

	mu        sync.Mutex // guards what follows
	token     string
	welcome   signal.WelcomeInfo
	names     map[meeting.ParticipantID]string
	ai        signal.AIState
	aiChanged chan struct{} // closed and replaced at each change of ai
	conn      *connection   // nil while reconnecting
	connected chan struct{} // closed when the uplink of conn is up; replaced with conn
	active    bool          // the microphone is on
}

// Join joins the room and returns once the server has welcomed the participant and the media path stands.
func Join(ctx context.Context, cfg Config) (*Client, error) {
	base, room, err := parseRoomURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
	}, "audio", "mic")
	if err != nil {
		return nil, fmt.Errorf("make microphone track: %w", err)
	}
	c := &Client{
		cfg: cfg, base: base, room: room, track: track,
		captions: make(chan Received, 1024), ended: make(chan struct{}),
		names: make(map[meeting.ParticipantID]string), aiChanged: make(chan struct{}), connected: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if c.token, err = c.admit(ctx); err != nil {
		c.cancel()
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		c.cancel()
		return nil, fmt.Errorf("join %s: %w", room, err)
	}
	c.wg.Add(1)
	go func() { defer c.wg.Done(); c.stay(conn) }()
	return c, nil
}

// ErrURL says that a link is not a room's link.
var ErrURL = errors.New("not the link of a room: it looks like http://host/r/bcd-fghj-kmnp")

func parseRoomURL(link string) (base *url.URL, room string, err error) {
	u, err := url.Parse(link)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, "", fmt.Errorf("%q: %w", link, ErrURL)
	}
	room, ok := strings.CutPrefix(u.Path, "/r/")
	if !ok || !meeting.RoomID(room).Valid() {
		return nil, "", fmt.Errorf("%q: %w", link, ErrURL)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, room, nil
}

// noticeVersion says with which text about the AI a scripted participant joins: it reads none.
const noticeVersion = "script"

// noticeTries is how often admit looks again what the AI does, when that has changed before it could join.
const noticeTries = 3

// admit asks for a place in the room and returns the token for hello. It looks first what the AI does there, and says that it
// knows.
func (c *Client) admit(ctx context.Context) (string, error) {
	for try := 1; ; try++ {
		notice, err := c.notice(ctx)
		if err != nil {
			return "", err
		}
		token, err := c.ask(ctx, notice)
		if errors.Is(err, errNotice) && try < noticeTries {
			continue
		}
		return token, err
	}
}

// notice asks what the AI does in the room.
func (c *Client) notice(ctx context.Context) (meeting.Notice, error) {
	var room struct {
		EffectiveLevel meeting.Level `json:"effective_level"`
		KeepsAudio     bool          `json:"keeps_audio"`
		refusal
	}
	status, err := c.call(ctx, http.MethodGet, "", nil, &room)
	if err != nil {
		return meeting.Notice{}, fmt.Errorf("look at the room: %w", err)
	}
	if status != http.StatusOK {
		return meeting.Notice{}, fmt.Errorf("the server refused: %s (%d)", room.Detail, status)
	}
	return meeting.Notice{Version: noticeVersion, Level: room.EffectiveLevel, Sound: room.KeepsAudio}, nil
}

// errNotice says that the AI does more by now than the notice says.
var errNotice = errors.New("the AI does more by now")

// ask asks for a place in the room.
func (c *Client) ask(ctx context.Context, notice meeting.Notice) (string, error) {
	body, err := json.Marshal(map[string]any{
		"name": c.cfg.Name, "e2ee": c.cfg.E2EE, "opt_out": c.cfg.OptOut, "notice": notice.String(),
		"room_mic": c.cfg.RoomMic, "headcount": c.cfg.Headcount,
	})
	if err != nil {
		return "", fmt.Errorf("encode join request: %w", err)
	}
	var answer struct {
		Token string
		refusal
	}
	status, err := c.call(ctx, http.MethodPost, "join", body, &answer)
	switch {
	case err != nil:
		return "", fmt.Errorf("ask for a place in the room: %w", err)
	case status == http.StatusOK:
		return answer.Token, nil
	case strings.HasSuffix(answer.Type, ":notice-needed"):
		return "", errNotice
	}
	return "", fmt.Errorf("the server refused: %s (%d)", answer.Detail, status)
}

// refusal is a problem as the API writes it (RFC 9457).
type refusal struct{ Type, Detail string }

// call asks the API about the room.
func (c *Client) call(ctx context.Context, method, what string, body []byte, answer any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath("api/v1/rooms", c.room, what).String(), bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, signal.MaxMessage)).Decode(answer); err != nil {
		return 0, fmt.Errorf("read answer (%s): %w", res.Status, err)
	}
	return res.StatusCode, nil
}

// connect opens a signalling connection and returns once its uplink stands.
func (c *Client) connect(ctx context.Context) (*connection, error) {
	ws, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := newConnection(c, ws)
	if err := conn.hello(ctx); err != nil {
		conn.close()
		return nil, err
	}
	conn.wg.Add(1)
	go func() { defer conn.wg.Done(); conn.read() }()
	if err := conn.publish(ctx); err != nil {
		conn.close()
		return nil, err
	}
	select {
	case <-conn.up:
	case <-ctx.Done():
		conn.close()
		return nil, fmt.Errorf("media did not connect: %w", ctx.Err())
	case <-conn.done:
		conn.close()
		return nil, fmt.Errorf("signalling ended before media connected: %w", conn.failure())
	}
	c.mu.Lock()
	c.conn = conn
	close(c.connected)
	active := c.active
	c.mu.Unlock()
	if active {
		conn.send(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: true})
	}
	return conn, nil
}

func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	target := *c.base.JoinPath("api/v1/signal")
	target.Scheme = strings.Replace(target.Scheme, "http", "ws", 1)
	ws, res, err := websocket.Dial(ctx, target.String(), nil)
	if res != nil && res.Body != nil {
		res.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("open signalling: %w", err)
	}
	ws.SetReadLimit(4 * signal.MaxMessage) // a welcome carries the whole roster
	return ws, nil
}

// stay keeps the participant in the meeting until Close, or until the server says not to come back.
func (c *Client) stay(conn *connection) {
	defer close(c.ended)
	for {
		select {
		case <-c.ctx.Done():
			conn.close()
			return
		case <-conn.done:
		}
		conn.close()
		c.mu.Lock()
		c.conn, c.connected = nil, make(chan struct{})
		c.mu.Unlock()
		if final := conn.final(); final != nil {
			c.gone = final
			return
		}
		var err error
		if conn, err = c.reconnect(); err != nil {
			c.gone = err
			return
		}
	}
}

// reconnectFor is how long a client tries to come back.
const reconnectFor = 2 * time.Minute

func (c *Client) reconnect() (*connection, error) {
	ctx, cancel := context.WithTimeout(c.ctx, reconnectFor)
	defer cancel()
	wait := 200 * time.Millisecond
	for {
		attempt, stop := context.WithTimeout(ctx, 15*time.Second)
		conn, err := c.connect(attempt)
		stop()
		if err == nil {
			return conn, nil
		}
		var refused *Gone
		if errors.As(err, &refused) && refused.Final() {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("come back to the meeting: %w", err)
		case <-time.After(wait):
		}
		wait = min(wait*2, 3*time.Second)
	}
}

// Welcome returns the state the server gave at the last connect.
func (c *Client) Welcome() signal.WelcomeInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome
}

// Connected says whether signalling and uplink stand at this moment.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn != nil
}

// AI returns the AI state of the room, and a channel that is closed when it changes.
func (c *Client) AI() (signal.AIState, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ai, c.aiChanged
}

// Captions delivers every caption message, partials and finals, in the order they came.
func (c *Client) Captions() <-chan Received { return c.captions }

// Ended is closed when the participant is out of the meeting for good; Err then says why.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// Err returns why the server ended the connection, or nil. Read it after Ended is closed.
func (c *Client) Err() error { return c.gone }

// Close leaves the meeting and frees everything.
func (c *Client) Close() {
	c.send(signal.ClientMessage{Type: signal.Leave})
	c.cancel()
	c.wg.Wait()
}

// OptOut asks not to be transcribed, or takes it back.
func (c *Client) OptOut(out bool) { c.send(signal.ClientMessage{Type: signal.OptOut, OptOut: out}) }

// SetMicrophone switches the microphone on or off, as the button does.
func (c *Client) SetMicrophone(on bool) {
	c.mu.Lock()
	c.active = on
	c.mu.Unlock()
	c.send(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: on})
}

func (c *Client) send(m signal.ClientMessage) {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		conn.send(m)
	}
}

func (c *Client) name(s meeting.SpeakerID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names[s.Participant()]
}

// deliver queues a caption. Partials give way when the reader is slow; a final waits.
func (c *Client) deliver(b []byte) {
	var caption meeting.Caption
	if json.Unmarshal(b, &caption) != nil {
		return
	}
	r := Received{Caption: caption, Speaker: c.name(caption.Spk), At: time.Now()}
	select {
	case c.captions <- r:
	default:
		if caption.Final {
			select {
			case c.captions <- r:
			case <-c.ctx.Done():
			}
		}
	}
}
