package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/asr"
	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
	"souffleur/storage"
	"souffleur/storage/export"
)

// transcribeCmd recognises recordings without a server.
type transcribeCmd struct {
	modelFlags
	GPU      bool     `help:"Use the GPU, if the engine was built for one." env:"SOUFFLEUR_GPU" name:"gpu"`
	Lang     string   `help:"Language spoken: en, fr, …, or auto." default:"auto"`
	Glossary []string `help:"Names and acronyms to expect, separated by commas, the most frequent first." placeholder:"TERM,…"`
	Format   string   `help:"vtt, srt, txt, md or json." default:"txt" enum:"vtt,srt,txt,md,json"`
	Files    []string `arg:"" help:"Recordings: Ogg Opus, or WAV with 16 bits a sample." type:"existingfile"`
}

// maxRecording bounds the memory of one recording: 4 hours are 0.9 GB of samples.
const maxRecording = 4 * time.Hour

// Run prints the transcripts of all files, in order.
func (c *transcribeCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	format, err := export.ParseFormat(c.Format)
	if err != nil {
		return usageError{err}
	}
	engine, err := c.modelFlags.open(c.GPU, log)
	if err != nil {
		return err
	}
	defer engine.close(log)
	for _, path := range c.Files {
		if err := c.one(ctx, engine, path, format, kctx.Stdout, kctx.Stderr); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (c *transcribeCmd) one(ctx context.Context, e *engine, path string, format export.Format, out, progress io.Writer) error {
	pcm, err := readRecording(path)
	if err != nil {
		return usageError{err}
	}
	rec, err := e.recognizer()
	if err != nil {
		return err
	}
	defer rec.Close()
	voice, err := e.detector()
	if err != nil {
		return err
	}
	defer voice.Close()
	lang := c.Lang
	if lang == "auto" {
		lang = ""
	}
	began := time.Now()
	segments, err := asr.Transcribe(ctx, pcm, rec, voice, asr.TranscribeOptions{Lang: lang, Glossary: c.Glossary, Progress: func(done, total time.Duration) {
		if isTerminal(progress) {
			fmt.Fprintf(progress, "\r\x1b[K%s: %v of %v, %.1f times real time", filepath.Base(path), done.Round(time.Second),
				total.Round(time.Second), done.Seconds()/max(time.Since(began).Seconds(), 0.001))
		}
	}})
	if isTerminal(progress) {
		fmt.Fprintln(progress)
	}
	if err != nil {
		return err
	}
	return export.Write(out, format, recordingTranscript(path, segments))
}

// recordingTranscript is a transcript of one unnamed speaker.
func recordingTranscript(path string, segments []meeting.Segment) *storage.Transcript {
	return &storage.Transcript{
		V: 1, RoomName: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Segments: segments, Final: true,
	}
}

// readRecording returns the samples of a file, 16 kHz mono.
func readRecording(path string) ([]float32, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(b, []byte("RIFF")) {
		return readWAV(b)
	}
	return ogg.Decode(bytes.NewReader(b), maxRecording)
}

var errWAV = errors.New("this WAV file is not 16 bits a sample, or is damaged; convert it with: ffmpeg -i FILE -ar 16000 -ac 1 out.wav")

// readWAV reads 16-bit PCM of any rate and channel count and brings it to 16 kHz mono.
func readWAV(b []byte) ([]float32, error) {
	var rate, channels int
	for at := 12; at+8 <= len(b); {
		id, size := string(b[at:at+4]), int(binary.LittleEndian.Uint32(b[at+4:]))
		body := b[at+8:]
		if size < len(body) {
			body = body[:size]
		}
		switch id {
		case "fmt ":
			if len(body) < 16 || binary.LittleEndian.Uint16(body[14:]) != 16 {
				return nil, errWAV
			}
			channels = int(binary.LittleEndian.Uint16(body[2:]))
			rate = int(binary.LittleEndian.Uint32(body[4:]))
		case "data":
			if channels < 1 || channels > 8 || rate < 8000 || rate > 192_000 {
				return nil, errWAV
			}
			return resample(mono(body, channels), rate), nil
		}
		at += 8 + size + size%2
	}
	return nil, errWAV
}

func mono(b []byte, channels int) []float32 {
	out := make([]float32, len(b)/2/channels)
	for i := range out {
		var sum float32
		for c := range channels {
			sum += float32(int16(binary.LittleEndian.Uint16(b[2*(i*channels+c):])))
		}
		out[i] = sum / float32(channels) / 32768
	}
	return out
}

// resample brings pcm to 16 kHz: each output sample is the mean of the input it spans when slowing down, which keeps
// aliases of speech low, and a straight line between neighbours when speeding up.
func resample(pcm []float32, rate int) []float32 {
	if rate == asr.SampleRate || len(pcm) == 0 {
		return pcm
	}
	step := float64(rate) / asr.SampleRate
	out := make([]float32, int(float64(len(pcm))/step))
	for i := range out {
		from := float64(i) * step
		if step > 1 {
			first, last := int(from), min(int(from+step), len(pcm))
			var sum float32
			for _, v := range pcm[first:last] {
				sum += v
			}
			out[i] = sum / float32(max(last-first, 1))
			continue
		}
		k := int(from)
		next := pcm[min(k+1, len(pcm)-1)]
		out[i] = pcm[k] + (next-pcm[k])*float32(from-float64(k))
	}
	return out
}
