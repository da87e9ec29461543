package embed_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"souffleur/internal/embed"
)

// The broker holds an entry of about 100 bytes in memory for every batch that it keeps. Written one by one, the records
// of ten minutes are as many batches; what must not be is that they stay when they have expired.
// SOUFFLEUR_MEASURE=1 lets it run for ten minutes.
func TestUnbatchedWritesDoNotFillTheMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	const kept = 2 * time.Second
	length := 24 * time.Second
	if os.Getenv("SOUFFLEUR_MEASURE") != "" {
		length = 10 * time.Minute
	}
	dir := t.TempDir()
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: dir, RetentionEvery: 100 * time.Millisecond}, slog.New(slog.DiscardHandler))
	must(t, err)
	defer broker.Close()
	const partitions = 4
	client := kafka(t, broker.Addr())
	createTopic(t, client, "audio", partitions, map[string]string{"retention.ms": strconv.FormatInt(kept.Milliseconds(), 10)})
	defer client.Close()

	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	written := make(chan int, partitions)
	for p := range int32(partitions) {
		go func() {
			n := 0
			for client.ProduceSync(ctx, &kgo.Record{Topic: "audio", Partition: p, Value: make([]byte, 1000)}).FirstErr() == nil {
				n++
			}
			written <- n
		}()
	}
	var heaps []uint64
	for ticker := time.NewTicker(length / 12); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
			ticker.Stop()
		case <-ticker.C:
			heaps = append(heaps, heap())
		}
	}
	records := 0
	for range partitions {
		records += <-written
	}
	early, late := most(heaps[1:4]), most(heaps[len(heaps)-4:])
	t.Logf("%d records in %v; heap in MiB: %v", records, length, inMiB(heaps))
	if late > early+early/2+8<<20 {
		t.Errorf("the heap grew from %d to %d MiB", early>>20, late>>20)
	}
	if size := bytesBelow(t, dir); size > int64(records)*1000/2+partitions<<21 {
		t.Errorf("%d MiB of expired records are on the disk", size>>20)
	}
}

// heap returns what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func most(sizes []uint64) uint64 {
	top := uint64(0)
	for _, s := range sizes {
		top = max(top, s)
	}
	return top
}

func inMiB(sizes []uint64) []uint64 {
	out := make([]uint64, len(sizes))
	for i, s := range sizes {
		out[i] = s >> 20
	}
	return out
}

// bytesBelow adds up the files of a folder, which may go while they are looked at.
func bytesBelow(t testing.TB, dir string) (size int64) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			size += info.Size()
		}
		return nil
	}))
	return size
}
