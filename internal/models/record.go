package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// record says what an installed model was made from. It lies beside the model, as NAME.json.
type record struct {
	Name        string    `json:"name"`
	File        string    `json:"file"`
	Size        int64     `json:"size"`
	SHA256      string    `json:"sha256"`
	Modified    time.Time `json:"modified"` // of the file when its hash was taken: unchanged, the hash still holds
	Licence     string    `json:"licence"`
	Attribution string    `json:"attribution"`
	Inputs      []input   `json:"inputs"`
	Steps       []string  `json:"steps,omitempty"`
	Maker       string    `json:"maker"` // what ran the steps
	// Config is the checkpoint's config.json: which heads align text with audio, which tokens to suppress.
	Config json.RawMessage `json:"config,omitempty"`
}

// input is a file that a model was made from.
type input struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Origin string `json:"origin"`
}

// maker rises when the steps give other bytes than before.
const maker = "souffleur models, steps of version 1"

// ErrNotInstalled says that a model is not in the store.
var ErrNotInstalled = errors.New("not installed")

// ChecksumError says that a file is not the one that the manifest, or its record, speaks of.
type ChecksumError struct {
	File      string
	Want, Got string // SHA-256, hexadecimal
}

// Error implements error.
func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s has SHA-256 %s, expected %s", e.File, e.Got, e.Want)
}

func (s *Store) recordPath(m *Model) string {
	return filepath.Join(s.dir, m.stem()+".json")
}

// readRecord returns the record of m, and an error that wraps [ErrNotInstalled] if there is none.
func (s *Store) readRecord(m *Model) (*record, error) {
	b, err := os.ReadFile(s.recordPath(m))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model %s: %w in %s", m.Name, ErrNotInstalled, s.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("model %s: read its record %s: %w", m.Name, s.recordPath(m), err)
	}
	return &r, nil
}

func (s *Store) writeRecord(m *Model, r *record) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(s.staging(), "record-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(append(b, '\n'))
	err = errors.Join(err, temporary.Sync(), temporary.Chmod(0o644), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), s.recordPath(m))
	}
	if err != nil {
		os.Remove(temporary.Name())
		return fmt.Errorf("write the record of model %s: %w", m.Name, err)
	}
	return nil
}

// hashFile returns the SHA-256 of a file, in hexadecimal.
func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
