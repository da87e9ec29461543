package search

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	bleve "github.com/blevesearch/bleve_index_api"

	"souffleur/internal/seal"
)

// filesPurpose is what the key for the files of the index is derived for.
const filesPurpose = "souffleur search files 1"

// errForeign says that a file was sealed with another instance key, or not at all.
var errForeign = errors.New("file of the search index does not open: another instance key, or damaged")

// sealFiles makes the library seal everything that it writes in a folder: the dictionary, the postings, what is stored, and
// its database's values (AES-256-GCM). In clear stay names of fields, numbers of entries and sizes.
//
// The library has one pair of hooks for all indexes of a process, so the folders' keys stand in a variable of the package.
// unseal must be called when the index of the folder is closed.
func sealFiles(dir string, key []byte) (unseal func()) {
	hookOnce()
	folders.Store(dir, key)
	return func() { folders.Delete(dir) }
}

// folders has the key of each open index, by its folder.
var folders sync.Map // string to []byte

var hookOnce = sync.OnceFunc(func() {
	bleve.WriterHook = writerFor
	bleve.ReaderHook = readerFor
})

// saltSize is the length of what makes the key of a file. Each has its own: one key would seal, over the years, more pieces
// than random nonces are good for.
const saltSize = 16

// writerFor is the library's hook for a file that it begins to write. The id is kept in the file.
func writerFor(file []byte) (id string, process func([]byte) []byte, err error) {
	key, ok := folders.Load(filepath.Dir(string(file)))
	if !ok {
		return "", nil, fmt.Errorf("write %s: no key for its folder", file)
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails since Go 1.24
	aead, err := fileKey(key.([]byte), salt)
	if err != nil {
		return "", nil, err
	}
	return string(salt), func(plain []byte) []byte {
		if len(plain) == 0 { // most words have an empty list beside their postings
			return nil
		}
		out := make([]byte, seal.NonceSize, len(plain)+seal.Overhead)
		rand.Read(out)
		return aead.Seal(out, out, plain, nil)
	}, nil
}

// readerFor is the library's hook for a file that it opens.
func readerFor(id string, file []byte) (func([]byte) ([]byte, error), error) {
	if id == "" && file == nil { // a segment that is still in memory
		return func(data []byte) ([]byte, error) { return data, nil }, nil
	}
	key, ok := folders.Load(filepath.Dir(string(file)))
	if !ok || len(id) != saltSize {
		return nil, errForeign
	}
	aead, err := fileKey(key.([]byte), []byte(id))
	if err != nil {
		return nil, err
	}
	return func(sealed []byte) ([]byte, error) {
		if len(sealed) == 0 {
			return nil, nil
		}
		if len(sealed) < seal.Overhead {
			return nil, errForeign
		}
		plain, err := aead.Open(nil, sealed[:seal.NonceSize], sealed[seal.NonceSize:], nil)
		if err != nil {
			return nil, errForeign
		}
		return plain, nil
	}, nil
}

func fileKey(key, salt []byte) (cipher.AEAD, error) {
	raw, err := hkdf.Key(sha256.New, key, salt, "file", seal.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive key of search index file: %w", err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher mode: %w", err)
	}
	return aead, nil
}
