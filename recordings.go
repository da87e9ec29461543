package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"souffleur/internal/recording"
	"souffleur/storage/export"
)

// job is a recording to transcribe.
type job struct {
	path   string
	name   string // for people: its path below the folder that was named, or its file name
	output string // file of the transcript; "" for standard output
}

// findRecordings returns the files named, and all recordings in and below the folders named, sorted by name, each once. A file that is named
// counts as a recording whatever it is called.
func findRecordings(paths []string) ([]job, error) {
	var jobs []job
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, usageError{err}
		}
		if !info.IsDir() {
			jobs = append(jobs, job{path: path, name: filepath.Base(path)})
			continue
		}
		found, err := recordingsBelow(path)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, badUsage("no recordings in %s", path)
		}
		jobs = append(jobs, found...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(jobs, func(j job) bool {
		twice := seen[j.path]
		seen[j.path] = true
		return twice
	}), nil
}

// recordingsBelow looks through a folder. What begins with a dot is not for people: remains of copies, thumbnails, versions.
func recordingsBelow(root string) ([]job, error) {
	var jobs []job
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && path != root
		if hidden && d.IsDir() {
			return fs.SkipDir
		}
		if hidden || !recording.Known(path) || !isFile(path) {
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		jobs = append(jobs, job{path: path, name: name})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for recordings: %w", err)
	}
	return jobs, nil
}

// isFile says whether path is a file, or a link to one.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// nameOutputs names the transcripts: as the recordings, with another end. Recordings that differ only in their end keep it, so
// that a.wav and a.mp3 become a.wav.txt and a.mp3.txt.
func nameOutputs(jobs []job, dir string, format export.Format) error {
	same := map[string]int{}
	for _, j := range jobs {
		same[stem(j.name)]++
	}
	from := map[string]string{}
	for i := range jobs {
		j := &jobs[i]
		base := stem(j.name)
		if same[base] > 1 {
			base = j.name
		}
		j.output = filepath.Join(dir, base+"."+string(format))
		if other, taken := from[j.output]; taken && other != j.path {
			return badUsage("%s and %s would both become %s: transcribe them in two calls", other, j.path, j.output)
		}
		from[j.output] = j.path
	}
	return nil
}

// stem is a name without its end.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// done says whether the transcript was written after the recording.
func (j job) done() bool {
	source, err := os.Stat(j.path)
	if err != nil {
		return false
	}
	made, err := os.Stat(j.output)
	return err == nil && made.Mode().IsRegular() && made.ModTime().After(source.ModTime())
}

// write has the output written under a temporary name first: one that is there is whole. Only its owner may read it.
func (j job) write(content func(io.Writer) error) (err error) {
	dir := filepath.Dir(j.output)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	file, err := os.CreateTemp(dir, ".souffleur-*")
	if err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = content(file)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	if err := os.Rename(file.Name(), j.output); err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	return nil
}
