package web

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// providerWait bounds each question to the provider.
	providerWait = 10 * time.Second
	// maxProviderAnswer bounds its answers, in bytes. Discovery documents and keys have a few thousand.
	maxProviderAnswer = 1 << 20
	// discoverAgain is how long what the provider says of itself is taken to hold.
	discoverAgain = time.Hour
	// discoverPause is how long a provider that did not answer is left alone.
	discoverPause = 5 * time.Second
)

// errUnreachable says that the provider does not answer, or not as a provider does.
var errUnreachable = errors.New("the identity provider does not answer")

// errStale says that a code was used before, is too old, or not from this provider.
var errStale = errors.New("the sign-in was used already or took too long")

// provider is the identity provider at which people sign in. It is asked for what it says of itself when somebody first
// signs in, and again when that failed: the server starts, and guests join, whatever the provider does.
type provider struct {
	cfg    OIDC
	client *http.Client
	now    func() time.Time

	turn chan struct{} // has room for the one that asks; others wait for its answer, as long as their request lasts

	mu       sync.Mutex // guards the rest; never held while asking
	known    *endpoints
	knownAt  time.Time
	failed   error // of the last attempt; nil if it succeeded
	failedAt time.Time
}

// endpoints is what the provider says of itself.
type endpoints struct {
	provider   *oidc.Provider
	oauth      oauth2.Config // without RedirectURL
	endSession string        // "" if it has no sign-out
}

func newProvider(cfg OIDC, now func() time.Time) *provider {
	client := &http.Client{Transport: &limitedTransport{http.DefaultTransport.(*http.Transport).Clone()}, Timeout: providerWait}
	return &provider{cfg: cfg, client: client, now: now, turn: make(chan struct{}, 1)}
}

// close ends idle connections.
func (p *provider) close() { p.client.CloseIdleConnections() }

// limitedTransport cuts answers off that are longer than any of a provider.
type limitedTransport struct{ *http.Transport }

func (t *limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.Transport.RoundTrip(r)
	if err == nil {
		res.Body = limitedBody{io.LimitReader(res.Body, maxProviderAnswer), res.Body}
	}
	return res, err
}

type limitedBody struct {
	io.Reader
	io.Closer
}

// context carries the client to the libraries.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// endpoints returns what the provider says of itself, asking it if need be. errUnreachable tells why not.
func (p *provider) endpoints(ctx context.Context) (*endpoints, error) {
	if e, err := p.lately(); e != nil || err != nil {
		return e, err
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the identity provider: %w", ctx.Err())
	}
	if e, err := p.lately(); e != nil || err != nil {
		return e, err
	}
	found, err := p.cfg.discover(p.context(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.known, p.knownAt, p.failed = found, p.now(), nil
		return found, nil
	}
	if ctx.Err() == nil {
		p.failed, p.failedAt = err, p.now()
	}
	if p.known != nil { // what held an hour ago is better than nothing
		p.knownAt = p.now()
		return p.known, nil
	}
	return nil, err
}

// lately returns the answer to a question that need not be asked again, or nothing.
func (p *provider) lately() (*endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.known != nil && now.Sub(p.knownAt) < discoverAgain {
		return p.known, nil
	}
	if p.known == nil && p.failed != nil && now.Sub(p.failedAt) < discoverPause {
		return nil, p.failed
	}
	return nil, nil
}

// CheckOIDC asks the provider what it says of itself, and tells what is wrong with the answer.
func CheckOIDC(ctx context.Context, cfg OIDC) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	p := newProvider(cfg, time.Now)
	defer p.close()
	_, err := cfg.discover(p.context(ctx))
	return err
}

// discover reads the provider's document (OpenID Connect Discovery 1.0 §4).
func (o OIDC) discover(ctx context.Context) (*endpoints, error) {
	found, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: discover %s: %w", errUnreachable, o.Issuer, err)
	}
	var more struct {
		EndSession string   `json:"end_session_endpoint"`
		Challenges []string `json:"code_challenge_methods_supported"`
		AuthWays   []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: its discovery document is not as it should be", errUnreachable)
	}
	// A provider that does not list methods may still know S256; one that lists others would sign nobody in.
	if len(more.Challenges) > 0 && !slices.Contains(more.Challenges, "S256") {
		return nil, fmt.Errorf("%w: it does not support PKCE with S256", errUnreachable)
	}
	endpoint := found.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("%w: its discovery document lacks an endpoint", errUnreachable)
		}
	}
	if u, err := url.Parse(more.EndSession); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		more.EndSession = ""
	}
	endpoint.AuthStyle = o.authStyle(more.AuthWays)
	return &endpoints{
		provider: found, endSession: more.EndSession,
		oauth: oauth2.Config{ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: endpoint, Scopes: o.scopes()},
	}, nil
}

// authStyle says how the client's secret is sent. The default is client_secret_basic (OpenID Connect Discovery 1.0 §3);
// trying one after the other, as x/oauth2 would, costs some providers' codes.
func (o OIDC) authStyle(ways []string) oauth2.AuthStyle {
	if o.ClientSecret == "" || len(ways) > 0 && !slices.Contains(ways, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// authURL is where somebody signs in.
func (e *endpoints) authURL(t *ticket, redirect string) string {
	c := e.oauth
	c.RedirectURL = redirect
	return c.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier))
}

// identify trades the code that the provider sent along for who somebody is. errUnreachable and errStale are no fault of
// the provider's answers; every other error is.
func (p *provider) identify(ctx context.Context, code, redirect string, t *ticket) (identity, error) {
	e, err := p.endpoints(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx = p.context(ctx)
	c := e.oauth
	c.RedirectURL = redirect
	token, err := c.Exchange(ctx, code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return identity{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return identity{}, errors.New("the provider sent no ID token")
	}
	idToken, said, err := p.verify(ctx, e, raw, token.AccessToken, t.Nonce)
	if err != nil {
		return identity{}, err
	}
	if e.provider.UserInfoEndpoint() != "" {
		userinfo, err := p.userinfo(ctx, e, idToken.Subject, token)
		if err != nil {
			return identity{}, err
		}
		said = merge(said, userinfo)
	}
	who := p.cfg.identityOf(idToken.Subject, said)
	who.idToken = raw
	return who, nil
}

// exchangeError tells a code that is not good from a provider that does not answer.
func exchangeError(err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return fmt.Errorf("exchange code: %w", errStale)
	case errors.As(err, &refused):
		// Not the answer itself: it may hold what is nobody's business.
		return fmt.Errorf("exchange code: the provider answered %d %.40q (is the client's secret right?)", refused.Response.StatusCode, refused.ErrorCode)
	}
	return fmt.Errorf("exchange code: %w: %w", errUnreachable, err)
}

// verify checks an ID token (OpenID Connect Core 1.0 §3.1.3.7): go-oidc its signature, issuer, audience and time; the rest
// is ours.
func (p *provider) verify(ctx context.Context, e *endpoints, raw, access, nonce string) (*oidc.IDToken, claims, error) {
	token, err := e.provider.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, fmt.Errorf("verify ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1 {
		return nil, nil, errors.New("verify ID token: it is for another sign-in (nonce)")
	}
	if token.Subject == "" || len(token.Subject) > maxSubject {
		return nil, nil, errors.New("verify ID token: it names nobody")
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(access); err != nil {
			return nil, nil, fmt.Errorf("verify ID token: %w", err)
		}
	}
	var body json.RawMessage
	if err := token.Claims(&body); err != nil {
		return nil, nil, errors.New("verify ID token: its claims are no JSON object")
	}
	said, err := readClaims(body)
	if err != nil {
		return nil, nil, fmt.Errorf("verify ID token: %w", err)
	}
	if azp := said.text("azp"); azp != "" && azp != p.cfg.ClientID {
		return nil, nil, errors.New("verify ID token: it was issued to another client (azp)")
	}
	return token, said, nil
}

// maxSubject is the longest subject (OpenID Connect Core 1.0 §2 allows 255).
const maxSubject = 255

// userinfo asks for more claims. ProConnect signs its answer.
func (p *provider) userinfo(ctx context.Context, e *endpoints, subject string, token *oauth2.Token) (claims, error) {
	info, err := e.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	var network *url.Error
	if errors.As(err, &network) {
		return nil, fmt.Errorf("ask userinfo: %w: %w", errUnreachable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("ask userinfo: %w", err)
	}
	var body json.RawMessage
	if err := info.Claims(&body); err != nil {
		return nil, errors.New("ask userinfo: no JSON object")
	}
	said, err := readClaims(body)
	if err != nil {
		return nil, fmt.Errorf("ask userinfo: %w", err)
	}
	return said, p.cfg.checkUserinfo(subject, said, p.now())
}

// signOutURL is where the provider signs somebody out, too (OpenID Connect RP-Initiated Logout 1.0 §2); "" if it cannot,
// or does not answer. Whoever signs out does so here in any case.
func (p *provider) signOutURL(ctx context.Context, idToken, back string) string {
	ctx, cancel := context.WithTimeout(ctx, providerWait)
	defer cancel()
	e, err := p.endpoints(ctx)
	if err != nil || e.endSession == "" {
		return ""
	}
	u, err := url.Parse(e.endSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.cfg.ClientID)
	q.Set("post_logout_redirect_uri", back)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
