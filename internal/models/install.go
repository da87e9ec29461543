package models

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"souffleur/internal/models/ggml"
	"souffleur/internal/models/torch"
)

// install makes a model of its staged files, checks it, and puts it in place. A model that is there is replaced only by one
// that passed the checks. origins says where the files came from, by hash.
func (s *Store) install(ctx context.Context, m *Model, origins map[string]string, progress Progress) error {
	r := &record{Name: m.Name, File: m.Result.File, Licence: m.Licence, Attribution: m.Attribution, Steps: m.Steps, Maker: maker}
	for _, f := range m.Files {
		r.Inputs = append(r.Inputs, input{f.Name, f.Size, f.SHA256, cmp.Or(origins[f.SHA256], "an earlier attempt")})
	}
	config, err := s.config(m)
	if err != nil {
		return err
	}
	r.Config = config
	path, err := s.runSteps(ctx, m, progress)
	if err != nil {
		return err
	}
	return s.place(m, r, path)
}

// place checks a finished file, moves it into place and writes its record: only with that it counts as installed.
func (s *Store) place(m *Model, r *record, path string) error {
	hash, err := hashFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if m.Result.SHA256 != "" && hash != m.Result.SHA256 {
		return errors.Join(&ChecksumError{File: m.Result.File, Want: m.Result.SHA256, Got: hash}, os.Remove(path))
	}
	if info.Size() != m.Result.Size {
		return errors.Join(fmt.Errorf("%s has %d bytes, expected %d", m.Result.File, info.Size(), m.Result.Size), os.Remove(path))
	}
	if err := errors.Join(os.Chmod(path, 0o644), os.Rename(path, s.path(m))); err != nil {
		return err
	}
	r.SHA256, r.Size, r.Modified = hash, info.Size(), info.ModTime()
	return s.writeRecord(m, r)
}

// config returns the checkpoint's config.json, nil if the model has none.
func (s *Store) config(m *Model) (json.RawMessage, error) {
	for _, f := range m.Files {
		if f.Name != "config.json" {
			continue
		}
		b, err := os.ReadFile(s.staged(f.SHA256))
		if err != nil {
			return nil, err
		}
		if !json.Valid(b) {
			return nil, fmt.Errorf("%s is not JSON", f.Name)
		}
		return b, nil
	}
	return nil, nil
}

// runSteps returns a temporary file that holds the model.
func (s *Store) runSteps(ctx context.Context, m *Model, progress Progress) (path string, err error) {
	if len(m.Steps) == 0 {
		return s.staged(m.Files[0].SHA256), nil
	}
	for _, step := range m.Steps {
		if ctx.Err() != nil {
			return "", errors.Join(ctx.Err(), discard(path))
		}
		progress(Event{Model: m.Name, What: step})
		made, err := s.runStep(m, step, path)
		if path != "" {
			err = errors.Join(err, os.Remove(path))
		}
		if err != nil {
			return "", fmt.Errorf("step %s: %w", step, err)
		}
		path = made
	}
	return path, nil
}

// runStep writes a step's result to a temporary file. before is the file of the step before it, "" for the first.
func (s *Store) runStep(m *Model, step, before string) (path string, err error) {
	out, err := os.CreateTemp(s.staging(), "made-")
	if err != nil {
		return "", err
	}
	switch step {
	case stepFromCT2:
		err = s.fromCT2(m, out)
	case stepFromSilero:
		err = s.fromSilero(m, out)
	case stepQuantize:
		err = quantize(before, out)
	case stepGE2E:
		err = s.fromTorch(m, torch.FromGE2E, out)
	case stepPyanNet:
		err = s.fromTorch(m, torch.FromPyanNet, out)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), nil
}

// file returns the staged file of a name.
func (s *Store) file(m *Model, name string) (string, error) {
	for _, f := range m.Files {
		if f.Name == name {
			return s.staged(f.SHA256), nil
		}
	}
	return "", fmt.Errorf("the manifest entry has no file %s", name)
}

func (s *Store) fromCT2(m *Model, out io.Writer) error {
	path, err := s.file(m, "model.bin")
	if err != nil {
		return err
	}
	tokenizerPath, err := s.file(m, "tokenizer.json")
	if err != nil {
		return err
	}
	tokenizer, err := os.ReadFile(tokenizerPath)
	if err != nil {
		return err
	}
	return withFile(path, func(file *os.File, size int64) error {
		return ggml.FromCTranslate2(file, size, tokenizer, out)
	})
}

func (s *Store) fromSilero(m *Model, out io.Writer) error {
	checkpoint, err := os.ReadFile(s.staged(m.Files[0].SHA256))
	if err != nil {
		return err
	}
	return ggml.FromSilero(checkpoint, out)
}

func (s *Store) fromTorch(m *Model, convert func(checkpoint []byte, out io.Writer) error, out io.Writer) error {
	checkpoint, err := os.ReadFile(s.staged(m.Files[0].SHA256))
	if err != nil {
		return err
	}
	return convert(checkpoint, out)
}

func quantize(path string, out io.Writer) error {
	return withFile(path, func(file *os.File, size int64) error { return ggml.Quantize(file, size, out) })
}

func withFile(path string, use func(file *os.File, size int64) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return use(file, info.Size())
}
