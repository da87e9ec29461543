package bus

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/internal/embed"
)

// BenchmarkPublishAudio lets tracks publish ten records of 1 KB a second each for three seconds, as the recorder does,
// and reports the time of a Publish: the median and the 99th percentile.
func BenchmarkPublishAudio(b *testing.B) {
	for _, tracks := range []int{1, 20, 150} {
		b.Run(fmt.Sprintf("%dtracks", tracks), func(b *testing.B) {
			log := slog.New(slog.DiscardHandler)
			broker, err := embed.StartBroker(b.Context(), embed.BrokerConfig{Dir: b.TempDir()}, log)
			if err != nil {
				b.Fatal(err)
			}
			defer broker.Close()
			cfg := DefaultConfig()
			cfg.Brokers = []string{broker.Addr()}
			bus, err := Open(b.Context(), cfg, log)
			if err != nil {
				b.Fatal(err)
			}
			defer bus.Close()
			for b.Loop() {
				reportLatency(b, publishTracks(b, bus, tracks))
			}
		})
	}
}

func publishTracks(b *testing.B, bus *Bus, tracks int) []time.Duration {
	const records, period = 30, 100 * time.Millisecond
	value := []byte(strings.Repeat("x", 1000))
	took := make([][]time.Duration, tracks)
	var all sync.WaitGroup
	for track := range tracks {
		all.Go(func() {
			time.Sleep(period * time.Duration(track) / time.Duration(tracks)) // speakers are not in step
			tick := time.NewTicker(period)
			defer tick.Stop()
			for range records {
				began := time.Now()
				m := Message{Topic: Audio, Partition: bus.AudioPartition(room, track), Key: "k", Value: value}
				if err := bus.Publish(b.Context(), m); err != nil {
					b.Error(err)
				}
				took[track] = append(took[track], time.Since(began))
				<-tick.C
			}
		})
	}
	all.Wait()
	return slices.Concat(took...)
}

func reportLatency(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
