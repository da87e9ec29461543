package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Master wraps data keys. It is never written next to them. While it is being replaced it holds several keys: the first
// wraps, all of them open.
type Master struct {
	keys []masterKey // never empty
}

type masterKey struct {
	key Key
	id  string
}

// maxMasters bounds how many keys a master key may hold: the present one, the one before, and room for a rotation that was
// begun twice.
const maxMasters = 8

// Wrapped is a data key as it may be stored.
type Wrapped struct {
	V      int    `json:"v"`
	Master string `json:"master"` // ID of the master key that opens it
	Key    []byte `json:"key"`    // sealed raw key
}

// ErrMaster says that a data key was wrapped by a master key that is not there.
var ErrMaster = errors.New("wrapped by another master key: set the master key that this data directory was made with")

// NewMaster returns the master key of raw bytes.
func NewMaster(raw []byte) (*Master, error) {
	k, err := masterKeyFrom(raw)
	if err != nil {
		return nil, err
	}
	return &Master{keys: []masterKey{k}}, nil
}

func masterKeyFrom(raw []byte) (masterKey, error) {
	key, err := KeyFrom(raw)
	if err != nil {
		return masterKey{}, fmt.Errorf("master key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("souffleur master key id\x00"), raw...))
	return masterKey{key: key, id: hex.EncodeToString(sum[:8])}, nil
}

// ErrNotMaster says that a text is no master key.
var ErrNotMaster = errors.New("a master key is 64 hexadecimal digits (make one with: souffleur keys new -)")

// ParseMaster reads a master key as configuration carries it: 64 hexadecimal digits. Further keys, separated by white space or
// commas, are former ones, which only open.
func ParseMaster(text string) (*Master, error) {
	words := masterWords(text)
	if len(words) == 0 {
		return nil, ErrNotMaster
	}
	if len(words) > maxMasters {
		return nil, fmt.Errorf("%d master keys: at most %d may be in use at once", len(words), maxMasters)
	}
	m := &Master{}
	for _, word := range words {
		raw, err := hex.DecodeString(word)
		if err != nil || len(raw) != KeySize {
			return nil, ErrNotMaster // without the cause, which would quote the key
		}
		k, err := masterKeyFrom(raw)
		if err != nil {
			return nil, err
		}
		m.keys = append(m.keys, k)
	}
	return m, nil
}

// masterWords are the keys in a text.
func masterWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

// NewMasterText returns a fresh master key in the form that ParseMaster reads, with a line break.
func NewMasterText() string {
	raw := make([]byte, KeySize)
	rand.Read(raw) // never fails since Go 1.24
	return hex.EncodeToString(raw) + "\n"
}

// ID names the master key that wraps, without revealing it.
func (m *Master) ID() string { return m.keys[0].id }

// IDs names all master keys, the one that wraps first.
func (m *Master) IDs() []string {
	ids := make([]string, len(m.keys))
	for i, k := range m.keys {
		ids[i] = k.id
	}
	return ids
}

// Wrap seals a raw data key for storage at place.
func (m *Master) Wrap(raw []byte, place string) Wrapped {
	return Wrapped{V: 1, Master: m.keys[0].id, Key: m.keys[0].key.Seal(raw, "wrap\x00"+place)}
}

// Unwrap returns the data key that was wrapped for place.
func (m *Master) Unwrap(w Wrapped, place string) (Key, error) {
	raw, err := m.open(w, place)
	if err != nil {
		return Key{}, err
	}
	defer clear(raw)
	return KeyFrom(raw)
}

// Rewrap returns the same data key, wrapped for the same place by the master key that wraps now.
func (m *Master) Rewrap(w Wrapped, place string) (Wrapped, error) {
	raw, err := m.open(w, place)
	if err != nil {
		return Wrapped{}, err
	}
	defer clear(raw)
	return m.Wrap(raw, place), nil
}

func (m *Master) open(w Wrapped, place string) ([]byte, error) {
	for _, k := range m.keys {
		if k.id == w.Master {
			return k.key.Open(w.Key, "wrap\x00"+place)
		}
	}
	return nil, ErrMaster
}
