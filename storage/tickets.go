package storage

import (
	"context"
	"encoding/base64"
	"fmt"
)

// Tickets are small values that a browser carries for the server from one request to a later one, sealed with the instance
// key: nothing of them is stored, and they are good on every machine of the installation.
type Tickets struct {
	keys *Keyring
}

// NewTickets returns the tickets of an installation.
func NewTickets(keys *Keyring) *Tickets { return &Tickets{keys: keys} }

// maxTicket bounds what is decoded, in bytes: a cookie has at most 4096.
const maxTicket = 4096

// Seal returns v as text for a cookie. Tickets of one kind do not open as another.
func (t *Tickets) Seal(ctx context.Context, kind string, v any) (string, error) {
	key, err := t.keys.Instance(ctx)
	if err != nil {
		return "", fmt.Errorf("seal ticket: %w", err)
	}
	sealed, err := sealJSON(key, kind, v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Open reads what Seal made. What is not ours is ErrNotFound; every other error is of the store.
func (t *Tickets) Open(ctx context.Context, kind, text string, v any) error {
	if len(text) > maxTicket {
		return fmt.Errorf("ticket of %d bytes: %w", len(text), ErrNotFound)
	}
	key, err := t.keys.Instance(ctx)
	if err != nil {
		return fmt.Errorf("open ticket: %w", err)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return fmt.Errorf("ticket: %w", ErrNotFound)
	}
	if err := openJSON(key, kind, sealed, v); err != nil {
		return fmt.Errorf("ticket: %w", ErrNotFound)
	}
	return nil
}
