package seal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// script writes a shell script and returns its path.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kms")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func hexKey(b byte) string { return hex.EncodeToString(slices.Repeat([]byte{b}, KeySize)) }

func TestANewMasterKeyWrapsAndTheOldOneStillOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	old, err := LoadMaster(path, true)
	if err != nil {
		t.Fatal(err)
	}
	_, raw := NewKey()
	wrapped := old.Wrap(raw, "place")
	both, err := AddMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	if ids := both.IDs(); len(ids) != 2 || ids[1] != old.ID() || both.ID() == old.ID() {
		t.Fatalf("the keys are %v", ids)
	}
	if _, err := both.Unwrap(wrapped, "place"); err != nil {
		t.Errorf("what the old key wrapped: %v", err)
	}
	again, err := both.Rewrap(wrapped, "place")
	if err != nil || again.Master != both.ID() {
		t.Fatalf("rewrapped by %s: %v", again.Master, err)
	}
	if _, err := both.Rewrap(wrapped, "elsewhere"); !errors.Is(err, ErrOpen) {
		t.Errorf("rewrapped at another place: %v", err)
	}
	alone, err := RetireMasters(path)
	if err != nil || len(alone.IDs()) != 1 || alone.ID() != both.ID() {
		t.Fatalf("after retiring: %v, %v", alone, err)
	}
	key, err := alone.Unwrap(again, "place")
	if err != nil {
		t.Fatal(err)
	}
	same, _ := KeyFrom(raw)
	if plain, err := key.Open(same.Seal([]byte("x"), "p"), "p"); err != nil || string(plain) != "x" {
		t.Errorf("rewrapping changed the data key: %v", err)
	}
	if _, err := alone.Unwrap(wrapped, "place"); !errors.Is(err, ErrMaster) {
		t.Errorf("the retired key still opens: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestTextsThatAreNoMasterKeyAreRefusedAndNotRepeated(t *testing.T) {
	for _, text := range []string{
		"", " \n", "secret-but-wrong", hexKey(1)[:62], hexKey(1) + "zz", hexKey(1) + "\nsecret-but-wrong", strings.Repeat(hexKey(1)+"\n", maxMasters+1),
	} {
		m, err := ParseMaster(text)
		if err == nil || m != nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), hexKey(1)[:8]) {
			t.Errorf("%.20q gave %v, %v", text, m, err)
		}
	}
	if m, err := ParseMaster(hexKey(1) + ", " + hexKey(2) + "\r\n"); err != nil || len(m.IDs()) != 2 {
		t.Errorf("two keys gave %v", err)
	}
}

// TestTheMasterKeyComesFromACommand runs a script that opens a wrapped file, as the client of a key service would.
func TestTheMasterKeyComesFromACommand(t *testing.T) {
	want, err := ParseMaster(hexKey(7))
	if err != nil {
		t.Fatal(err)
	}
	wrapped := filepath.Join(t.TempDir(), "master.wrapped")
	if err := os.WriteFile(wrapped, []byte(strings.Map(swapCase, hexKey(7))), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Source{
		"unwraps the file":  {File: wrapped, Command: script(t, `tr 'g-p' '0-9'`)},
		"needs no file":     {Command: script(t, `test -z "$(cat)" && echo `+hexKey(7))},
		"gets its argument": {Command: script(t, `test "$1" = decrypt && echo `+hexKey(7)) + "  decrypt"},
		"from the variable": {Text: hexKey(7)},
	} {
		m, err := s.Master(t.Context())
		if err != nil || m.ID() != want.ID() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// swapCase hides digits as the letters g to p: a cipher for tests.
func swapCase(r rune) rune {
	if r >= '0' && r <= '9' {
		return r - '0' + 'g'
	}
	return r
}

func TestACommandThatFailsIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		source Source
		want   string
	}{
		"no such program":    {Source{Command: "/nonexistent/kms"}, "/nonexistent/kms"},
		"exit status":        {Source{Command: script(t, "echo access denied >&2; exit 3")}, "exit status 3: access denied"},
		"not a key":          {Source{Command: script(t, "echo sesame")}, "64 hexadecimal digits"},
		"endless answer":     {Source{Command: script(t, "head -c 300000 /dev/zero")}, "longer than"},
		"no file":            {Source{File: "/nonexistent/wrapped", Command: "true"}, "/nonexistent/wrapped"},
		"two ways at once":   {Source{Text: hexKey(1), Command: "true"}, "given twice"},
		"nothing":            {Source{}, "no master key"},
		"only white space":   {Source{Command: "  "}, "empty"},
		"a file too long":    {Source{File: "/dev/zero"}, "longer than"},
		"a missing file":     {Source{File: "/nonexistent/key"}, "/nonexistent/key"},
		"a damaged variable": {Source{Text: "x"}, "64 hexadecimal digits"},
	} {
		m, err := c.source.Master(t.Context())
		if err == nil || m != nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestACommandThatHangsIsEnded also holds its standard output open in a child of its own.
func TestACommandThatHangsIsEnded(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	s := Source{Command: script(t, "sleep 1000 & echo $! >"+pidFile+"; wait")}
	_, err := s.ask(t.Context(), 300*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("got %v", err)
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	for stop := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			break
		}
		if time.Now().After(stop) {
			t.Fatal("what the command had started still runs")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Master(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	key, _ := KeyFrom(make([]byte, KeySize))
	f.Add(key.Seal([]byte("words"), "here"), "here")
	f.Add([]byte{}, "")
	f.Add(make([]byte, Overhead), "x")
	f.Fuzz(func(t *testing.T, sealed []byte, place string) {
		plain, err := key.Open(sealed, place)
		if err != nil {
			if !errors.Is(err, ErrOpen) {
				t.Fatal(err)
			}
			return
		}
		if len(plain) != len(sealed)-Overhead {
			t.Fatalf("%d sealed bytes gave %d", len(sealed), len(plain))
		}
		if _, err := key.Open(sealed, place+"?"); !errors.Is(err, ErrOpen) {
			t.Fatal("opened at a second place")
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	m, err := ParseMaster(hexKey(1) + "\n" + hexKey(2))
	if err != nil {
		f.Fatal(err)
	}
	_, raw := NewKey()
	good := m.Wrap(raw, "p")
	f.Add(good.Master, good.Key, "p")
	f.Add("", []byte{}, "")
	f.Fuzz(func(t *testing.T, id string, sealed []byte, place string) {
		_, err := m.Unwrap(Wrapped{V: 1, Master: id, Key: sealed}, place)
		if err != nil {
			if !errors.Is(err, ErrOpen) && !errors.Is(err, ErrMaster) {
				t.Fatal(err)
			}
			return
		}
		if len(sealed) != KeySize+Overhead {
			t.Fatalf("a key of %d sealed bytes opened", len(sealed))
		}
		if _, err := m.Unwrap(Wrapped{V: 1, Master: id, Key: sealed}, place+"?"); !errors.Is(err, ErrOpen) {
			t.Fatal("opened at a second place")
		}
	})
}

func FuzzParseMaster(f *testing.F) {
	f.Add(hexKey(1))
	f.Add(hexKey(1) + "," + hexKey(2))
	f.Add("x")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMaster(text)
		if err != nil {
			if len(text) > 8 && strings.Contains(fmt.Sprint(err), text) {
				t.Fatal("the error repeats the text")
			}
			return
		}
		if len(m.IDs()) == 0 || len(m.IDs()) > maxMasters || m.ID() != m.IDs()[0] {
			t.Fatalf("keys are %v", m.IDs())
		}
	})
}
