package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"

	"souffleur/bench/proc"
	"souffleur/internal/meeting"
	"souffleur/summarize/eval"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
)

// costVariable tells a process that it is the one that is measured, and of what.
const costVariable = "SOUFFLEUR_BENCH_MINUTES_COST"

const (
	shortHours, longHours = 3, 8
	// wordsAnHour is how fast people speak in meetings: 150 words a minute.
	wordsAnHour = 9_000
	// costErrors is the share of wrong words: it keeps repeated scripts apart.
	costErrors = 0.1
)

// cost is what is measured.
type cost struct {
	Scripts string `json:"scripts"`
	Lang    string `json:"lang"`
	Hours   int    `json:"hours"`
}

// costRow is what minutes of a long meeting take.
type costRow struct {
	Hours    int     `json:"hours"`
	Lang     string  `json:"lang"`
	Words    int     `json:"words"`
	Segments int     `json:"segments"`
	Lines    int     `json:"lines"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_seconds"` // of processors, which a busy machine does not change much
	PeakMB   float64 `json:"peak_mb"`     // of the whole process, the transcript and the program included
}

func costs(ctx context.Context, o options) ([]costRow, error) {
	var rows []costRow
	for _, c := range []cost{{o.scripts, "en", shortHours}, {o.scripts, "fr", shortHours}, {o.scripts, "en", longHours}, {o.scripts, "fr", longHours}} {
		row, err := c.measure(ctx)
		if err != nil {
			return nil, fmt.Errorf("%d hours of %s: %w", c.Hours, c.Lang, err)
		}
		if row.Words > 0 {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// measure runs this program anew, so that the peak of memory is that of one meeting.
func (c cost) measure(ctx context.Context) (costRow, error) {
	order, err := json.Marshal(c)
	if err != nil {
		return costRow{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return costRow{}, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), costVariable+"="+string(order))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return costRow{}, err
	}
	var row costRow
	return row, json.NewDecoder(bytes.NewReader(out)).Decode(&row)
}

// serveCost writes the minutes of one long meeting and prints what that took.
func serveCost(ctx context.Context) error {
	var c cost
	if err := json.Unmarshal([]byte(os.Getenv(costVariable)), &c); err != nil {
		return fmt.Errorf("read %s: %w", costVariable, err)
	}
	scripts, err := eval.ReadScripts(os.DirFS(c.Scripts), ".")
	if err != nil {
		return err
	}
	job := eval.Long(scripts, c.Lang, c.Hours*wordsAnHour, costErrors).Job(minutes.Normal)
	row := costRow{Hours: c.Hours, Lang: c.Lang, Segments: len(job.Segments)}
	for i := range job.Segments {
		row.Words += len(meeting.Fields(job.Segments[i].Text))
	}
	before, _, err := proc.Usage(os.Getpid())
	if err != nil {
		return err
	}
	began := time.Now()
	doc, err := extract.New().Write(ctx, job, nil)
	if err != nil {
		return err
	}
	row.Seconds = time.Since(began).Seconds()
	after, _, err := proc.Usage(os.Getpid())
	if err != nil {
		return err
	}
	row.CPU = (after - before).Seconds()
	row.Lines = len(lines(doc))
	peak, err := proc.Peak(os.Getpid())
	if err != nil {
		return err
	}
	row.PeakMB = float64(peak) / 1e6
	return json.NewEncoder(os.Stdout).Encode(row)
}
