package asr

import (
	"flag"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var soakFor = flag.Duration("soak", 0, "how long four speakers talk in TestSoak; 0: five minutes, with -short one")

// footprint is what a worker holds at a moment.
type footprint struct {
	At         time.Duration `json:"at"`
	Heap       uint64        `json:"heap"` // bytes in use after two collections
	Goroutines int           `json:"goroutines"`
	Finals     int           `json:"finals"` // so far
}

// TestSoak lets four people talk for a long time and looks at what the recogniser holds: no more at the end than after a tenth
// of the time.
func TestSoak(t *testing.T) {
	length := *soakFor
	switch {
	case length == 0 && testing.Short():
		length = time.Minute
	case length == 0:
		length = 5 * time.Minute
	}
	_, short := soak(t, length/10)
	seen, long := soak(t, length)
	for _, p := range seen {
		t.Logf("after %v: %d finals, heap %.2f MB, %d goroutines", p.At.Round(time.Second), p.Finals, float64(p.Heap)/1e6, p.Goroutines)
	}
	SaveFigures(t, seen)
	if len(seen) < 9 {
		t.Fatalf("looked %d times", len(seen))
	}
	early, late, end := seen[0], seen[len(seen)-2], seen[len(seen)-1]
	if long.broken != 0 {
		t.Errorf("%d partials changed stable text", long.broken)
	}
	if long.finals <= short.finals || end.Finals != long.finals {
		t.Errorf("%d finals published, %d counted, %d in a tenth of the time", long.finals, end.Finals, short.finals)
	}
	if late.Goroutines > early.Goroutines {
		t.Errorf("%d goroutines after a tenth of the time, then %d", early.Goroutines, late.Goroutines)
	}
	// Open utterances come and go: up to 12 s of samples and as much again for a guess, for each of four speakers. When all was
	// said there are none; pools of the runtime and of packages differ by less than 2 MB.
	const openSpeech, pools = 4 * 2 * 12 * SampleRate * 4, 2 << 20
	if late.Heap > early.Heap+early.Heap/10+openSpeech || end.Heap > early.Heap+early.Heap/10+pools {
		t.Errorf("heap of %d bytes after a tenth of the time, then %d, %d when all was said", early.Heap, late.Heap, end.Heap)
	}
	before, sizesBefore := entries(short.worker)
	after, sizes := entries(long.worker)
	t.Logf("%d entries of maps and lists when a tenth was said, %d at the end", before, after)
	if after > before+8 {
		t.Errorf("when a tenth was said:\n%s\nat the end:\n%s", strings.Join(sizesBefore, "\n"), strings.Join(sizes, "\n"))
	}
}

// soak plays a meeting of four speakers, and looks ten times while they speak and once when all was said.
func soak(t *testing.T, length time.Duration) (seen []footprint, h *hall) {
	r := drumming(t, Script(), 4, length, 6*time.Second)
	r.every = length / 10
	r.look = func(at time.Duration, w *Worker) {
		seen = append(seen, footprint{At: at, Goroutines: runtime.NumGoroutine(), Heap: heap(), Finals: w.Counts().Finals})
	}
	synctest.Test(t, func(t *testing.T) {
		h = newHall(t, r)
		h.play()
	})
	return seen, h
}

// heap is what is in use after garbage was collected.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// entries counts the entries of all maps and lists that w holds, and lists them. The worker must have stopped.
func entries(w *Worker) (n int, sizes []string) {
	seen := make(map[uintptr]bool)
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() || seen[v.Pointer()] || !ours(v.Type().Elem()) {
				return
			}
			seen[v.Pointer()] = true
			walk(path, v.Elem())
		case reflect.Struct:
			if !ours(v.Type()) {
				return
			}
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Map:
			n += v.Len()
			sizes = append(sizes, fmt.Sprintf("%s: %d", path, v.Len()))
			for it := v.MapRange(); it.Next(); {
				walk(path+"[]", it.Value())
			}
		case reflect.Slice:
			if k := v.Type().Elem().Kind(); k == reflect.Pointer || k == reflect.Struct {
				n += v.Len()
				sizes = append(sizes, fmt.Sprintf("%s: %d", path, v.Len()))
			}
		}
	}
	walk("worker", reflect.ValueOf(w))
	return n, sizes
}

// ours says whether a type is of this package; of others nothing is known.
func ours(t reflect.Type) bool { return strings.HasSuffix(t.PkgPath(), "souffleur/asr") }
