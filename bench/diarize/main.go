// Command diarize measures how well voices on one microphone are told apart, and what it costs.
//
//	make bench-diarize                                       all sets: some minutes
//	make bench-diarize BENCH='-sets rooms -rooms 2 -json FILE'
//	make bench-diarize BENCH='-sets mine -wav DIR -rttm FILE'   recordings of your own, such as the whole of AMI
//
// Sets: rooms (meetings laid from speakers of LibriSpeech, true turns known exactly, through Opus), ami (clips of real meetings),
// alone (one person for five minutes, twice each: any second voice is a mistake) and cost. The data are those of the optional
// folder of speech. DER is by package diarize/score: collar 0 and overlapped speech scored, so figures compare only with such.
// Parameters were tuned on other speakers (-speakers DIR takes rooms from another folder).
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"souffleur/diarize/ge2e"
	"souffleur/diarize/onnx"
	"souffleur/diarize/pyannet"
	"souffleur/diarize/score"
	"souffleur/diarize/voices"
	"souffleur/internal/models"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	sets                  []string
	models, speech        string
	onnx, onnxRuntime     string
	speakers, wav, rttm   string
	rooms                 int
	seconds, aloneSeconds float64
	collar                float64
	hop                   time.Duration
	seed                  uint64
	jsonFile, rttmOut     string
}

func parse() (options, error) {
	var o options
	var sets string
	flag.StringVar(&sets, "sets", "rooms,ami,alone,cost", "what to measure: rooms, ami, alone, cost, mine")
	flag.StringVar(&o.models, "models", "", "folder of models; empty: the user's cache")
	flag.StringVar(&o.onnx, "diarize-models", "", "folder of an operator's ONNX models, as for --diarize-models; empty: those of this program")
	flag.StringVar(&o.onnxRuntime, "onnx-runtime", "", "ONNX Runtime's shared library")
	flag.StringVar(&o.speech, "speech", "", "folder of speech data; empty: SOUFFLEUR_SPEECH, else ../shared/audio")
	flag.StringVar(&o.speakers, "speakers", "", "folder of SPEAKER-….flac; empty: librispeech in the folder of speech data")
	flag.StringVar(&o.wav, "wav", "", "set mine: folder of recordings")
	flag.StringVar(&o.rttm, "rttm", "", "set mine: who speaks in them; names of recordings are those of the files without extension")
	flag.IntVar(&o.rooms, "rooms", 3, "rooms for each number of speakers")
	flag.Float64Var(&o.seconds, "seconds", 180, "length of a room")
	flag.Float64Var(&o.aloneSeconds, "alone", 300, "how long a person is alone")
	flag.Float64Var(&o.collar, "collar", 0, "seconds left out on each side of each edge of the reference")
	flag.DurationVar(&o.hop, "hop", 0, "time between windows; 0: what live tracks have")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of rooms")
	flag.StringVar(&o.jsonFile, "json", "", "file for the figures")
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	o.sets = strings.Split(sets, ",")
	for _, s := range o.sets {
		if !slices.Contains([]string{"rooms", "ami", "alone", "cost", "mine"}, s) {
			return o, fmt.Errorf("-sets %s: rooms, ami, alone, cost or mine", s)
		}
	}
	if o.rooms < 1 || o.rooms > 1000 || o.seconds < 10 || o.seconds > 7200 || o.aloneSeconds < 10 || o.aloneSeconds > 7200 || o.collar < 0 {
		return o, errors.New("-rooms: 1 to 1000; -seconds and -alone: 10 to 7200; -collar: 0 or more")
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
	if o.speech == "" {
		o.speech = os.Getenv("SOUFFLEUR_SPEECH")
	}
	if o.speech == "" {
		o.speech = "../shared/audio"
	}
	if o.speakers == "" {
		o.speakers = filepath.Join(o.speech, "librispeech")
	}
	return nil
}

// bench is the models.
type bench struct {
	options
	segmenter  voices.Segmenter
	embedder   voices.Embedder
	thresholds *voices.Thresholds // nil: those of GE2E
}

func run() error {
	o, err := parse()
	if err != nil {
		return err
	}
	b := bench{options: o}
	store := models.NewStore(o.models, slog.New(slog.DiscardHandler))
	if err := b.load(store); err != nil {
		return err
	}
	var rows []figures
	for _, set := range o.sets {
		more, err := b.measure(set)
		if err != nil {
			return fmt.Errorf("set %s: %w", set, err)
		}
		rows = append(rows, more...)
	}
	return errors.Join(table(rows), save(o.jsonFile, rows))
}

// load loads an operator's models, and those of this program for what is missing of them.
func (b *bench) load(store *models.Store) error {
	if b.onnx != "" {
		m, err := onnx.Open(onnx.Config{Library: b.onnxRuntime, Models: b.onnx})
		if err != nil {
			return err
		}
		if m.Embedder != nil {
			b.embedder, b.thresholds = m.Embedder, m.Embedder.Thresholds()
		}
		if m.Segmenter != nil {
			b.segmenter = m.Segmenter
		}
	}
	weights, err := store.Path("ge2e")
	segmentation, err2 := store.Path("pyannet")
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("%w; run: souffleur models pull", err)
	}
	if b.embedder == nil {
		if b.embedder, err = ge2e.Load(weights); err != nil {
			return err
		}
	}
	if b.segmenter == nil {
		b.segmenter, err = pyannet.Load(segmentation)
	}
	return err
}

// figures are what one recording, or one set, gave.
type figures struct {
	Set, Name string
	Speakers  int           `json:",omitempty"`
	Offline   *score.Errors `json:",omitempty"` // without a hint
	Hinted    *score.Errors `json:",omitempty"` // with the headcount
	Live      *score.Errors `json:",omitempty"` // as captions showed it 5 s later
	Changes   float64       `json:",omitempty"` // of labels a minute, live, after they were shown
	Split     *bool         `json:",omitempty"` // a person alone got a second voice
	Cost      *cost         `json:",omitempty"`
	Warnings  []string      `json:",omitempty"`
	rooms     int           // in a sum
	right     int           // in a sum: rooms whose speakers were counted right
	rightLive int
}

func table(rows []figures) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SET\tNAME\tSPEAKERS\tOFFLINE: DER = MISS + FALSE + CONFUSED\tCOUNT\tHEADCOUNT KNOWN\tLIVE\tCOUNT\tCHANGES/MIN\tNOTE")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%.1f\t%s\n", r.Set, r.Name, r.Speakers, rates(r.Offline), count(r.Offline, r.right, r.rooms),
			rates(r.Hinted), rates(r.Live), count(r.Live, r.rightLive, r.rooms), r.Changes, r.note())
	}
	return w.Flush()
}

func rates(e *score.Errors) string {
	if e == nil {
		return "-"
	}
	miss, falseAlarm, confusion := e.Parts()
	return fmt.Sprintf("%.1f = %.1f + %.1f + %.1f", 100*e.DER(), 100*miss, 100*falseAlarm, 100*confusion)
}

func count(e *score.Errors, right, rooms int) string {
	switch {
	case e == nil:
		return "-"
	case rooms > 0:
		return fmt.Sprintf("%d of %d", right, rooms)
	}
	return fmt.Sprintf("%+d", e.SpeakerError)
}

func (r figures) note() string {
	var notes []string
	if r.Split != nil {
		notes = append(notes, map[bool]string{true: "SPLIT", false: "one voice"}[*r.Split])
	}
	if r.Cost != nil {
		notes = append(notes, r.Cost.String())
	}
	return strings.Join(append(notes, r.Warnings...), ", ")
}

// save writes figures as JSON; nowhere if file is empty.
func save(file string, rows []figures) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	return os.WriteFile(file, b, 0o644)
}
