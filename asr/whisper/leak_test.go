//go:build whisper && cgo

package whisper

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"souffleur/asr"
	"souffleur/internal/malloc"
	"souffleur/internal/models/modelstest"
)

// cycles of a leak check: what the first ones hold is kept for reuse, by the library or by malloc itself.
const (
	warmUp = 3
	cycles = 12
)

// grows runs something over and over and returns by how many bytes each round leaves more allocated by C code, warm-up left
// out. It skips where that cannot be known: what malloc caches for each thread counts as allocated, so those caches must be off.
func grows(t *testing.T, round func()) float64 {
	t.Helper()
	if !strings.Contains(os.Getenv("GLIBC_TUNABLES"), "glibc.malloc.tcache_count=0") {
		t.Skip("make test-leaks runs this, without malloc's caches")
	}
	for range warmUp {
		round()
	}
	before := malloc.InUse()
	if before == 0 {
		t.Skip("this C library does not tell what is allocated")
	}
	for range cycles {
		round()
	}
	each := float64(malloc.InUse()-before) / cycles
	t.Logf("%.0f bytes a round, %.1f MB in use", each, float64(before)/1e6)
	return each
}

// mostGrowth is what a round may leave on average, in bytes. Measured: nothing for recognisers and models, up to 1,000 bytes
// more or less after any number of decodes. A string that is forgotten once a decode is more.
const mostGrowth = 100

func TestDecodesLeaveNothingAllocated(t *testing.T) {
	r := newRecognizer(t)
	pcm := speech(t)[:3*asr.SampleRate]
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	each := grows(t, func() {
		for _, req := range []asr.Request{
			{PCM: pcm, Lang: "en", Partial: true},
			{PCM: pcm, Lang: "en", Prompt: "Ask not, Americans."},
			{PCM: pcm, Langs: []string{"en", "fr"}},
		} {
			recognize(t, r, req)
		}
		if _, err := r.Recognize(cancelled, asr.Request{PCM: pcm, Lang: "en"}); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled decode: %v", err)
		}
	})
	if each > mostGrowth {
		t.Errorf("a round of decodes leaves %.0f bytes", each)
	}
}

func TestClosedRecognizersLeaveNothingAllocated(t *testing.T) {
	newRecognizer(t) // the model is loaded, and skips if there is none
	m, err := sharedModel()
	if err != nil {
		t.Fatal(err)
	}
	pcm := speech(t)[:asr.SampleRate]
	each := grows(t, func() {
		r, err := m.NewRecognizer()
		if err != nil {
			t.Fatal(err)
		}
		recognize(t, r, asr.Request{PCM: pcm, Lang: "en", Partial: true})
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if each > mostGrowth {
		t.Errorf("a recogniser that was closed leaves %.0f bytes", each)
	}
}

func TestClosedModelsLeaveNothingAllocated(t *testing.T) {
	path := modelstest.Path(t, "whisper-base")
	each := grows(t, func() {
		m, err := Load(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.NewRecognizer()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(m.Close(), r.Close()); err != nil {
			t.Error(err)
		}
	})
	if each > mostGrowth {
		t.Errorf("a model that was closed leaves %.0f bytes", each)
	}
}
