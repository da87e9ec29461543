package web

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config says how the HTTP side behaves. [DefaultConfig] has working values; the listener and its certificates belong to
// the caller.
type Config struct {
	// PublicURL is where browsers reach the server, without a path ("https://meet.example.org"). Links are made with it
	// and its origin may open the WebSocket. Empty: taken from each request, which is right without a proxy.
	PublicURL string
	// TrustedProxies are the proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Behind a proxy that is not
	// named here, everybody counts as one client and cookies are not marked Secure; naming an address that clients can
	// use lets them choose the address that rate limits count.
	TrustedProxies []netip.Prefix
	// APIToken lets programs act as admin with "Authorization: Bearer". At least 20 bytes; empty: nobody can.
	APIToken string
	// Version is what GET /me tells.
	Version string
	// Engines are the names of the speech engines that an admin may choose for a room.
	Engines []string

	// SessionLife is how long the session of a guest or an organizer lasts, counted from its start.
	SessionLife time.Duration
	// AdminLife is how long the session of an admin lasts, counted from the use of the admin link.
	AdminLife time.Duration

	// RoomsPerHour is how many rooms one client address may make in an hour. An IPv6 client counts by its /64.
	RoomsPerHour int
	// JoinsPerMinute is how many times people behind one client address may join in a minute. A school behind one
	// address joins at the same time, so it is generous.
	JoinsPerMinute int
	// SignInsPerMinute is how many one-time links and organizer links one client address may try in a minute.
	SignInsPerMinute int
	// SearchesPerMinute is how many searches people behind one client address may make in a minute.
	SearchesPerMinute int

	// UploadDir is the folder for recordings while they are transcribed. Only this server may use it: what is left there of an
	// earlier run is removed. Needed with a Transcriber.
	UploadDir string
	// MaxUpload is the longest recording that is taken, in bytes.
	MaxUpload int64
	// TranscriptionsWaiting is how many requests may wait while one recording is transcribed; more are refused with 429.
	TranscriptionsWaiting int

	// MaxSockets is how many signalling connections the server holds at once; more are refused with 503.
	MaxSockets int
	// HelloTimeout is how long a new signalling connection may wait with its hello.
	HelloTimeout time.Duration
	// PingEvery is how often an idle signalling connection is probed; it is lost when a probe is not answered for as long.
	PingEvery time.Duration
	// MessagesPerSecond is the steady rate of messages one client may send; bursts may be ten times as long.
	MessagesPerSecond int

	// OIDC is the identity provider at which people sign in.
	OIDC OIDC
	// SignInLife is how long a sign-in with the identity provider lasts.
	SignInLife time.Duration
}

// DefaultConfig returns the configuration of a server that is reached directly.
func DefaultConfig() Config {
	return Config{
		SessionLife:       30 * 24 * time.Hour,
		AdminLife:         7 * 24 * time.Hour,
		RoomsPerHour:      60,
		JoinsPerMinute:    600,
		SignInsPerMinute:  30,
		SearchesPerMinute: 120,
		MaxUpload:         200 << 20,
		MaxSockets:        2000,
		HelloTimeout:      10 * time.Second,
		PingEvery:         15 * time.Second,
		MessagesPerSecond: 40, // an offer with its candidates is about 30 messages at once, then almost nothing

		TranscriptionsWaiting: 4,
		SignInLife:            12 * time.Hour,
	}
}

// minAPIToken keeps short, guessable tokens out; `openssl rand -hex 16` gives 32.
const minAPIToken = 20

// Validate says what is wrong with c, naming the field.
func (c Config) Validate() error {
	if err := validatePublicURL(c.PublicURL); err != nil {
		return fmt.Errorf("PublicURL %q: %w", c.PublicURL, err)
	}
	if c.APIToken != "" && len(c.APIToken) < minAPIToken {
		return fmt.Errorf("APIToken has %d bytes, needs at least %d (make one with: openssl rand -hex 32)", len(c.APIToken), minAPIToken)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"SessionLife", c.SessionLife}, {"AdminLife", c.AdminLife}, {"HelloTimeout", c.HelloTimeout}, {"PingEvery", c.PingEvery},
		{"SignInLife", c.SignInLife},
	} {
		if d.value <= 0 {
			return fmt.Errorf("%s is %v, must be positive", d.name, d.value)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"RoomsPerHour", c.RoomsPerHour}, {"JoinsPerMinute", c.JoinsPerMinute}, {"SignInsPerMinute", c.SignInsPerMinute},
		{"SearchesPerMinute", c.SearchesPerMinute},
		{"MaxSockets", c.MaxSockets}, {"TranscriptionsWaiting", c.TranscriptionsWaiting}, {"MessagesPerSecond", c.MessagesPerSecond},
	} {
		if n.value <= 0 {
			return fmt.Errorf("%s is %d, must be positive", n.name, n.value)
		}
	}
	if c.MaxUpload <= 0 {
		return fmt.Errorf("MaxUpload is %d, must be positive", c.MaxUpload)
	}
	if err := c.OIDC.Validate(); err != nil {
		return fmt.Errorf("OIDC: %w", err)
	}
	return nil
}

func validatePublicURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("must begin with https:// (or http:// for a trial on one machine)")
	}
	if u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be a scheme and a host, such as https://meet.example.org")
	}
	return nil
}
