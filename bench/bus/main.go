// Command bus measures the bus as it works in production: tracks write sealed audio records, as the recorder does, through the
// embedded broker, which runs in a process of its own; one group reads and opens them, as recognisers do, and another reads
// the finals that come of them, as the archiver does.
//
//	make bench-bus                                    150 tracks, 10 records a second each, for a minute
//	make bench-bus BENCH='-minutes 20 -json FILE'     long enough to see whether memory stays flat: audio is kept for ten
//	                                                  minutes, and the broker knows where each batch of it stands
//	make bench-bus BENCH='-minutes 10 -keep 1m'       the same in less time
//	make bench-bus BENCH='-tracks 20'
//
// Delays are from the call that publishes a record to the moment at which the reader has it. Broker cores and memory come
// from /proc, so this runs on Linux. Goals, on two cores: p50 4 ms, p99 15 ms, 0.2 cores, flat memory.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := measure
	if os.Getenv(brokerVariable) != "" {
		run = serveBroker
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	tracks   int
	every    time.Duration // between two records of a track
	packets  int           // of 20 ms in a record
	bytes    int           // in a packet
	talking  int           // tracks that speak, whose words become finals
	keep     time.Duration // how long the broker keeps audio; 0: as in production
	length   time.Duration
	jsonFile string
}

func parse() (options, error) {
	var o options
	var minutes float64
	flag.IntVar(&o.tracks, "tracks", 150, "tracks that write")
	flag.DurationVar(&o.every, "every", 100*time.Millisecond, "time between two records of a track")
	flag.IntVar(&o.packets, "packets", 5, "packets in a record")
	flag.IntVar(&o.bytes, "bytes", 180, "bytes in a packet: with five, a sealed record has about 1 KB")
	flag.IntVar(&o.talking, "talking", 4, "how many of the tracks speak all the time, each with a final every four seconds; finals are kept for a week")
	flag.DurationVar(&o.keep, "keep", 0, "how long the broker keeps audio; 0 is what production has, ten minutes")
	flag.Float64Var(&minutes, "minutes", 1, "how long")
	flag.StringVar(&o.jsonFile, "json", "", "file for the figures")
	flag.Parse()
	o.length = time.Duration(minutes * float64(time.Minute))
	switch {
	case flag.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.tracks < 1 || o.tracks > 5000 || o.every < time.Millisecond || o.packets < 1 || o.packets > 50 || o.bytes < 1 || o.bytes > 1275:
		return o, errors.New("use 1 to 5000 tracks, at least 1 ms between records, 1 to 50 packets of 1 to 1275 bytes")
	case o.talking < 0 || o.talking > o.tracks || o.keep < 0:
		return o, errors.New("-talking: 0 to the number of tracks; -keep: not negative")
	case o.length < time.Second || o.length > 24*time.Hour:
		return o, errors.New("-minutes: a second to a day")
	}
	return o, nil
}

// rowsIn is how many rows of figures a run gives: a few a minute, fewer in a long run.
func (o options) rowsIn() int { return int(min(max(o.length/(10*time.Second), 1), 20)) }

func measure(ctx context.Context) error {
	o, err := parse()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "souffleur-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	broker, err := startBroker(dir)
	if err != nil {
		return err
	}
	defer broker.stop()
	rows, err := drive(ctx, o, broker)
	if err != nil {
		return err
	}
	return errors.Join(printTable(o, rows), save(o.jsonFile, rows))
}

func printTable(o options, rows []figures) error {
	fmt.Printf("%d tracks, a record each %v\n", o.tracks, o.every)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "after\trecords/s\tp50\tp99\tp99.9\tmax ms\tbroker cores\tbroker MB\tfailed\t")
	for _, f := range rows {
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%.3f\t%.1f\t%d\t\n", f.After, f.Rate, f.P50, f.P99, f.P999, f.Max, f.Cores, f.MB, f.Failed)
	}
	return w.Flush()
}

func save(file string, rows []figures) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}
