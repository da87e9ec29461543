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
	"slices"
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
	name  string
	clips []clip // to say
	said  []saying
}

const (
	stagger   = 1300 * time.Millisecond // between the first words of two speakers
	lastWords = 6 * time.Second         // without a caption, and captions called live: everything has come
	mostWait  = 2 * time.Minute         // for the last captions
)

// live lets n speakers talk, one language after the other. alone holds the errors of each clip offline, by path.
func live(ctx context.Context, o options, clips []clip, n int, alone map[string]eval.Errors) (eval.Figures, error) {
	total := eval.Figures{Speakers: n}
	in, err := install(ctx, o)
	if err != nil {
		return total, err
	}
	began := time.Now()
	for _, lang := range o.langs {
		spoken := slices.DeleteFunc(slices.Clone(clips), func(c clip) bool { return c.lang != lang })
		if len(spoken) == 0 {
			continue
		}
		fmt.Fprintf(os.Stderr, "%d speaking %s\n", n, lang)
		m := &meeting{lang: lang}
		for i := range n {
			m.speakers = append(m.speakers, &speaker{
				name: fmt.Sprintf("Speaker %d", i+1), clips: lineup(spoken, o.seed, i, o.length()/time.Duration(len(o.langs))),
			})
		}
		if err := m.hold(ctx, in); err != nil {
			in.stop()
			return total, err
		}
		total.Add(m.figures(alone))
	}
	took := time.Since(began)
	total.Cores = in.stop().Seconds() / took.Seconds()
	total.Counts = in.counts()
	return total, nil
}

// meeting is what was said in one room, and what its reader was shown.
type meeting struct {
	lang     string
	opened   time.Time // zero of the room clock
	speakers []*speaker

	// Written by the reader until it ends.
	shown []client.Received
	late  []lateness // changes of the state that readers see

	spoken time.Time // end of all speech
}

// lateness is a state of captions that readers were told of.
type lateness struct {
	at    time.Time
	state string
	lag   time.Duration
}

// hold lets everybody speak and waits for the last captions.
func (m *meeting) hold(ctx context.Context, in *installation) error {
	link, err := in.room(ctx, m.lang)
	if err != nil {
		return err
	}
	c, err := client.Join(ctx, client.Config{URL: link, Name: "Reader"})
	if err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	defer c.Close()
	m.opened = time.UnixMilli(c.Welcome().BeganUnixMS)
	if err := awaitCaptions(ctx, c); err != nil {
		return err
	}
	spoken := make(chan struct{})
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var reader sync.WaitGroup
	reader.Go(func() { m.read(reading, c, spoken) })
	var g errgroup.Group
	for i, s := range m.speakers {
		g.Go(func() error { return s.speak(ctx, link, time.Duration(i)*stagger) })
	}
	if err := g.Wait(); err != nil {
		stop()
		reader.Wait()
		return err
	}
	m.spoken = time.Now()
	close(spoken)
	reader.Wait()
	return ctx.Err()
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

// read keeps what a reader is shown and told, until ctx ends or, once all was spoken, everything has come.
func (m *meeting) read(ctx context.Context, c *client.Client, spoken <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	var until time.Time // zero while somebody speaks
	for {
		ai, changed := c.AI()
		m.note(ai.Status)
		select {
		case <-ctx.Done():
			return
		case r := <-c.Captions():
			m.shown = append(m.shown, r)
			last = time.Now()
		case <-changed:
		case <-spoken:
			spoken, last = nil, time.Now()
			until = last.Add(mostWait)
		case now := <-ticker.C:
			quiet := now.Sub(last) >= lastWords && m.late[len(m.late)-1].state == vocabulary.StateLive
			if !until.IsZero() && (quiet || now.After(until)) {
				return
			}
		}
	}
}

// note keeps a status that differs from the last.
func (m *meeting) note(s vocabulary.Status) {
	l := lateness{time.Now(), s.State, time.Duration(s.LagMS) * time.Millisecond}
	if n := len(m.late); n > 0 && m.late[n-1].state == l.state && m.late[n-1].lag == l.lag {
		return
	}
	m.late = append(m.late, l)
}

// speak says all clips.
func (s *speaker) speak(ctx context.Context, link string, wait time.Duration) error {
	p, err := client.Join(ctx, client.Config{URL: link, Name: s.name})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	defer p.Close()
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	for _, c := range s.clips {
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

// figures compares what the reader was shown with what was said.
func (m *meeting) figures(alone map[string]eval.Errors) eval.Figures {
	f := eval.Figures{}
	f.ShownLate, f.Recovered = m.lateness()
	for i, s := range m.speakers {
		var said []eval.Speech
		for _, x := range s.said {
			said = append(said, x.speech(m.opened))
			if alone != nil {
				f.Add(eval.Figures{Offline: map[string]eval.Errors{m.lang: alone[x.clip.path]}})
			}
		}
		var shown []eval.Shown
		for _, r := range m.shown {
			if r.Speaker == s.name {
				shown = append(shown, m.update(r))
			}
		}
		f.Add(eval.Judge(said, shown).Place(i))
	}
	return f
}

// lateness returns the largest delay that readers were told of, and how long after all speech captions were called live
// again for good; 0 if they were live by then.
func (m *meeting) lateness() (shown, recovered time.Duration) {
	for i, l := range m.late {
		if l.state == vocabulary.StateLive {
			continue
		}
		shown = max(shown, l.lag)
		recovered = mostWait // unless it went over
		if i+1 < len(m.late) {
			recovered = max(0, m.late[i+1].at.Sub(m.spoken))
		}
	}
	return shown, recovered
}

func (m *meeting) update(r client.Received) eval.Shown {
	c := r.Caption
	return eval.Shown{
		Update: eval.Update{Segment: string(c.Seg), Lang: c.Lang, Text: c.Text, Stable: c.Stable, Final: c.Final},
		At:     r.At.Sub(m.opened),
		Says:   eval.Span{From: time.Duration(c.T0) * time.Millisecond, To: time.Duration(c.T1) * time.Millisecond},
	}
}

// speech places a saying on the room clock.
func (x saying) speech(opened time.Time) eval.Speech {
	at := x.began.Sub(opened)
	s := eval.Speech{Lang: x.clip.lang, Text: x.clip.words, Whole: eval.Span{From: at, To: at + x.clip.length + between}}
	for _, u := range x.clip.utterances {
		s.Utterances = append(s.Utterances, eval.Span{From: at + u.From, To: at + u.To})
	}
	s.Words = eval.Timed(s.Lang, s.Text, s.Utterances)
	return s
}

// offline transcribes every clip as a file, with the default settings of `souffleur transcribe` but for the language. It also
// returns the errors of each, by path.
func offline(ctx context.Context, o options, clips []clip) (eval.Figures, map[string]eval.Errors, error) {
	row := eval.Figures{WER: map[string]eval.Errors{}}
	each := make(map[string]eval.Errors)
	var length time.Duration
	began := time.Now()
	for _, c := range clips {
		fmt.Fprintf(os.Stderr, "offline: %s\n", filepath.Base(c.path))
		text, err := transcribe(ctx, o, c)
		if err != nil {
			return row, nil, err
		}
		length += c.length
		each[c.path] = eval.Score(eval.Normalize(c.lang, c.words), eval.Normalize(c.lang, text))
		row.WER[c.lang] = row.WER[c.lang].Add(each[c.path])
	}
	row.Pace = time.Since(began).Seconds() / length.Seconds() // with loading the model for each
	return row, each, nil
}

func transcribe(ctx context.Context, o options, c clip) (string, error) {
	args := []string{"transcribe", "--models", o.models, "--lang", c.lang, "--format", "json", c.path}
	if o.model != "" {
		args = append(args, "--model", o.model)
	}
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Stderr = io.Discard
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("transcribe %s: %w", c.path, err)
	}
	var transcript struct{ Segments []struct{ Text string } }
	if err := json.Unmarshal(out, &transcript); err != nil {
		return "", fmt.Errorf("read transcript of %s: %w", c.path, err)
	}
	text := ""
	for _, s := range transcript.Segments {
		text += " " + s.Text
	}
	return text, nil
}
