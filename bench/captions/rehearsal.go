//go:build whisper

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"souffleur/asr/eval"
)

// rehearsal is what runs on a virtual clock: tests of package asr, because only a test may have such a clock.
type rehearsal struct {
	virtual, engine, nonspeech, languages, soak bool
}

func (r *rehearsal) flags() {
	flag.BoolVar(&r.virtual, "virtual", false, "scripted speech and a scripted recogniser on a virtual clock")
	flag.BoolVar(&r.engine, "engine", false, "with -virtual: recordings and the real engine, at a fixed cost")
	flag.BoolVar(&r.nonspeech, "nonspeech", false, "count words written for sounds without speech")
	flag.BoolVar(&r.languages, "languages", false, "look at the languages found in recordings")
	flag.BoolVar(&r.soak, "soak", false, "look at what the recogniser holds over two hours")
}

func (r *rehearsal) wanted() bool { return r.virtual || r.nonspeech || r.languages || r.soak }

// Lengths of a soak and of each sound.
const (
	soakFor  = 2 * time.Hour
	soundFor = 10 * time.Minute
)

// run runs the test that was asked for, prints its table and returns its figures.
func (r *rehearsal) run(ctx context.Context, o options) (any, error) {
	switch {
	case r.virtual:
		return r.table(ctx, o)
	case r.nonspeech:
		var rows []eval.NoiseFigures
		err := test(ctx, o, &rows, "TestNothingIsWrittenForSounds", "-sound", soundFor.String())
		return rows, errors.Join(err, printNoise(rows))
	case r.languages:
		var rows []eval.LanguageFigures
		err := test(ctx, o, &rows, "TestLanguagesAreFound")
		return rows, errors.Join(err, printLanguages(rows))
	}
	var rows []footprint
	err := test(ctx, o, &rows, "TestSoak", "-soak", soakFor.String(), "-script", fmt.Sprint(o.seed))
	return rows, errors.Join(err, printSoak(rows))
}

func (r *rehearsal) table(ctx context.Context, o options) (any, error) {
	name := "TestRehearsal"
	args := []string{"-speakers", numbers(o.speakers), "-speaks", o.length().String(), "-script", fmt.Sprint(o.seed)}
	if r.engine {
		name, args = "TestRehearsalWithTheEngine", append(args, "-engine")
	}
	var rows []eval.Figures
	if err := test(ctx, o, &rows, name, args...); err != nil {
		return nil, err
	}
	var reports []eval.Report
	for _, row := range rows {
		reports = append(reports, row.Report())
	}
	return reports, eval.Table(os.Stdout, reports)
}

func numbers(of []int) string {
	var parts []string
	for _, n := range of {
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, ",")
}

// test runs one test of package asr and reads the figures that it saves. A test that fails, or skips, gives an error.
func test(ctx context.Context, o options, figures any, name string, args ...string) error {
	dir, err := os.MkdirTemp("", "souffleur-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "figures.json")
	if o.model != "" {
		args = append(args, "-model", o.model)
	}
	args = append([]string{"test", "./asr", "-count=1", "-timeout=2h", "-v", "-run", "^" + name + "$", "-args", "-figures", file}, args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "SOUFFLEUR_MODELS="+o.models, "SOUFFLEUR_MEASURE=1")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	failed := cmd.Run()
	b, err := os.ReadFile(file)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("%s saved no figures: it was skipped, or failed early", name))
	}
	if err := json.Unmarshal(b, figures); err != nil {
		return errors.Join(failed, fmt.Errorf("read the figures of %s: %w", name, err))
	}
	if failed != nil {
		return fmt.Errorf("%s: %w", name, failed)
	}
	return nil
}

func printNoise(rows []eval.NoiseFigures) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "sound\tlength\twords shown\twords stored\trecognitions")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.0f s\t%d\t%d\t%d\n", r.Sound, r.Seconds, r.Shown, r.Stored, r.Recognised)
	}
	return w.Flush()
}

func printLanguages(rows []eval.LanguageFigures) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "spoken\trecordings\tfinals\tright language\twrong\ttranslated\tWER")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f %%\n", r.Spoken, r.Recordings, r.Finals, r.Right, r.Wrong, r.Translated, 100*r.Errors.WER())
	}
	return w.Flush()
}

// footprint is what TestSoak saves.
type footprint struct {
	At         time.Duration `json:"at"`
	Heap       uint64        `json:"heap"`
	Goroutines int           `json:"goroutines"`
	Finals     int           `json:"finals"`
}

func printSoak(rows []footprint) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "after\tfinals\theap\tgoroutines")
	for _, r := range rows {
		fmt.Fprintf(w, "%v\t%d\t%.2f MB\t%d\n", r.At.Round(time.Second), r.Finals, float64(r.Heap)/1e6, r.Goroutines)
	}
	return w.Flush()
}
