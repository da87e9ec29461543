//go:build whisper

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// installation is one `souffleur serve` with a data folder of its own.
type installation struct {
	o    options
	dir  string
	cmd  *exec.Cmd
	log  bytes.Buffer // read it after cmd has ended
	done chan error   // holds the result once cmd has ended
}

func install(ctx context.Context, o options) (*installation, error) {
	dir, err := os.MkdirTemp("", "souffleur-bench-")
	if err != nil {
		return nil, err
	}
	in := &installation{o: o, dir: dir, done: make(chan error, 1)}
	in.cmd = exec.Command(o.binary, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--udp-port", "0", "--tcp-port", "0", "--turn-port", "0", "--models", o.models)
	if o.model != "" {
		in.cmd.Args = append(in.cmd.Args, "--model", o.model)
	}
	in.cmd.Stderr = &in.log
	if err := in.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w; run: make build", o.binary, err)
	}
	go func() { in.done <- in.cmd.Wait() }()
	if err := in.await(ctx); err != nil {
		in.stop()
		return nil, fmt.Errorf("%w\n%s", err, in.log.String())
	}
	return in, nil
}

// await waits until the server answers.
func (in *installation) await(ctx context.Context) error {
	for range 300 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-in.done:
			in.done <- err
			return fmt.Errorf("the server ended at once: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
		url, err := os.ReadFile(filepath.Join(in.dir, "url"))
		if err != nil {
			continue
		}
		res, err := http.Get(strings.TrimSpace(string(url)) + "/api/v1/health")
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("the server does not answer")
}

// room makes a room and returns its link.
func (in *installation) room(ctx context.Context, lang string) (string, error) {
	out, err := exec.CommandContext(ctx, in.o.binary, "rooms", "create", "bench", "--ai", "captions", "--lang", lang, "--data", in.dir).Output()
	if err != nil {
		return "", fmt.Errorf("create room: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// stop ends the server and returns the processor time that it and its recogniser took.
func (in *installation) stop() time.Duration {
	_ = in.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-in.done:
	case <-time.After(20 * time.Second):
		_ = in.cmd.Process.Kill()
		<-in.done
	}
	os.RemoveAll(in.dir)
	return in.cmd.ProcessState.UserTime() + in.cmd.ProcessState.SystemTime()
}

// counts returns what the recognisers of the server counted, by name, from the line that each logs when it ends; nil if none
// did. Read it after stop.
func (in *installation) counts() map[string]int { return countsIn(in.log.Bytes()) }

// countsIn sums the counts in a log: lines with counts={"Partials":7,…}, quoted as slog's text handler does.
func countsIn(log []byte) map[string]int {
	var sum map[string]int
	for line := range strings.Lines(string(log)) {
		_, rest, found := strings.Cut(line, " counts=")
		if !found {
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			continue
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			continue
		}
		var counts map[string]int
		if json.Unmarshal([]byte(text), &counts) != nil {
			continue
		}
		if sum == nil {
			sum = make(map[string]int)
		}
		for name, n := range counts {
			if n != 0 {
				sum[name] += n
			}
		}
	}
	return sum
}
