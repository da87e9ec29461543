package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/asr"
	"souffleur/diarize"
	"souffleur/diarize/score"
	"souffleur/internal/meeting"
	"souffleur/internal/recording"
	"souffleur/internal/supervise"
	"souffleur/storage"
	"souffleur/storage/export"
)

// transcribeCmd recognises recordings without a server.
type transcribeCmd struct {
	modelFlags
	ownVoiceFlags
	GPU        bool     `help:"Use the GPU, if the engine was built for one." env:"SOUFFLEUR_GPU" name:"gpu"`
	Lang       string   `help:"Language spoken: en, fr, …, or auto." default:"auto"`
	Glossary   []string `help:"Names and acronyms to expect, separated by commas, the most frequent first." placeholder:"TERM,…"`
	Prompt     string   `help:"Text that could have been said before, in the spelling that is wanted." env:"SOUFFLEUR_TRANSCRIBE_PROMPT" placeholder:"TEXT"`
	Voices     string   `help:"Tell speakers apart: auto, or how many there are (1 to 12)." placeholder:"auto|N"`
	Format     string   `help:"vtt, srt, txt, md, docx, json, or rttm: who speaks when, without text." default:"txt" enum:"vtt,srt,txt,md,docx,json,rttm"`
	Output     string   `help:"Write a file for each recording into this folder. Transcripts that are newer than their recording are kept." short:"o" type:"path" placeholder:"DIR"`
	Force      bool     `help:"With --output, transcribe again what has a transcript."`
	Supervised bool     `hidden:"" help:"End when standard input closes, and tell a bad recording by the exit status."`
	Paths      []string `arg:"" name:"path" help:"Recordings, or folders with recordings: Ogg Opus, WAV, FLAC, MP3." type:"path"`
}

// maxRecording bounds the memory of one recording: 4 hours are 0.9 GB of samples.
const maxRecording = 4 * time.Hour

// Run transcribes all recordings, in order. One that fails does not stop the others.
func (c *transcribeCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	if c.Supervised {
		var stop context.CancelFunc
		ctx, stop = supervise.UntilOrphaned(ctx)
		defer stop()
	}
	b := batch{cmd: c, out: kctx.Stdout, progress: kctx.Stderr}
	var err error
	if b.voices, err = parseVoices(c.Voices); err != nil {
		return err
	}
	if b.format = formatRTTM; c.Format != string(formatRTTM) {
		if b.format, err = export.ParseFormat(c.Format); err != nil {
			return usageError{err}
		}
	}
	todo, err := b.plan()
	if err != nil || len(todo) == 0 {
		return err
	}
	if b.voices.wanted || b.format == formatRTTM {
		if b.trackers, err = c.modelFlags.trackers(ctx, c.ownVoiceFlags, log); err != nil && (!c.Supervised || b.format == formatRTTM) {
			return err
		} else if err != nil { // whoever posts a recording wants its words all the same
			log.Warn("speakers are not told apart", "err", err)
			b.trackers = nil
		}
	}
	if b.format == formatRTTM { // needs no words
		return b.run(ctx, todo)
	}
	if b.engines, err = c.modelFlags.open(c.GPU, log); err != nil {
		return err
	}
	defer b.engines.close()
	return b.run(ctx, todo)
}

// batch is the recordings of one call.
type batch struct {
	cmd      *transcribeCmd
	format   export.Format
	voices   voicesWanted
	engines  *engines  // nil for RTTM
	trackers *trackers // nil unless speakers are told apart
	out      io.Writer // of transcripts without --output
	progress io.Writer
}

// plan finds the recordings that have no transcript yet.
func (b *batch) plan() ([]job, error) {
	jobs, err := findRecordings(b.cmd.Paths)
	if err != nil || b.cmd.Output == "" {
		return jobs, err
	}
	if err := nameOutputs(jobs, b.cmd.Output, b.format); err != nil {
		return nil, err
	}
	var todo []job
	for _, j := range jobs {
		if !b.cmd.Force && j.done() {
			fmt.Fprintf(b.progress, "%s: skipped, %s is newer\n", j.name, j.output)
			continue
		}
		todo = append(todo, j)
	}
	return todo, nil
}

// run does all jobs. Its error says how many failed; which, and why, it has told by then.
func (b *batch) run(ctx context.Context, jobs []job) error {
	failed := 0
	for _, j := range jobs {
		err := b.one(ctx, j)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && len(jobs) == 1 {
			return b.sole(fmt.Errorf("%s: %w", j.name, err))
		}
		if err != nil {
			failed++
			fmt.Fprintf(b.progress, "%s: failed: %v\n", j.name, err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d recordings could not be transcribed", failed, len(jobs))
	}
	return nil
}

// sole is the error of a call with one recording. Whoever supervises wants to know whether it was the recording's fault.
func (b *batch) sole(err error) error {
	if b.cmd.Supervised && errors.Is(err, errUnreadable) {
		return exitStatus{err, exitBadRecording}
	}
	return err
}

// errUnreadable says that a recording, and not the engine, is at fault.
var errUnreadable = errors.New("read recording")

// one transcribes one recording.
func (b *batch) one(ctx context.Context, j job) error {
	p := newProgress(b.progress, j.name)
	pcm, err := recording.Read(j.path, maxRecording)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	length := time.Duration(len(pcm)) * time.Second / recording.Rate
	content, err := b.content(ctx, j, pcm, p)
	if err != nil {
		p.abandon()
		return err
	}
	if j.output != "" {
		err = j.write(content)
	} else {
		err = content(b.out)
	}
	if err != nil {
		p.abandon()
		return err
	}
	p.end(length)
	return nil
}

// content hears a recording and returns what writes the result.
func (b *batch) content(ctx context.Context, j job, pcm []float32, p *progress) (func(io.Writer) error, error) {
	var turns []diarize.Turn
	told := false
	if b.trackers != nil {
		var err error
		if turns, told, err = b.tell(ctx, j, pcm); err != nil {
			return nil, err
		}
	}
	if b.format == formatRTTM {
		return func(w io.Writer) error { return score.WriteRTTM(w, turnsRecording(j.path, turns)) }, nil
	}
	segments, err := b.recognise(ctx, pcm, p)
	if err != nil {
		return nil, err
	}
	t := recordingTranscript(j.path, segments, time.Duration(len(pcm))*time.Second/recording.Rate)
	if told {
		divide(t, turns)
	}
	return func(w io.Writer) error { return export.Write(w, b.format, export.English, t) }, nil
}

// recognise returns the segments of pcm. Recogniser and detector are the recording's own: what goes wrong in them ends with it.
func (b *batch) recognise(ctx context.Context, pcm []float32, p *progress) ([]meeting.Segment, error) {
	rec, err := b.engines.forRecordings()
	if err != nil {
		return nil, err
	}
	defer rec.Close()
	voice, err := b.engines.detector()
	if err != nil {
		return nil, err
	}
	defer voice.Close()
	lang := b.cmd.Lang
	if lang == "auto" {
		lang = ""
	}
	return asr.Transcribe(ctx, pcm, rec, voice, asr.TranscribeOptions{
		Lang: lang, Glossary: b.cmd.Glossary, Prompt: b.cmd.Prompt, Progress: p.show,
	})
}

// recordingTranscript is a transcript of one unnamed speaker.
func recordingTranscript(path string, segments []meeting.Segment, length time.Duration) *storage.Transcript {
	return &storage.Transcript{
		V: storage.TranscriptVersion, RoomName: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), EndedUnixMS: length.Milliseconds(),
		Segments: segments, Final: true,
	}
}

// progress tells how a recording gets on: in place on a terminal, and in one line at the end elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	name     string
	began    time.Time
}

func newProgress(out io.Writer, name string) *progress {
	return &progress{out: out, terminal: isTerminal(out), name: name, began: time.Now()}
}

func (p *progress) show(done, total time.Duration) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s: %v of %v, %s", p.name, done.Round(time.Second), total.Round(time.Second), p.speed(done))
	}
}

// speed says how much faster than its speakers the recording is transcribed.
func (p *progress) speed(done time.Duration) string {
	return fmt.Sprintf("%.1f times real time", done.Seconds()/max(time.Since(p.began).Seconds(), 0.001))
}

// end says that a recording of length is done.
func (p *progress) end(length time.Duration) {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	fmt.Fprintf(p.out, "%s: %v in %v, %s\n", p.name, length.Round(time.Second), time.Since(p.began).Round(100*time.Millisecond), p.speed(length))
}

// abandon leaves the line to the error.
func (p *progress) abandon() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
