package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"

	"souffleur/internal/client"
	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
)

// joinCmd is a scripted participant.
type joinCmd struct {
	URL        string        `arg:"" help:"The room's link."`
	Name       string        `help:"Name to appear under." default:"Souffleur"`
	Audio      string        `help:"Ogg Opus recording to send at real speed." type:"existingfile" placeholder:"FILE"`
	Repeat     bool          `help:"Send the recording again and again."`
	StartAfter time.Duration `help:"Wait before sending." placeholder:"D"`
	LeaveAfter time.Duration `help:"Leave after this time; without it, a while after the recording." placeholder:"D"`
	Captions   string        `help:"File for the captions shown, one JSON line each; - is standard output." placeholder:"FILE"`
	OptOut     bool          `help:"Do not transcribe this participant."`
	Token      string        `help:"API token, to join with the rights of an admin." env:"SOUFFLEUR_TOKEN" secret:""`
}

// afterRecording is how long a participant without --leave-after stays for the last captions.
const afterRecording = 8 * time.Second

// Run takes part in the meeting.
func (c *joinCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) (err error) {
	out, done, err := c.captionWriter(kctx.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, done()) }()
	if c.Audio != "" { // a bad file is told before anybody sees the participant
		if err := probe(c.Audio); err != nil {
			return badUsage("--audio: %w", err)
		}
	}
	joining, cancel := context.WithTimeout(ctx, 30*time.Second)
	p, err := client.Join(joining, client.Config{URL: c.URL, Name: c.Name, Token: c.Token, OptOut: c.OptOut, Log: log})
	cancel()
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	defer p.Close()
	log.Info("joined", "meeting", p.Welcome().Meeting, "participant", p.Welcome().Participant, "ai_level", p.Welcome().AI.Policy.Level)
	return c.stay(ctx, p, out)
}

// stay sends the recording and writes captions until it is time to leave.
func (c *joinCmd) stay(ctx context.Context, p *client.Client, out io.Writer) error {
	if c.LeaveAfter > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.LeaveAfter)
		defer cancel()
	}
	ctx, leave := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	w := &captionLines{out: json.NewEncoder(out)}
	g.Go(func() error { return w.write(ctx, p) })
	g.Go(func() error {
		defer leave()
		if err := c.speak(ctx, p, w); err != nil {
			return err
		}
		if c.LeaveAfter > 0 || c.Audio == "" {
			<-ctx.Done()
			return nil
		}
		return pause(ctx, afterRecording)
	})
	err := g.Wait()
	if ctx.Err() != nil && p.Err() == nil {
		return nil // it was time to leave
	}
	return err
}

func (c *joinCmd) speak(ctx context.Context, p *client.Client, w *captionLines) error {
	if c.Audio == "" {
		return nil
	}
	if err := pause(ctx, c.StartAfter); err != nil {
		return err
	}
	for {
		if err := c.speakOnce(ctx, p, w); err != nil || !c.Repeat {
			return err
		}
	}
}

func (c *joinCmd) speakOnce(ctx context.Context, p *client.Client, w *captionLines) error {
	f, err := os.Open(c.Audio)
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}
	defer f.Close()
	r, err := ogg.NewReader(f)
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	return p.Speak(ctx, client.Recording(r), func(at time.Time) { w.started.CompareAndSwap(0, at.UnixMilli()) })
}

func probe(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := ogg.NewReader(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (c *joinCmd) captionWriter(stdout io.Writer) (io.Writer, func() error, error) {
	if c.Captions == "" {
		return io.Discard, func() error { return nil }, nil
	}
	return create(c.Captions, stdout)
}

// captionLine is one line of --captions. Scripts rely on its fields.
type captionLine struct {
	RecvUnixMS       int64 `json:"recv_unix_ms"`        // when this participant got it
	MediaStartUnixMS int64 `json:"media_start_unix_ms"` // when its own first audio packet was sent; 0 before
	meeting.Caption
	Name string `json:"name"` // the speaker's, from the roster
}

// captionLines writes captions as they come.
type captionLines struct {
	started atomic.Int64
	mu      sync.Mutex // guards out
	out     *json.Encoder
}

func (w *captionLines) write(ctx context.Context, p *client.Client) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.Ended():
			if err := p.Err(); err != nil {
				return fmt.Errorf("the meeting is over for this participant: %w", err)
			}
			return nil
		case r := <-p.Captions():
			line := captionLine{
				RecvUnixMS: r.At.UnixMilli(), MediaStartUnixMS: w.started.Load(), Caption: r.Caption, Name: r.Speaker,
			}
			w.mu.Lock()
			err := w.out.Encode(line)
			w.mu.Unlock()
			if err != nil {
				return fmt.Errorf("write caption: %w", err)
			}
		}
	}
}
