package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// maxTokenDays is the longest life of a token that ends, in days.
const maxTokenDays = 3650

func (s *Server) describeTokens(api huma.API) {
	huma.Register(api, operation(tagInstance, "list-tokens", http.MethodGet, "/tokens", http.StatusOK,
		"API tokens that admins made, without their secrets; that of the server's start is not among them. Admins", http.StatusForbidden), s.listTokens)
	huma.Register(api, keyed(operation(tagInstance, "create-token", http.MethodPost, "/tokens", http.StatusCreated,
		"Make an API token. The answer has its secret, which is not shown again. Admins", http.StatusForbidden, http.StatusConflict)), s.createToken)
	huma.Register(api, operation(tagInstance, "revoke-token", http.MethodDelete, "/tokens/{token}", http.StatusNoContent,
		"Revoke an API token; it works no more at once. Admins", http.StatusForbidden, http.StatusNotFound), s.revokeToken)
}

type tokenBody struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Scope          string `json:"scope" enum:"read,admin" doc:"read: sees what an admin sees and changes nothing"`
	CreatedUnixMS  int64  `json:"created_unix_ms"`
	ExpiresUnixMS  int64  `json:"expires_unix_ms,omitempty" doc:"Absent: never"`
	LastUsedUnixMS int64  `json:"last_used_unix_ms,omitempty" doc:"The hour in which it was used last; absent: never"`
}

type tokenListOutput struct {
	Body struct {
		Tokens []tokenBody `json:"tokens" nullable:"false" doc:"Newest first"`
	}
}

func (s *Server) listTokens(ctx context.Context, _ *struct{}) (*tokenListOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	tokens, err := s.tokens.List(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "list API tokens", err)
	}
	slices.SortStableFunc(tokens, func(a, b storage.APIToken) int { return int(b.CreatedUnixMS - a.CreatedUnixMS) })
	out := &tokenListOutput{}
	out.Body.Tokens = make([]tokenBody, len(tokens))
	for i, t := range tokens {
		out.Body.Tokens[i] = tokenView(t)
	}
	return out, nil
}

func tokenView(t storage.APIToken) tokenBody {
	return tokenBody{
		ID: t.ID, Name: t.Name, Scope: string(t.Scope), CreatedUnixMS: t.CreatedUnixMS, ExpiresUnixMS: t.ExpiresUnixMS, LastUsedUnixMS: t.LastUsedUnixMS,
	}
}

type createTokenInput struct {
	Body struct {
		Name  string `json:"name" minLength:"1" maxLength:"100" doc:"What it is for; only admins see it"`
		Scope string `json:"scope" enum:"read,admin"`
		Days  int    `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"How long it works; 0: until it is revoked"`
	}
}

// tokenSecretBody is a token with its secret.
type tokenSecretBody struct {
	Token  tokenBody `json:"token"`
	Secret string    `json:"secret" doc:"For Authorization: Bearer; not shown again"`
}

type tokenSecretOutput struct{ Body tokenSecretBody }

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*tokenSecretOutput, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	name := strings.TrimSpace(in.Body.Name)
	if name == "" {
		return nil, problem(http.StatusUnprocessableEntity, "bad-name", "This name shows nothing. Write what the token is for.")
	}
	now := s.now()
	token := storage.APIToken{Name: name, Scope: storage.TokenScope(in.Body.Scope), CreatedUnixMS: now.UnixMilli()}
	if in.Body.Days > 0 {
		token.ExpiresUnixMS = now.Add(time.Duration(min(in.Body.Days, maxTokenDays)) * 24 * time.Hour).UnixMilli()
	}
	token, secret, err := s.tokens.Create(ctx, token)
	if errors.Is(err, storage.ErrTokenLimit) {
		return nil, problem(http.StatusConflict, "too-many-tokens", "There are 100 API tokens already. Revoke one first.")
	}
	if err != nil {
		return nil, s.answerFor(ctx, "make API token", err)
	}
	s.record(ctx, v, "token.create."+in.Body.Scope, tokenObject(token.ID))
	return &tokenSecretOutput{tokenSecretBody{tokenView(token), secret}}, nil
}

type tokenPath struct {
	Token string `path:"token" maxLength:"64"`
}

func (s *Server) revokeToken(ctx context.Context, in *tokenPath) (*struct{}, error) {
	v := visitorOf(ctx)
	if !v.admin() {
		return nil, errNotAdmin()
	}
	err := s.tokens.Revoke(ctx, in.Token)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, problem(http.StatusNotFound, "no-token", "There is no such API token, or it was revoked already.")
	}
	if err != nil {
		return nil, s.answerFor(ctx, "revoke API token", err)
	}
	s.record(ctx, v, "token.revoke", tokenObject(in.Token))
	return nil, nil
}

func tokenObject(id string) string { return "tokens/" + id }

// bearer finds out what a program's token lets it do. The problem to answer, if it does not let it do this.
func (s *Server) bearer(c *gin.Context, v *visitor, secret string) *huma.ErrorModel {
	if s.isAPIToken(secret) {
		v.token = true
		return nil
	}
	token, err := s.tokens.Use(c.Request.Context(), secret, s.now())
	if errors.Is(err, storage.ErrNotFound) {
		return problem(http.StatusUnauthorized, "bad-token", "The API token is not valid, was revoked, or has expired. Send the one that the server was started with, or one that an admin made.")
	}
	if err != nil {
		return asProblem(s.answerFor(c.Request.Context(), "read API token", err))
	}
	if token.Scope != storage.TokenAdmins && c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		return problem(http.StatusForbidden, "read-only-token", "This API token may only read. Send one with the scope admin.")
	}
	v.token, v.tokenID = true, token.ID
	return nil
}

// tokenHolder names the program of a token in the audit.
func tokenHolder(id string) meeting.PersonID {
	if id == "" {
		return TokenHolder
	}
	return TokenHolder + "/" + meeting.PersonID(id)
}
