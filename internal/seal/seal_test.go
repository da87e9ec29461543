package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestSealedBytesOpenOnlyAtTheirPlace(t *testing.T) {
	key, _ := NewKey()
	sealed := key.Seal([]byte("spoken words"), "here")
	if bytes.Contains(sealed, []byte("spoken")) {
		t.Fatal("sealed bytes show the plain text")
	}
	plain, err := key.Open(sealed, "here")
	if err != nil || string(plain) != "spoken words" {
		t.Fatalf("open: %q, %v", plain, err)
	}
	if _, err := key.Open(sealed, "there"); !errors.Is(err, ErrOpen) {
		t.Errorf("opened at another place: %v", err)
	}
	other, _ := NewKey()
	if _, err := other.Open(sealed, "here"); !errors.Is(err, ErrOpen) {
		t.Errorf("opened with another key: %v", err)
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := key.Open(damaged, "here"); !errors.Is(err, ErrOpen) {
			t.Fatalf("opened with byte %d changed", i)
		}
	}
	for n := range Overhead {
		if _, err := key.Open(sealed[:n], "here"); !errors.Is(err, ErrOpen) {
			t.Fatalf("opened %d bytes", n)
		}
	}
}

func TestWrappedKeysNeedTheirMasterAndPlace(t *testing.T) {
	dir := t.TempDir()
	master, err := LoadMaster(filepath.Join(dir, "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadMaster(filepath.Join(dir, "master.key"), false)
	if err != nil || again.ID() != master.ID() {
		t.Fatalf("loaded again: %v", err)
	}
	key, raw := NewKey()
	wrapped := master.Wrap(raw, "meetings/1/key.json")
	back, err := again.Unwrap(wrapped, "meetings/1/key.json")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := back.Open(key.Seal([]byte("x"), "p"), "p"); err != nil || string(plain) != "x" {
		t.Errorf("the unwrapped key is another: %v", err)
	}
	if _, err := again.Unwrap(wrapped, "meetings/2/key.json"); err == nil {
		t.Error("a wrapped key opened at another place")
	}
	stranger, err := LoadMaster(filepath.Join(dir, "other.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Unwrap(wrapped, "meetings/1/key.json"); !errors.Is(err, ErrMaster) {
		t.Errorf("another master key: %v", err)
	}
}

func TestMasterKeyFileIsPrivateAndChecked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := LoadMaster(path, false); err == nil {
		t.Error("a missing file was accepted")
	}
	if _, err := LoadMaster(path, true); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMaster(path, true); err == nil {
		t.Error("a damaged file was accepted or replaced")
	}
}

func TestDerivedKeysFollowFromKeyAndPurpose(t *testing.T) {
	key, raw := NewKey()
	again, err := KeyFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := NewKey()
	derived := key.Derive("search")
	if len(derived) != KeySize || !bytes.Equal(derived, again.Derive("search")) {
		t.Errorf("equal keys derive %x and %x", derived, again.Derive("search"))
	}
	for name, foreign := range map[string][]byte{"another purpose": key.Derive("else"), "another key": other.Derive("search"), "the key": raw} {
		if bytes.Equal(derived, foreign) {
			t.Errorf("%s gives the same bytes", name)
		}
	}
}
