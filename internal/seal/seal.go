// Package seal encrypts what Souffleur keeps or sends: AES-256-GCM with a random nonce, bound to the place where the
// sealed bytes stand, so that a record or object copied to another place does not open there.
//
// A [Master] key wraps data keys ([Key]); data keys seal records, objects and tokens. Where data keys are kept is the
// business of package storage; a master key comes from a file, from the environment or from the operator's own command
// ([Source]).
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
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
