// Package oidctest is a real OpenID provider for tests: the one of github.com/zitadel/oidc, with people and one client that a
// test names, a page to sign in on, and userinfo that is signed if the test wants it, as ProConnect's is. Nothing of it is fit
// for anything but tests.
//
// Start reading at [New].
package oidctest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	memory "github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Person is somebody who can sign in.
type Person struct {
	Subject  string
	Username string
	Password string
	// Claims are what userinfo says beside "sub", exactly so.
	Claims map[string]any
}

// Config is what a provider is made of.
type Config struct {
	// Issuer is where it will be reached, without a slash at the end.
	Issuer string
	People []Person
	// ClientID and ClientSecret are what the one client is known by.
	ClientID, ClientSecret string
	// Redirect is where the client may let people be sent back to, SignedOut where after a sign-out.
	Redirect, SignedOut string
	// SignUserinfo lets userinfo be a signed JWT.
	SignUserinfo bool
}

// Provider is a running provider. Serve it at its issuer.
type Provider struct {
	cfg    Config
	store  *store
	op     *op.Provider
	routes *http.ServeMux

	// TokenLife is how long ID tokens hold, in nanoseconds; set it below zero for tokens that are too old.
	TokenLife atomic.Int64
	// Impostor, if it is not nil, is the subject that userinfo is about instead.
	Impostor atomic.Pointer[string]
}

// New returns a provider.
func New(cfg Config) (*Provider, error) {
	p := &Provider{cfg: cfg}
	p.TokenLife.Store(int64(time.Hour))
	p.store = &store{Storage: memory.NewStorageWithClients(users(cfg.People), map[string]*memory.Client{
		cfg.ClientID: memory.WebClient(cfg.ClientID, cfg.ClientSecret, cfg.Redirect),
	}), p: p}
	var err error
	p.op, err = op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("for tests only")), CryptoKeyId: "key", CodeMethodS256: true, AuthMethodPost: true,
		DefaultLogoutRedirectURI: "/signed-out",
	}, p.store, op.StaticIssuer(cfg.Issuer), op.WithAllowInsecure())
	if err != nil {
		return nil, fmt.Errorf("make provider: %w", err)
	}
	p.routes = http.NewServeMux()
	p.routes.Handle("/", p.op)
	p.routes.HandleFunc("GET /login/username", p.ask)
	p.routes.HandleFunc("POST /login/username", op.NewIssuerInterceptor(p.op.IssuerFromRequest).HandlerFunc(p.answer))
	if cfg.SignUserinfo {
		p.routes.HandleFunc("/userinfo", p.signedUserinfo)
	}
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.routes.ServeHTTP(w, r) }

// page is where people sign in.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><title>Sign in – test provider</title><meta name="viewport" content="width=device-width">
<h1>Test provider</h1>
{{if .Wrong}}<p role="alert">Wrong name or password.</p>{{end}}
<form method="post" action="/login/username">
<input type="hidden" name="id" value="{{.ID}}">
<p><label>Name <input name="username" autocomplete="username" autofocus></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button>Sign in</button></p>
</form></html>`))

// ask shows the page.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request) {
	p.show(w, r.FormValue("authRequestID"), false)
}

func (p *Provider) show(w http.ResponseWriter, id string, wrong bool) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, struct { // a browser that went away needs no page
		ID    string
		Wrong bool
	}{id, wrong})
}

// answer takes what was typed, and goes on as OpenID Connect has it.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("id")
	if err := p.store.CheckUsernamePassword(r.FormValue("username"), r.FormValue("password"), id); err != nil {
		p.show(w, id, true)
		return
	}
	http.Redirect(w, r, op.AuthCallbackURL(p.op)(r.Context(), id), http.StatusFound)
}

// signedUserinfo answers as the provider does, in a JWT that its key signs (OpenID Connect Core 1.0 §5.3.2).
func (p *Provider) signedUserinfo(w http.ResponseWriter, r *http.Request) {
	plain := httptest.NewRecorder()
	p.op.ServeHTTP(plain, r)
	if plain.Code != http.StatusOK {
		w.WriteHeader(plain.Code)
		return
	}
	said := map[string]any{}
	token, err := "", json.NewDecoder(bytes.NewReader(plain.Body.Bytes())).Decode(&said)
	if err == nil {
		said["iss"], said["aud"], said["exp"] = p.cfg.Issuer, p.cfg.ClientID, time.Now().Add(time.Minute).Unix()
		token, err = p.sign(r.Context(), said)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwt")
	_, _ = w.Write([]byte(token))
}

func (p *Provider) sign(ctx context.Context, said map[string]any) (string, error) {
	key, err := p.store.SigningKey(ctx)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.SignatureAlgorithm(), Key: jose.JSONWebKey{Key: key.Key(), KeyID: key.ID()}}, nil)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(said)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// store is the library's store in memory, with the test's people and wishes.
type store struct {
	*memory.Storage
	p *Provider
}

// GetClientByClientID implements op.Storage.
func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return &client{c, s.p}, nil
}

// SetUserinfoFromToken implements op.Storage.
func (s *store) SetUserinfoFromToken(ctx context.Context, userinfo *oidc.UserInfo, tokenID, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, userinfo, tokenID, subject, origin); err != nil {
		return err
	}
	*userinfo = oidc.UserInfo{Subject: userinfo.Subject, Claims: map[string]any{}}
	if impostor := s.p.Impostor.Load(); impostor != nil {
		userinfo.Subject = *impostor
	}
	for _, person := range s.p.cfg.People {
		if person.Subject == subject {
			maps.Copy(userinfo.Claims, person.Claims)
		}
	}
	return nil
}

// client is the library's, with the test's addresses.
type client struct {
	op.Client
	p *Provider
}

// PostLogoutRedirectURIs implements op.Client.
func (c *client) PostLogoutRedirectURIs() []string { return []string{c.p.cfg.SignedOut} }

// IDTokenLifetime implements op.Client.
func (c *client) IDTokenLifetime() time.Duration { return time.Duration(c.p.TokenLife.Load()) }

// IsScopeAllowed implements op.Client: scopes are named by claim, too.
func (c *client) IsScopeAllowed(string) bool { return true }

// users are people as the library's store knows them.
type users []Person

// GetUserByID implements memory.UserStore.
func (u users) GetUserByID(id string) *memory.User {
	for _, p := range u {
		if p.Subject == id {
			return p.user()
		}
	}
	return nil
}

// GetUserByUsername implements memory.UserStore.
func (u users) GetUserByUsername(name string) *memory.User {
	for _, p := range u {
		if p.Username == name {
			return p.user()
		}
	}
	return nil
}

// ExampleClientID implements memory.UserStore.
func (u users) ExampleClientID() string { return memory.ServiceUserID }

func (p Person) user() *memory.User {
	return &memory.User{ID: p.Subject, Username: p.Username, Password: p.Password}
}
