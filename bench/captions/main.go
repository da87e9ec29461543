//go:build whisper

// Command captions measures what readers get: it starts the built program, lets scripted speakers talk in a room at real
// speed, and compares the captions that a reader is sent with what was said and when. Everything is on the way: Opus, SFU,
// Kafka, recogniser, data channel.
//
//	make bench-asr                                   one speaker, then four at once
//	make bench-asr BENCH='-speakers 1,2,4,8 -json figures.json'
//
// Recordings lie in a folder as NAME.ogg with the words in NAME.txt; NAME's second part is the language (fleurs-fr-000).
// Times of speech come from voice detection on the recording itself: an utterance is speech without a pause of half a
// second. Figures depend on the machine; compare figures of one machine only.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
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
	offline                      bool
	jsonFile                     string
}

func parse() (options, error) {
	var o options
	var langs, speakers string
	flag.StringVar(&o.binary, "binary", "build/souffleur", "program to measure")
	flag.StringVar(&o.models, "models", "", "folder of models; empty: the user's cache")
	flag.StringVar(&o.model, "model", "", "speech model; empty: the default")
	flag.StringVar(&o.clips, "clips", "", "folder of recordings; empty: the optional folder of speech data, else testdata/speech")
	flag.StringVar(&langs, "langs", "en,fr", "languages")
	flag.StringVar(&speakers, "speakers", "1,4", "how many speak at once, one run each")
	flag.BoolVar(&o.offline, "offline", true, "also transcribe the recordings offline, for comparison")
	flag.StringVar(&o.jsonFile, "json", "", "file for the figures")
	flag.Parse()
	o.langs = strings.Split(langs, ",")
	for _, s := range strings.Split(speakers, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-speakers %q: numbers from 1, with commas between", speakers)
		}
		o.speakers = append(o.speakers, n)
	}
	if o.models == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("find models: %w; set -models", err)
		}
		o.models = filepath.Join(cache, "souffleur", "models")
	}
	if o.clips == "" {
		o.clips = defaultClips()
	}
	return o, nil
}

func run() error {
	o, err := parse()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	clips, err := loadClips(o)
	if err != nil {
		return err
	}
	var rows []figures
	if o.offline {
		row, err := offline(ctx, o, clips)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	for _, n := range o.speakers {
		row, err := live(ctx, o, clips, n)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	printTable(os.Stdout, rows)
	if o.jsonFile == "" {
		return nil
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	return os.WriteFile(o.jsonFile, b, 0o644)
}
