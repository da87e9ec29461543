//go:build whisper && cgo

package whispercpp

/*
#cgo CFLAGS: -O2 -Wall -Wextra -Werror -Wno-unused-parameter
#cgo LDFLAGS: -lwhisper -lparakeet -lggml -lggml-cpu -lggml-base -lggml -lggml-cpu -lggml-base -lm -lstdc++ -lpthread
#include "shim.h"
#include <parakeet.h>
#include <whisper.h>
*/
import "C"

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// open runs once in a process: the library's log has one receiver for all its users.
var open = sync.OnceValue(func() error {
	C.wl_install()
	for _, got := range []string{C.GoString(C.whisper_version()), C.GoString(C.parakeet_version())} {
		if got != Version {
			return fmt.Errorf("linked with whisper.cpp %s, need %s: run scripts/build-whisper.sh", got, Version)
		}
	}
	return nil
})

// Open makes the library ready: its log no longer goes to standard error, its version is the expected one. It must be
// called before any other use of the library; calling it again is free.
func Open() error { return open() }

// DrainLog writes what the library has logged since the last call, warnings and errors, to log. Callers do so after a
// load, and after a call that failed. The lines hold no speech; see the filter in shim.c.
func DrainLog(log *slog.Logger) {
	var line [256]C.char
	for {
		level := C.wl_next(&line[0], C.int(len(line)))
		if level == 0 {
			break
		}
		text := strings.TrimSpace(C.GoString(&line[0]))
		if level == C.WL_ERROR {
			log.Error("whisper.cpp: " + text)
			continue
		}
		log.Warn("whisper.cpp: " + text)
	}
	if n := C.wl_lost(); n > 0 {
		log.Warn("whisper.cpp wrote more than its log ring holds", "lost_lines", int(n))
	}
}
