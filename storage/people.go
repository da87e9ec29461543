package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// Account is somebody who signs in, as stored in users/<person>/account.json, sealed with the instance key. It makes what they
// have follow them from one browser to the next.
type Account struct {
	Person     meeting.PersonID   `json:"person"`
	Email      string             `json:"email,omitempty"` // in lower case; "" if the provider gave none that can be trusted
	Name       string             `json:"name,omitempty"`
	Rooms      []meeting.RoomID   `json:"rooms,omitempty"` // newest first; an index: who may do what stands in the room
	Was        []meeting.PersonID `json:"was,omitempty"`   // the guest that they were before signing in, newest first
	SeenUnixMS int64              `json:"seen_unix_ms"`    // when they signed in last
}

const (
	// maxAccountRooms bounds the rooms of an account. Overflow: the oldest fall out of "my rooms", and are still theirs.
	maxAccountRooms = 500
	// maxWas bounds the guests that somebody was. Overflow: the oldest are forgotten.
	maxWas = 20
)

// AddRooms puts rooms at the front of the list, in their order.
func (a *Account) AddRooms(rooms ...meeting.RoomID) {
	kept := slices.DeleteFunc(slices.Clone(a.Rooms), func(r meeting.RoomID) bool { return slices.Contains(rooms, r) })
	a.Rooms = slices.Concat(rooms, kept)
	a.Rooms = a.Rooms[:min(len(a.Rooms), maxAccountRooms)]
}

// AddGuest notes which guest somebody was until now.
func (a *Account) AddGuest(guest meeting.PersonID) {
	if guest == "" || slices.Contains(a.Was, guest) {
		return
	}
	a.Was = slices.Insert(slices.Clone(a.Was), 0, guest)
	a.Was = a.Was[:min(len(a.Was), maxWas)]
}

// People keeps the accounts.
type People struct {
	sealed sealedObjects[Account]
}

// NewPeople returns the accounts kept in store.
func NewPeople(store *Store, keys *Keyring) *People {
	return &People{sealedObjects[Account]{store: store, keys: keys}}
}

// userPrefix is above what belongs to people: accounts by their person, meetings shared with them by their address.
const userPrefix = "users/"

// lower is base32 in lower case without padding: safe in object names.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// keyed returns size bytes of HMAC-SHA256 of parts as text, under a key for the purpose. Who has the object names alone cannot
// try out whom they are about.
func keyed(key seal.Key, purpose string, size int, parts ...string) string {
	h := hmac.New(sha256.New, key.Derive(purpose))
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint32(len(p))) // a hash takes all
		_, _ = io.WriteString(h, p)
	}
	return lower.EncodeToString(h.Sum(nil)[:size])
}

// ID returns who the subject of an issuer is here: always the same person, and nobody else's ID.
func (p *People) ID(ctx context.Context, issuer, subject string) (meeting.PersonID, error) {
	key, err := p.sealed.keys.Instance(ctx)
	if err != nil {
		return "", fmt.Errorf("name a person: %w", err)
	}
	return meeting.PersonID("u" + keyed(key, "person of an account v1", 15, issuer, subject)), nil
}

// accountObject returns the object of an account; a foreign ID is ErrNotFound.
func accountObject(person meeting.PersonID) (string, error) {
	if !opaque(string(person)) {
		return "", fmt.Errorf("account with a foreign name: %w", ErrNotFound)
	}
	return userPrefix + string(person) + "/account.json", nil
}

// opaque says whether s can be a part of an object's name: letters and digits as our IDs have them, at most 64.
func opaque(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}

// Get returns an account, or ErrNotFound.
func (p *People) Get(ctx context.Context, person meeting.PersonID) (Account, error) {
	object, err := accountObject(person)
	if err != nil {
		return Account{}, err
	}
	account, _, err := p.sealed.get(ctx, object)
	return account, err
}

// Update changes an account, or makes it, and returns the new one. apply may run several times.
func (p *People) Update(ctx context.Context, person meeting.PersonID, apply func(*Account)) (Account, error) {
	object, err := accountObject(person)
	if err != nil {
		return Account{}, err
	}
	read := func(ctx context.Context) (Account, string, error) {
		account, etag, err := p.sealed.get(ctx, object)
		if errors.Is(err, ErrNotFound) {
			return Account{Person: person}, "", nil
		}
		return account, etag, err
	}
	write := func(ctx context.Context, account Account, etag string) error {
		body, err := p.sealed.seal(ctx, object, account)
		if err != nil {
			return err
		}
		if etag == "" {
			return p.sealed.store.Create(ctx, object, body)
		}
		return p.sealed.store.Update(ctx, object, body, etag)
	}
	return change(ctx, read, write, func(a *Account) error { apply(a); return nil })
}
