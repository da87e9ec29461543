package onnx

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
)

// entry is the function by which ONNX Runtime is used.
const entry = "OrtGetApiBase"

func noLibrary(err error) *Problem {
	return &Problem{
		NoLibrary, err,
		"Name ONNX Runtime's shared library with --onnx-runtime: docs/diarization-models.md says where to get it.",
	}
}

func badLibrary(path string, err error) *Problem {
	return &Problem{
		BadLibrary, fmt.Errorf("open %s: %w", path, err),
		fmt.Sprintf("Name ONNX Runtime's shared library for %s on %s, of version 1.%d or newer, with --onnx-runtime.", runtime.GOOS, runtime.GOARCH, leastMinor),
	}
}

// leastMinor is the version 1.x that the binding's functions need.
const leastMinor = 24

func oldLibrary(path string, err error) *Problem {
	return &Problem{
		OldLibrary, fmt.Errorf("open %s: %w", path, err),
		fmt.Sprintf("Name an ONNX Runtime of version 1.%d or newer with --onnx-runtime.", leastMinor),
	}
}

// CheckLibrary looks at a library without running anything of it: the loader of the system trusts a file's own offsets, and one
// that is cut short ends the process. Where libraries are not ELF only its presence is checked. The error is a [*Problem].
func CheckLibrary(path string) error {
	if path == "" {
		return noLibrary(errors.New("no library is named"))
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return noLibrary(err)
	}
	if err != nil {
		return badLibrary(path, err)
	}
	if !info.Mode().IsRegular() {
		return badLibrary(path, errors.New("it is no file"))
	}
	if !usesELF() {
		return nil
	}
	file, err := elf.Open(path)
	if err != nil {
		return badLibrary(path, fmt.Errorf("it is no shared library, or not all of one: %w", err))
	}
	defer file.Close()
	if err := complete(file, info.Size()); err != nil {
		return badLibrary(path, err)
	}
	return checkVersion(path, file)
}

func usesELF() bool {
	return slices.Contains([]string{"linux", "freebsd", "netbsd", "openbsd"}, runtime.GOOS)
}

// machines are the processors of ELF by Go's names.
var machines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM, "riscv64": elf.EM_RISCV,
	"ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390, "loong64": elf.EM_LOONGARCH,
}

// complete says what keeps a library from being an ONNX Runtime for this machine.
func complete(file *elf.File, size int64) error {
	if file.Type != elf.ET_DYN {
		return errors.New("it is no shared library")
	}
	if want, ok := machines[runtime.GOARCH]; ok && file.Machine != want {
		return fmt.Errorf("it is for another processor, %v", file.Machine)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_LOAD && (p.Filesz > uint64(size) || p.Off > uint64(size)-p.Filesz) {
			return errors.New("it is cut short")
		}
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("read its symbols: %w", err)
	}
	if !slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == entry && s.Section != elf.SHN_UNDEF }) {
		return fmt.Errorf("it is not ONNX Runtime: it has no %s", entry)
	}
	return nil
}

// checkVersion reads the version that official libraries carry as the version of their symbols; others are asked when they are open.
func checkVersion(path string, file *elf.File) error {
	versions, err := file.DynamicVersions()
	if err != nil {
		return nil //nolint:nilerr // it has none
	}
	for _, v := range versions {
		var major, minor int
		if n, _ := fmt.Sscanf(v.Name, "VERS_%d.%d", &major, &minor); n == 2 && (major < 1 || major == 1 && minor < leastMinor) {
			return oldLibrary(path, fmt.Errorf("it is ONNX Runtime %d.%d", major, minor))
		}
	}
	return nil
}
