//go:build whisper

// Command captions measures what readers get: it starts the built program, lets scripted speakers talk in a room at real
// speed, and compares the captions that a reader is sent with what was said and when. Everything is on the way: Opus, SFU,
// Kafka, recogniser, data channel. What the figures mean stands in package asr/eval.
//
//	make bench-asr                                   one speaker, then four at once: about six minutes
//	make bench-asr MODEL=whisper-small BENCH='-speakers 1,2,4,8 -json figures.json'
//	make bench-asr BENCH='-speakers 1 -seconds 60'   a first look
//
// Other modes run on a virtual clock, in the tests of package asr, which have no wall time:
//
//	make bench-asr BENCH=-virtual      the same table for scripted speech and a scripted recogniser of fixed cost; equal
//	                                   scripts give equal figures. With -engine: recordings and the real engine
//	make bench-asr BENCH=-nonspeech    words written for ten minutes each of silence, noise, typing and music
//	make bench-asr BENCH=-languages    languages found and missed where nobody said which is spoken
//	make bench-asr BENCH=-soak         what the recogniser holds over two hours of four speakers
//
// Recordings lie in a folder as NAME.ogg with the words in NAME.txt; NAME's second part is the language (fleurs-fr-000).
// Times of speech come from voice detection on the recording itself, those of words are estimated from them. Delays depend on
// the machine; compare those of one machine only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"souffleur/asr/eval"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	binary, models, model, clips string
	langs                        []string
	speakers                     []int
	seconds                      float64
	seed                         uint64
	offline                      bool
	jsonFile                     string
	rehearsal                    rehearsal
}

func (o options) length() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

func parse() (options, error) {
	var o options
	var langs, speakers string
	flag.StringVar(&o.binary, "binary", "build/souffleur", "program to measure")
	flag.StringVar(&o.models, "models", "", "folder of models; empty: the user's cache")
	flag.StringVar(&o.model, "model", "", "speech model; empty: the default")
	flag.StringVar(&o.clips, "clips", "", "folder of recordings; empty: the optional folder of speech data, else testdata/speech")
	flag.StringVar(&langs, "langs", "en,fr", "languages")
	flag.StringVar(&speakers, "speakers", "1,4", "how many speak at once, one run each")
	flag.Float64Var(&o.seconds, "seconds", 120, "how long each speaks in one run, all languages together")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the order in which each speaker says the recordings, and of scripts")
	flag.BoolVar(&o.offline, "offline", true, "also transcribe the recordings offline, for comparison")
	flag.StringVar(&o.jsonFile, "json", "", "file for the figures")
	o.rehearsal.flags()
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	o.langs = strings.Split(langs, ",")
	for _, s := range strings.Split(speakers, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 64 {
			return o, fmt.Errorf("-speakers %q: numbers from 1 to 64, with commas between", speakers)
		}
		o.speakers = append(o.speakers, n)
	}
	if o.seconds <= 0 || o.seconds > 7200 {
		return o, errors.New("-seconds: more than 0, two hours at most")
	}
	return o, o.defaults()
}

func (o *options) defaults() error {
	if o.models == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find models: %w; set -models", err)
		}
		o.models = filepath.Join(cache, "souffleur", "models")
	}
	if o.clips == "" {
		o.clips = defaultClips()
	}
	return nil
}

func run() error {
	o, err := parse()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if o.rehearsal.wanted() {
		figures, err := o.rehearsal.run(ctx, o)
		return errors.Join(err, save(o.jsonFile, figures))
	}
	rows, err := measure(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(eval.Table(os.Stdout, rows), save(o.jsonFile, rows))
}

// measure takes the figures of all runs, that of the recordings offline first.
func measure(ctx context.Context, o options) ([]eval.Report, error) {
	clips, err := loadClips(o)
	if err != nil {
		return nil, err
	}
	var rows []eval.Report
	var alone map[string]eval.Errors
	if o.offline {
		row, each, err := offline(ctx, o, clips)
		if err != nil {
			return nil, err
		}
		rows, alone = append(rows, row.Report()), each
	}
	for _, n := range o.speakers {
		row, err := live(ctx, o, clips, n, alone)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row.Report())
	}
	return rows, nil
}

// save writes figures as JSON; nowhere if file is empty.
func save(file string, figures any) error {
	if file == "" || figures == nil {
		return nil
	}
	b, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	return os.WriteFile(file, b, 0o644)
}
