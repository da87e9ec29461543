package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"souffleur/internal/meeting"
)

// Session is what the server knows of a browser, as stored in sessions/<hash>.json, sealed with the instance key. The hash is that of the
// secret in the browser's cookie.
type Session struct {
	Person        meeting.PersonID `json:"person"`
	Name          string           `json:"name,omitempty"`
	Admin         bool             `json:"admin,omitempty"`
	Rooms         []meeting.RoomID `json:"rooms,omitempty"` // rooms of which an organizer link was used
	ExpiresUnixMS int64            `json:"expires_unix_ms"`

	// SignedIn says that the person signed in with the organization's identity provider; the rest is only set then.
	SignedIn bool               `json:"signed_in,omitempty"`
	Email    string             `json:"email,omitempty"`    // as in [Account]
	IDToken  string             `json:"id_token,omitempty"` // what the provider knows the sign-in by, for the sign-out
	Was      []meeting.PersonID `json:"was,omitempty"`      // as in [Account]
}

// Sessions keeps the sign-ins.
type Sessions struct {
	sealed sealedObjects[Session]
}

// NewSessions returns the sessions kept in store.
func NewSessions(store *Store, keys *Keyring) *Sessions {
	return &Sessions{sealedObjects[Session]{store: store, keys: keys}}
}

const sessionPrefix = "sessions/"

// hashObject returns the object named by a hash, which must be hexadecimal: it may come from a stranger.
func hashObject(prefix, hash string) (string, error) {
	if len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%s with a foreign name: %w", prefix, ErrNotFound)
	}
	return prefix + hash + ".json", nil
}

// Put stores a session under a hash, the SHA-256 in hexadecimal of its secret, replacing one that is there.
func (s *Sessions) Put(ctx context.Context, hash string, session Session) error {
	object, err := hashObject(sessionPrefix, hash)
	if err != nil {
		return err
	}
	return s.sealed.put(ctx, object, session)
}

// Get returns a session. One that is not there, or expired, is ErrNotFound.
func (s *Sessions) Get(ctx context.Context, hash string) (Session, error) {
	object, err := hashObject(sessionPrefix, hash)
	if err != nil {
		return Session{}, err
	}
	session, _, err := s.sealed.get(ctx, object)
	if err != nil {
		return Session{}, err
	}
	return session, session.valid()
}

// valid returns ErrNotFound for an expired session.
func (s *Session) valid() error {
	if time.Now().UnixMilli() >= s.ExpiresUnixMS {
		return fmt.Errorf("session expired: %w", ErrNotFound)
	}
	return nil
}

// Update changes a session that has not expired and returns the new one. apply may run several times.
func (s *Sessions) Update(ctx context.Context, hash string, apply func(*Session) error) (Session, error) {
	object, err := hashObject(sessionPrefix, hash)
	if err != nil {
		return Session{}, err
	}
	return s.sealed.update(ctx, object, func(session *Session) error {
		if err := session.valid(); err != nil {
			return err
		}
		return apply(session)
	})
}

// Delete signs out.
func (s *Sessions) Delete(ctx context.Context, hash string) error {
	object, err := hashObject(sessionPrefix, hash)
	if err != nil {
		return err
	}
	return s.sealed.store.Delete(ctx, object)
}

// Sweep deletes the sessions that have expired and returns how many. It reads every session: once in a while is enough.
func (s *Sessions) Sweep(ctx context.Context) (deleted int, err error) {
	return sweep(ctx, s.sealed, sessionPrefix, func(v Session) int64 { return v.ExpiresUnixMS })
}

// sweep deletes the objects below prefix that have expired. One that does not open stays: whether it has expired is unknown.
func sweep[T any](ctx context.Context, sealed sealedObjects[T], prefix string, expires func(T) int64) (deleted int, err error) {
	objects, err := sealed.store.List(ctx, prefix)
	if err != nil {
		return 0, err
	}
	now := time.Now().UnixMilli()
	gone, err := fetchAll(ctx, objects, func(ctx context.Context, o Object) (bool, error) {
		v, _, err := sealed.get(ctx, o.Key)
		if isDamage(err) {
			sealed.store.log.Warn("expiry of an object cannot be read", "object", o.Key, "err", err)
			return false, nil
		}
		if err != nil || now < expires(v) {
			return false, err
		}
		return true, sealed.store.Delete(ctx, o.Key)
	})
	for _, yes := range gone {
		if yes {
			deleted++
		}
	}
	return deleted, err
}
