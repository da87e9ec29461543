//go:build whisper

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/asr/eval"
	"souffleur/internal/client"
	vocabulary "souffleur/internal/meeting"
	"souffleur/internal/ogg"
)

// saying is a clip that a speaker said, from a moment on.
type saying struct {
	clip  clip
	began time.Time
}

// speaker is one scripted participant with what they said.
type speaker struct {
	name string
	said []saying
}

const (
	stagger   = 1300 * time.Millisecond // between the first words of two speakers
	lastWords = 15 * time.Second        // how long a reader waits for the last finals
)

// live lets n speakers say all clips, one language after the other: each speaker says every clip, beginning with another.
func live(ctx context.Context, o options, clips []clip, n int) (figures, error) {
	total := figures{Speakers: n}
	in, err := install(ctx, o)
	if err != nil {
		return total, err
	}
	began := time.Now()
	for _, lang := range o.langs {
		var spoken []clip
		for _, c := range clips {
			if c.lang == lang {
				spoken = append(spoken, c)
			}
		}
		fmt.Fprintf(os.Stderr, "%d speaking %s, %d recordings each\n", n, lang, len(spoken))
		m, err := meet(ctx, in, lang, spoken, n)
		if err != nil {
			in.stop()
			return total, err
		}
		total.add(m.score())
	}
	took := time.Since(began)
	total.Cores = in.stop().Seconds() / took.Seconds()
	return total, nil
}

// meeting is what was said in one room, and what its reader was shown.
type meeting struct {
	lang     string
	opened   time.Time // zero of the room clock
	speakers []*speaker
	shown    []client.Received
}

func meet(ctx context.Context, in *installation, lang string, clips []clip, n int) (*meeting, error) {
	link, err := in.room(ctx, lang)
	if err != nil {
		return nil, err
	}
	reader, err := client.Join(ctx, client.Config{URL: link, Name: "Reader"})
	if err != nil {
		return nil, fmt.Errorf("reader: %w", err)
	}
	defer reader.Close()
	m := &meeting{lang: lang, opened: time.UnixMilli(reader.Welcome().BeganUnixMS)}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() { m.read(reader, stop) })
	defer reading.Wait()
	defer close(stop)
	if err := awaitCaptions(ctx, reader); err != nil {
		return nil, err
	}
	var g errgroup.Group
	for i := range n {
		s := &speaker{name: fmt.Sprintf("Speaker %d", i+1)}
		m.speakers = append(m.speakers, s)
		g.Go(func() error { return s.speak(ctx, link, clips, i) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return m, sleep(ctx, lastWords)
}

// awaitCaptions waits until recognisers are there: their start is not what is measured.
func awaitCaptions(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		ai, changed := c.AI()
		if ai.Status.State == vocabulary.StateLive {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("captions are %q: %w", ai.Status.State, ctx.Err())
		}
	}
}

func (m *meeting) read(c *client.Client, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case r := <-c.Captions():
			m.shown = append(m.shown, r)
		}
	}
}

// speak says all clips, beginning with the i-th.
func (s *speaker) speak(ctx context.Context, link string, clips []clip, i int) error {
	p, err := client.Join(ctx, client.Config{URL: link, Name: s.name})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	defer p.Close()
	if err := sleep(ctx, time.Duration(i)*stagger); err != nil {
		return err
	}
	for k := range clips {
		c := clips[(i+k)%len(clips)]
		if err := s.say(ctx, p, c); err != nil {
			return fmt.Errorf("%s says %s: %w", s.name, filepath.Base(c.path), err)
		}
	}
	return nil
}

func (s *speaker) say(ctx context.Context, p *client.Client, c clip) error {
	f, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := ogg.NewReader(f)
	if err != nil {
		return err
	}
	return p.Speak(ctx, client.Recording(r), func(at time.Time) { s.said = append(s.said, saying{c, at}) })
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// offline transcribes every clip as a file.
func offline(ctx context.Context, o options, clips []clip) (figures, error) {
	row := figures{WER: map[string]eval.Errors{}}
	var length time.Duration
	began := time.Now()
	for _, c := range clips {
		fmt.Fprintf(os.Stderr, "offline: %s\n", filepath.Base(c.path))
		args := []string{"transcribe", "--models", o.models, "--lang", c.lang, "--format", "json", c.path}
		if o.model != "" {
			args = append(args, "--model", o.model)
		}
		cmd := exec.CommandContext(ctx, o.binary, args...)
		cmd.Stderr = io.Discard
		out, err := cmd.Output()
		if err != nil {
			return row, fmt.Errorf("transcribe %s: %w", c.path, err)
		}
		var transcript struct{ Segments []struct{ Text string } }
		if err := json.Unmarshal(out, &transcript); err != nil {
			return row, fmt.Errorf("read transcript of %s: %w", c.path, err)
		}
		text := ""
		for _, s := range transcript.Segments {
			text += " " + s.Text
		}
		length += c.length
		row.WER[c.lang] = row.WER[c.lang].Add(eval.Score(eval.Normalize(c.lang, c.words), eval.Normalize(c.lang, text)))
	}
	row.RealTimeFactor = time.Since(began).Seconds() / length.Seconds() // with loading the model for each
	return row, nil
}
