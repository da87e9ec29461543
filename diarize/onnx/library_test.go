package onnx

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// compiled builds a shared library from C, or skips the test.
func compiled(t *testing.T, source string, flags ...string) string {
	t.Helper()
	if !usesELF() {
		t.Skip("libraries are looked into where they are ELF")
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "lib.c"), []byte(source))
	out := filepath.Join(dir, "lib.so")
	if b, err := exec.Command(cc, append([]string{"-shared", "-fPIC", "-o", out, filepath.Join(dir, "lib.c")}, flags...)...).CombinedOutput(); err != nil {
		t.Skipf("cc: %v: %s", err, b)
	}
	return out
}

// oldSource is an ONNX Runtime that knows no API as new as ours.
const oldSource = `
#include <stddef.h>
struct base { const void *(*get)(unsigned); const char *(*version)(void); };
static const void *get(unsigned v) { return NULL; }
static const char *version(void) { return "1.10.0"; }
static struct base base = { get, version };
const struct base *OrtGetApiBase(void) { return &base; }
`

func TestWhatIsNoLibraryIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	write(t, text, []byte("not a library\n"))
	for what, c := range map[string]struct {
		path string
		want Name
	}{
		"no path": {"", NoLibrary}, "nothing there": {filepath.Join(dir, "none.so"), NoLibrary}, "a folder": {dir, BadLibrary},
		"a text": {text, BadLibrary},
	} {
		if what == "a text" && !usesELF() {
			continue
		}
		named(t, what, CheckLibrary(c.path), c.want)
	}
	named(t, "another library", CheckLibrary(compiled(t, "int answer(void) { return 42; }")), BadLibrary)
}

func TestDamagedLibrariesAreNotOpened(t *testing.T) {
	whole, err := os.ReadFile(compiled(t, oldSource))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lib.so")
	for n := 0; n < len(whole); n += 1 + len(whole)/50 {
		write(t, path, whole[:n])
		named(t, "a library cut short", CheckLibrary(path), BadLibrary)
	}
	foreign := append([]byte(nil), whole...)
	machine := elf.EM_S390
	if runtime.GOARCH == "s390x" {
		machine = elf.EM_X86_64
	}
	binary.NativeEndian.PutUint16(foreign[18:], uint16(machine)) // e_machine
	write(t, path, foreign)
	named(t, "a library of another processor", CheckLibrary(path), BadLibrary)
	write(t, path, whole)
	if err := CheckLibrary(path); err != nil {
		t.Errorf("a whole library: %v", err)
	}
}

func TestOldLibrariesAreKnownBeforeTheyAreOpened(t *testing.T) {
	script := filepath.Join(t.TempDir(), "version")
	for text, want := range map[string]Name{"VERS_1.23.2": OldLibrary, "VERS_0.9.0": OldLibrary, "VERS_1.24.0": "", "VERS_2.0.0": ""} {
		write(t, script, []byte(text+" { global: OrtGetApiBase; local: *; };"))
		err := CheckLibrary(compiled(t, oldSource, "-Wl,--version-script="+script))
		if want != "" {
			named(t, text, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
