//go:build whisper && cgo

package parakeet

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../build/whisper/include
#cgo CFLAGS: -O2 -Wall -Wextra -Werror -Wno-unused-parameter
#cgo CXXFLAGS: -O2 -std=c++17 -Wall -Wextra -Werror
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"log/slog"
	"unsafe"

	"souffleur/internal/whispercpp"
)

// Model is a speech model in memory. All methods may be called from any goroutine.
type Model struct {
	name    string       // set once
	threads int          // set once
	log     *slog.Logger // set once

	handle *C.struct_parakeet_context // set once; valid as long as life has users or is not closed
	life   *whispercpp.Lifetime       // set once; its users are the recognisers that are not closed
}

// Load reads the ggml file at path. Its hash must have been verified: only the structure of the file is checked here, so that
// the library survives it. A file that is no Parakeet model, or a damaged one, gives an error that wraps [ErrModel].
func Load(path string, o Options) (*Model, error) {
	if err := whispercpp.Open(); err != nil {
		return nil, err
	}
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	m := &Model{name: whispercpp.ModelName(path), threads: max(o.Threads, 1), log: o.Log}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	useGPU := C.int(0)
	if o.GPU {
		useGPU = 1
	}
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	m.handle = C.px_load(cPath, useGPU)
	whispercpp.DrainLog(m.log)
	if m.handle == nil {
		return nil, fmt.Errorf("load %s: %w", path, ErrModel)
	}
	m.life = whispercpp.NewLifetime(func() { C.px_unload(m.handle) })
	return m, nil
}

// Name returns the model's file name without its extension.
func (m *Model) Name() string { return m.name }

// Close gives the model up. Its memory is freed when the last of its recognisers is closed. Close is idempotent.
func (m *Model) Close() error {
	m.life.Close()
	return nil
}
