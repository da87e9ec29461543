//go:build whisper && cgo

package whisper

/*
#cgo CPPFLAGS: -I${SRCDIR}/../../build/whisper/include
#cgo CFLAGS: -O2 -Wall -Wextra -Werror -Wno-unused-parameter
#cgo CXXFLAGS: -O2 -std=c++17 -Wall -Wextra -Werror
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"unsafe"

	binding "github.com/ggerganov/whisper.cpp/bindings/go"

	"souffleur/internal/whispercpp"
)

// Model is a speech model in memory. All methods may be called from any goroutine.
type Model struct {
	name         string         // set once
	threads      int            // set once
	gpu          bool           // set once
	multilingual bool           // set once
	languages    map[string]int // set once: the library's ids
	codes        []string       // set once: languages by id
	log          *slog.Logger   // set once

	handle *C.struct_whisper_context // set once; valid as long as life has users or is not closed
	life   *whispercpp.Lifetime      // set once; its users are the recognisers that are not closed
}

// Load reads the ggml file at path. Its hash must have been verified: the library trusts what the file says of itself.
// A file that is no model gives an error that wraps [ErrModel].
func Load(path string, o Options) (*Model, error) {
	if err := whispercpp.Open(); err != nil {
		return nil, err
	}
	if err := checkHeader(path); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	m := &Model{name: whispercpp.ModelName(path), threads: max(o.Threads, 1), gpu: o.GPU, log: o.Log}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	m.handle = C.wx_load(cPath, cBool(o.GPU))
	whispercpp.DrainLog(m.log)
	if m.handle == nil {
		return nil, fmt.Errorf("load %s: %w", path, ErrModel)
	}
	m.life = whispercpp.NewLifetime(func() { C.wx_unload(m.handle) })
	m.multilingual = m.binding().Whisper_is_multilingual() != 0
	m.readLanguages()
	return m, nil
}

// binding lends the handle to the official binding, whose helpers take it as it is.
func (m *Model) binding() *binding.Context {
	return (*binding.Context)(unsafe.Pointer(m.handle))
}

// readLanguages keeps the language table, which is the library's and not the model's.
func (m *Model) readLanguages() {
	m.codes = make([]string, binding.Whisper_lang_max_id()+1)
	m.languages = make(map[string]int, len(m.codes))
	for id := range m.codes {
		m.codes[id] = binding.Whisper_lang_str(id)
		m.languages[m.codes[id]] = id
	}
}

// checkHeader refuses what the library would accept or trip over: a file of another kind, and one without weights, which
// it takes for an empty model of its own tests. The token embedding alone has a number for each token and dimension, of
// four bits at least.
func checkHeader(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var header struct {
		Magic                               uint32
		Vocab, AudioCtx, AudioState         int32
		AudioHead, AudioLayer               int32
		TextCtx, TextState                  int32
		TextHead, TextLayer, Mels, FileType int32
	}
	if err := binary.Read(io.LimitReader(file, 48), binary.LittleEndian, &header); err != nil || header.Magic != whispercpp.FileMagic {
		return fmt.Errorf("%w: no ggml header", ErrModel)
	}
	if header.AudioCtx != maxPositions || header.Vocab <= 0 || header.TextState <= 0 {
		return fmt.Errorf("%w: not a Whisper model", ErrModel)
	}
	if least := int64(header.Vocab) * int64(header.TextState) / 2; info.Size() < least {
		return fmt.Errorf("%w: %d bytes cannot hold its weights", ErrModel, info.Size())
	}
	return nil
}

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Name returns the model's file name without its extension.
func (m *Model) Name() string { return m.name }

// Close gives the model up. Its memory is freed when the last of its recognisers is closed. Close is idempotent.
func (m *Model) Close() error {
	m.life.Close()
	return nil
}
