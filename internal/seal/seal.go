// Package seal encrypts what Souffleur keeps or sends: AES-256-GCM with a random nonce, bound to the place where the
// sealed bytes stand, so that a record or object copied to another place does not open there.
//
// A [Master] key wraps data keys ([Key]); data keys seal records, objects and tokens. Where keys are kept is the
// business of package storage.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the length of a key in bytes (AES-256).
const KeySize = 32

// NonceSize is the length of the nonce in front of sealed bytes.
const NonceSize = 12

// Overhead is how many bytes sealing adds: nonce and tag.
const Overhead = NonceSize + 16

// ErrOpen says that sealed bytes did not open: wrong key, wrong place, or changed on the way.
var ErrOpen = errors.New("sealed bytes do not open: wrong key, wrong place, or damaged")

// Key seals and opens. It is safe for concurrent use; the zero value is not valid.
type Key struct {
	aead cipher.AEAD
	root [sha256.Size]byte // what other keys are derived from
}

// NewKey returns a fresh random key and its raw bytes, which the caller wraps and forgets.
func NewKey() (key Key, raw []byte) {
	raw = make([]byte, KeySize)
	rand.Read(raw) // never fails since Go 1.24
	key, err := KeyFrom(raw)
	if err != nil {
		panic(err) // the size is ours
	}
	return key, raw
}

// KeyFrom returns the key of raw, which must have KeySize bytes.
func KeyFrom(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("key has %d bytes, needs %d", len(raw), KeySize)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return Key{}, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return Key{}, fmt.Errorf("make cipher mode: %w", err)
	}
	root, err := hkdf.Extract(sha256.New, raw, nil)
	if err != nil {
		return Key{}, fmt.Errorf("derive root: %w", err)
	}
	return Key{aead: aead, root: [sha256.Size]byte(root)}, nil
}

// Derive returns KeySize bytes for a purpose other than sealing, always the same (HKDF-SHA256, RFC 5869). They reveal
// nothing of k or of what was derived for another purpose, and are gone with k.
func (k Key) Derive(purpose string) []byte {
	derived, err := hkdf.Expand(sha256.New, k.root[:], purpose, KeySize)
	if err != nil {
		panic(err) // the length is ours
	}
	return derived
}

// Seal returns nonce and ciphertext of plain, bound to place. The same place must be given to [Key.Open].
func (k Key) Seal(plain []byte, place string) []byte {
	out := make([]byte, NonceSize, NonceSize+len(plain)+16)
	rand.Read(out)
	return k.aead.Seal(out, out[:NonceSize], plain, []byte(place))
}

// Open returns the plain bytes of sealed, or ErrOpen.
func (k Key) Open(sealed []byte, place string) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrOpen
	}
	plain, err := k.aead.Open(nil, sealed[:NonceSize], sealed[NonceSize:], []byte(place))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// Master is the key that wraps data keys. It is never written next to them.
type Master struct {
	key Key
	id  string
}

// Wrapped is a data key as it may be stored.
type Wrapped struct {
	V      int    `json:"v"`
	Master string `json:"master"` // ID of the master key that opens it
	Key    []byte `json:"key"`    // sealed raw key
}

// ErrMaster says that a data key was wrapped by another master key.
var ErrMaster = errors.New("wrapped by another master key: set the master key that this data directory was made with")

// NewMaster returns the master key of raw bytes.
func NewMaster(raw []byte) (*Master, error) {
	key, err := KeyFrom(raw)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("souffleur master key id\x00"), raw...))
	return &Master{key: key, id: hex.EncodeToString(sum[:8])}, nil
}

// ParseMaster reads a master key from 64 hexadecimal digits, as configuration carries it.
func ParseMaster(text string) (*Master, error) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, errors.New("master key must be 64 hexadecimal digits (make one with: openssl rand -hex 32)")
	}
	return NewMaster(raw)
}

// LoadMaster reads the master key file at path; with create it makes the file, mode 0600, if there is none.
func LoadMaster(path string, create bool) (*Master, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		m, err := ParseMaster(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return m, nil
	}
	if !errors.Is(err, os.ErrNotExist) || !create {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	raw := make([]byte, KeySize)
	rand.Read(raw)
	if err := writeOnce(path, []byte(hex.EncodeToString(raw)+"\n")); err != nil {
		return nil, fmt.Errorf("write master key: %w", err)
	}
	return NewMaster(raw)
}

// writeOnce creates path with b and makes it durable: losing a fresh master key means losing what it sealed.
func writeOnce(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// ID names the master key without revealing it.
func (m *Master) ID() string { return m.id }

// Wrap seals a raw data key for storage at place.
func (m *Master) Wrap(raw []byte, place string) Wrapped {
	return Wrapped{V: 1, Master: m.id, Key: m.key.Seal(raw, "wrap\x00"+place)}
}

// Unwrap returns the data key that was wrapped for place.
func (m *Master) Unwrap(w Wrapped, place string) (Key, error) {
	if w.Master != m.id {
		return Key{}, ErrMaster
	}
	raw, err := m.key.Open(w.Key, "wrap\x00"+place)
	if err != nil {
		return Key{}, err
	}
	return KeyFrom(raw)
}
