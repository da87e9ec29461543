//go:build whisper && cgo

package vad

import (
	"os"
	"strings"
	"testing"

	"souffleur/asr"
	"souffleur/internal/malloc"
)

func TestClosedDetectorsLeaveNothingAllocated(t *testing.T) {
	if !strings.Contains(os.Getenv("GLIBC_TUNABLES"), "glibc.malloc.tcache_count=0") {
		t.Skip("make test-leaks runs this, without malloc's caches, which count as allocated")
	}
	m := load(t)
	round := func() {
		d, err := m.NewDetector()
		if err != nil {
			t.Fatal(err)
		}
		probabilities(t, d, make([]float32, 20*asr.HopSize))
		d.Reset()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 3 { // what they hold is kept for reuse
		round()
	}
	before := malloc.InUse()
	if before == 0 {
		t.Skip("this C library does not tell what is allocated")
	}
	const rounds = 300 // a new thread of Go keeps some 3 kB once
	for range rounds {
		round()
	}
	if each := (malloc.InUse() - before) / rounds; each > 100 {
		t.Errorf("a detector that was closed leaves %d bytes", each)
	}
}
