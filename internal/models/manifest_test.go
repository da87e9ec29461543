package models

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOurManifestIsSound(t *testing.T) {
	m, err := parseManifest(embedded)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range m.Models {
		if err := entry.unverified(); err != nil {
			t.Errorf("%s: %v", entry.Name, err)
		}
		if entry.Licence == "" || entry.Attribution == "" || len(entry.Roles) == 0 {
			t.Errorf("%s lacks its licence, attribution or roles", entry.Name)
		}
		for _, f := range entry.Files {
			if len(f.Sources) == 0 {
				t.Errorf("%s: nobody offers %s", entry.Name, f.Name)
			}
		}
	}
	for _, name := range Defaults() {
		if m.find(name) == nil {
			t.Errorf("default model %s is not in the manifest", name)
		}
	}
}

func TestManifestsOutOfBoundsAreRefused(t *testing.T) {
	const good = `{"models":[{"name":"m","files":[{"name":"f","size":1,"sha256":"","sources":[{"url":"https://a/f"}]}],"result":{"file":"m.bin","size":1}}]}`
	if _, err := parseManifest([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"path as name":      {`"name":"m"`, `"name":"../m"`},
		"path as file":      {`"m.bin"`, `"a/m.bin"`},
		"the manifest":      {`"m.bin"`, `"manifest.json"`},
		"hidden file":       {`"m.bin"`, `".staging"`},
		"no size":           {`"size":1,"sha256"`, `"size":0,"sha256"`},
		"huge":              {`"size":1,"sha256"`, `"size":99999999999999,"sha256"`},
		"short hash":        {`"sha256":""`, `"sha256":"abcd"`},
		"plain http":        {`https://a/f`, `http://a/f`},
		"option as package": {`{"url":"https://a/f"}`, `{"packages":["pypi:--index==1"]}`},
		"no version":        {`{"url":"https://a/f"}`, `{"packages":["npm:a"]}`},
		"two ways":          {`{"url":"https://a/f"}`, `{"url":"https://a/f","packages":["npm:a@1"]}`},
		"unknown step":      {`"result"`, `"steps":["run setup.py"],"result"`},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		if changed == good {
			t.Fatalf("%s: nothing changed", what)
		}
		if _, err := parseManifest([]byte(changed)); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

func TestAModelWithoutAHashIsListedAndRefused(t *testing.T) {
	dir := t.TempDir()
	const local = `{"models":[{"name":"mine","files":[{"name":"f.bin","size":1,"sources":[{"url":"https://a/f"}]}],"result":{"file":"mine.bin","size":1}}]}`
	if err := os.WriteFile(filepath.Join(dir, localManifest), []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewStore(dir, slog.New(slog.DiscardHandler))
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(list, func(l Listing) bool { return l.Name == "mine" && l.State == Unverified }) {
		t.Error("it is not listed as unverified")
	}
	err = s.Pull(t.Context(), "mine", nil)
	if !errors.Is(err, ErrUnverified) || !strings.Contains(err.Error(), "f.bin") {
		t.Errorf("pull: %v", err)
	}
}

func TestALocalManifestCannotReplaceOurModels(t *testing.T) {
	dir := t.TempDir()
	const local = `{"models":[{"name":"silero-vad","files":[{"name":"f","size":1,"sources":[{"url":"https://a/f"}]}],"result":{"file":"x.bin","size":1}}]}`
	if err := os.WriteFile(filepath.Join(dir, localManifest), []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStore(dir, slog.New(slog.DiscardHandler)).List(); err == nil {
		t.Error("it was accepted")
	}
}
