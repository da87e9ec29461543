package storage

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TokenScope is how much a program may do with a token.
type TokenScope string

// Scopes of tokens.
const (
	TokenReads  TokenScope = "read"  // sees what an admin sees, and changes nothing
	TokenAdmins TokenScope = "admin" // does what an admin does
)

// APIToken lets a program use the API, as stored in tokens/<hash of the secret>.json, sealed with the instance key. The secret
// itself is not stored.
type APIToken struct {
	ID             string     `json:"id"` // the beginning of the hash
	Name           string     `json:"name"`
	Scope          TokenScope `json:"scope"`
	CreatedUnixMS  int64      `json:"created_unix_ms"`
	ExpiresUnixMS  int64      `json:"expires_unix_ms,omitempty"`   // 0: never
	LastUsedUnixMS int64      `json:"last_used_unix_ms,omitempty"` // to the hour; 0: never
}

// Bounds of tokens.
const (
	// MaxTokens is how many there may be.
	MaxTokens = 100
	// tokenBegins begins every secret, so that programs which look for leaked ones know it, and foreign ones are not looked up.
	tokenBegins = "souffleur_"
	// tokenSecret is the length of a secret behind that: 256 bits in base64url.
	tokenSecret = 43
	// tokenID is how much of the hash names a token: 80 bits.
	tokenID = 20
	// usedEvery is how precisely the last use is known; each use would be a write else.
	usedEvery = time.Hour
)

// ErrTokenLimit says that there are as many tokens as there may be.
var ErrTokenLimit = errors.New("there are as many tokens as there may be")

// Tokens keeps the API tokens that admins made.
type Tokens struct {
	sealed sealedObjects[APIToken]
}

// NewTokens returns the tokens kept in store.
func NewTokens(store *Store, keys *Keyring) *Tokens {
	return &Tokens{sealedObjects[APIToken]{store: store, keys: keys}}
}

const tokenPrefix = "tokens/"

// Create makes a token and returns it with its secret, which is never seen again. ErrTokenLimit.
func (t *Tokens) Create(ctx context.Context, token APIToken) (APIToken, string, error) {
	there, err := t.sealed.store.List(ctx, tokenPrefix)
	if err != nil {
		return APIToken{}, "", err
	}
	if len(there) >= MaxTokens {
		return APIToken{}, "", ErrTokenLimit
	}
	raw := make([]byte, 32)
	rand.Read(raw) // never fails since Go 1.24
	secret := tokenBegins + base64.RawURLEncoding.EncodeToString(raw)
	hash := sha256Hex(secret)
	token.ID = hash[:tokenID]
	if err := t.sealed.create(ctx, tokenPrefix+hash+".json", token); err != nil {
		return APIToken{}, "", fmt.Errorf("make API token: %w", err)
	}
	return token, secret, nil
}

// Use returns the token of a secret and notes that it was used. One that is not there, or expired, is ErrNotFound.
func (t *Tokens) Use(ctx context.Context, secret string, now time.Time) (APIToken, error) {
	if len(secret) != len(tokenBegins)+tokenSecret || !strings.HasPrefix(secret, tokenBegins) {
		return APIToken{}, fmt.Errorf("API token of a foreign form: %w", ErrNotFound)
	}
	object := tokenPrefix + sha256Hex(secret) + ".json"
	token, _, err := t.sealed.get(ctx, object)
	if err != nil {
		return APIToken{}, err
	}
	if token.ExpiresUnixMS != 0 && now.UnixMilli() >= token.ExpiresUnixMS {
		return APIToken{}, fmt.Errorf("API token expired: %w", ErrNotFound)
	}
	used := now.Truncate(usedEvery).UnixMilli()
	if token.LastUsedUnixMS >= used {
		return token, nil
	}
	return t.sealed.update(ctx, object, func(v *APIToken) error {
		v.LastUsedUnixMS = max(v.LastUsedUnixMS, used)
		return nil
	})
}

// List returns all tokens, by ID. A damaged one is left out with a warning.
func (t *Tokens) List(ctx context.Context) ([]APIToken, error) {
	objects, err := t.sealed.store.List(ctx, tokenPrefix)
	if err != nil {
		return nil, err
	}
	return fetchAll(ctx, objects, func(ctx context.Context, o Object) (APIToken, error) {
		token, _, err := t.sealed.get(ctx, o.Key)
		if isDamage(err) {
			t.sealed.store.log.Warn("API token left out of the list", "object", o.Key, "err", err)
			return token, ErrNotFound
		}
		return token, err
	})
}

// Revoke deletes a token, also one that does not open any more; ErrNotFound.
func (t *Tokens) Revoke(ctx context.Context, id string) error {
	if len(id) != tokenID || strings.Trim(id, "0123456789abcdef") != "" {
		return fmt.Errorf("API token with a foreign name: %w", ErrNotFound)
	}
	objects, err := t.sealed.store.List(ctx, tokenPrefix+id)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return ErrNotFound
	}
	return t.sealed.store.deleteAll(ctx, objects)
}
