package storage

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// LinkKind says what a one-time link is good for.
type LinkKind string

const (
	// LinkAdmin makes whoever uses it an admin. Its target is empty.
	LinkAdmin LinkKind = "admin"
	// LinkOrganizer makes whoever uses it an organizer of the room that is its target.
	LinkOrganizer LinkKind = "organizer"
)

// Link is what a one-time link stands for.
type Link struct {
	Kind   LinkKind `json:"kind"`
	Target string   `json:"target,omitempty"` // what it is for, by opaque ID
}

// Why a link does not work. An unknown one is ErrNotFound.
var (
	ErrUsed    = errors.New("link was used already")
	ErrExpired = errors.New("link has expired")
)

// storedLink is links/<hash of the secret>.json, sealed with the instance key.
type storedLink struct {
	Link
	ExpiresUnixMS int64 `json:"expires_unix_ms"`
	UsedUnixMS    int64 `json:"used_unix_ms,omitempty"`
}

// Links keeps one-time links. The secrets themselves are not stored.
type Links struct {
	sealed sealedObjects[storedLink]
}

// NewLinks returns the links kept in store.
func NewLinks(store *Store, keys *Keyring) *Links {
	return &Links{sealedObjects[storedLink]{store: store, keys: keys}}
}

const (
	linkPrefix = "links/"
	// linkSecretSize is the length of a secret in bytes.
	linkSecretSize = 32
)

// Create makes a link that works once within life, and returns its secret, 43 characters for a URL.
func (l *Links) Create(ctx context.Context, kind LinkKind, target string, life time.Duration) (secret string, err error) {
	raw := make([]byte, linkSecretSize)
	rand.Read(raw) // never fails since Go 1.24
	secret = base64.RawURLEncoding.EncodeToString(raw)
	link := storedLink{Link: Link{Kind: kind, Target: target}, ExpiresUnixMS: time.Now().Add(life).UnixMilli()}
	if err := l.sealed.create(ctx, linkPrefix+sha256Hex(secret)+".json", link); err != nil {
		return "", fmt.Errorf("make one-time link: %w", err)
	}
	return secret, nil
}

// Redeem uses a link: of any number of callers with one secret exactly one succeeds, the others get ErrUsed.
func (l *Links) Redeem(ctx context.Context, secret string) (Link, error) {
	used, err := l.sealed.update(ctx, linkPrefix+sha256Hex(secret)+".json", func(link *storedLink) error {
		now := time.Now().UnixMilli()
		switch {
		case link.UsedUnixMS != 0:
			return ErrUsed
		case now >= link.ExpiresUnixMS:
			return ErrExpired
		}
		link.UsedUnixMS = now
		return nil
	})
	if err != nil {
		return Link{}, fmt.Errorf("redeem one-time link: %w", err)
	}
	return used.Link, nil
}

// Sweep deletes the links whose time is over and returns how many. Until then a used one is remembered as used.
func (l *Links) Sweep(ctx context.Context) (deleted int, err error) {
	return sweep(ctx, l.sealed, linkPrefix, func(v storedLink) int64 { return v.ExpiresUnixMS })
}
