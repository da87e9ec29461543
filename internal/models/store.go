package models

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Store is a folder of speech models. Several programs may use one; only one at a time changes it.
type Store struct {
	dir           string
	log           *slog.Logger
	fetchPackages packageFetcher // a test's seam
	web           *downloader
}

// NewStore returns the store in dir, which is made when something is installed.
func NewStore(dir string, log *slog.Logger) *Store {
	return &Store{dir: dir, log: log, fetchPackages: runPackageClient, web: newDownloader()}
}

// Defaults returns the names of the models that a new installation needs: speech, voice detection, and the voices of a shared microphone.
func Defaults() []string { return []string{"whisper-base", "silero-vad", "ge2e", "pyannet"} }

// State is how a model stands in the store.
type State string

// States of a model.
const (
	Absent     State = "absent"
	Installed  State = "installed"
	Damaged    State = "damaged"    // there, but not as it was installed
	Unverified State = "unverified" // the manifest lacks a hash: it cannot be installed
)

// Listing is a model and how it stands.
type Listing struct {
	Model
	State State
}

// ErrUnknown says that a name is in no manifest.
var ErrUnknown = errors.New("there is no such model; souffleur models list names them")

// List returns all models of the manifest, in its order. It reads no model whole.
func (s *Store) List() ([]Listing, error) {
	manifest, err := readManifest(s.dir)
	if err != nil {
		return nil, err
	}
	list := make([]Listing, len(manifest.Models))
	for i, m := range manifest.Models {
		list[i] = Listing{Model: m, State: s.state(&m)}
	}
	return list, nil
}

func (s *Store) state(m *Model) State {
	if m.unverified() != nil {
		return Unverified
	}
	r, err := s.readRecord(m)
	if errors.Is(err, ErrNotInstalled) {
		return Absent
	}
	if err != nil || s.unchanged(m, r) != nil {
		return Damaged
	}
	return Installed
}

// model returns the manifest's entry for name.
func (s *Store) model(name string) (*Model, error) {
	manifest, err := readManifest(s.dir)
	if err != nil {
		return nil, err
	}
	m := manifest.find(name)
	if m == nil {
		return nil, fmt.Errorf("%q: %w", name, ErrUnknown)
	}
	if err := m.unverified(); err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	return m, nil
}

// Path returns the file of an installed model, ready to be loaded. name is the model's, or its file's without extension.
// A file that was not touched since its hash was taken is not read again; any other is hashed, about a second per 300 MB.
// Without the model the error wraps [ErrNotInstalled].
func (s *Store) Path(name string) (string, error) {
	m, err := s.model(name)
	if err != nil {
		return "", err
	}
	r, err := s.readRecord(m)
	if err != nil {
		return "", err
	}
	if s.unchanged(m, r) == nil {
		return s.path(m), nil
	}
	if err := s.check(m, r); err != nil {
		return "", err
	}
	return s.path(m), nil
}

// Verify hashes the file of an installed model and compares it with its record and with the manifest.
func (s *Store) Verify(name string) error {
	m, err := s.model(name)
	if err != nil {
		return err
	}
	r, err := s.readRecord(m)
	if err != nil {
		return err
	}
	return s.check(m, r)
}

func (s *Store) path(m *Model) string { return filepath.Join(s.dir, m.Result.File) }

// staging is the folder of what is under way. It lies in the store, so that a rename can end the work.
func (s *Store) staging() string { return filepath.Join(s.dir, ".staging") }

// unchanged compares what needs no reading: size, and the time of the last change.
func (s *Store) unchanged(m *Model, r *record) error {
	info, err := os.Stat(s.path(m))
	if err != nil {
		return err
	}
	if info.Size() != m.Result.Size || info.Size() != r.Size || !info.ModTime().Equal(r.Modified) || s.contradicts(m, r) != nil {
		return fmt.Errorf("model %s: %s was changed since it was installed", m.Name, s.path(m))
	}
	return nil
}

// contradicts says whether a record is not of this manifest's model.
func (s *Store) contradicts(m *Model, r *record) error {
	if m.Result.SHA256 != "" && r.SHA256 != m.Result.SHA256 {
		return fmt.Errorf("model %s: %w", m.Name, &ChecksumError{File: s.recordPath(m), Want: m.Result.SHA256, Got: r.SHA256})
	}
	if r.Name != m.Name {
		return fmt.Errorf("model %s: %s is the record of %q", m.Name, s.recordPath(m), r.Name)
	}
	hashes := map[string]bool{}
	for _, in := range r.Inputs {
		hashes[in.SHA256] = true
	}
	for _, f := range m.Files {
		if m.Result.SHA256 == "" && !hashes[f.SHA256] {
			return fmt.Errorf("model %s: its record does not name the %s of the manifest", m.Name, f.Name)
		}
	}
	return nil
}

// check hashes the model's file.
func (s *Store) check(m *Model, r *record) error {
	if err := s.contradicts(m, r); err != nil {
		return err
	}
	got, err := hashFile(s.path(m))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("model %s: %w: %s is gone", m.Name, ErrNotInstalled, s.path(m))
	}
	if err != nil {
		return fmt.Errorf("verify model %s: %w", m.Name, err)
	}
	if got != r.SHA256 {
		return fmt.Errorf("model %s: %w", m.Name, &ChecksumError{File: s.path(m), Want: r.SHA256, Got: got})
	}
	return nil
}
