//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"souffleur/bench/proc"
)

// house is a server under test, in a process of its own.
type house struct {
	config   serverConfig
	cmd      *exec.Cmd
	lifeline io.Closer
	figures  *wire
}

// openHouse starts a server and waits until it listens.
func openHouse(c serverConfig, dir string) (*house, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c.Socket = filepath.Join(dir, c.Kind+".sock")
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	h := &house{config: c, cmd: exec.Command(self)}
	h.cmd.Env = append(os.Environ(), serverVariable+"="+string(text))
	h.cmd.Stderr = os.Stderr
	if h.lifeline, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err = bufio.NewReader(out).ReadString('\n'); err == nil {
		h.figures, err = dial(c.Socket)
	}
	if err == nil {
		err = h.figures.send(hello{Stats: true})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the %s server did not start: %w", c.Kind, err), h.stop())
	}
	return h, nil
}

// stats asks for figures.
func (h *house) stats(r statsRequest) (stats, error) {
	var s stats
	if err := h.figures.send(r); err != nil {
		return s, fmt.Errorf("ask the server for figures: %w", err)
	}
	if err := h.figures.receive(&s); err != nil {
		return s, fmt.Errorf("ask the server for figures: %w", err)
	}
	if s.Error != "" {
		return s, errors.New(s.Error)
	}
	return s, nil
}

// rss is what the process holds, in bytes.
func (h *house) rss() (int64, error) {
	_, rss, err := proc.Usage(h.cmd.Process.Pid)
	return rss, err
}

func (h *house) stop() error {
	if h.figures != nil {
		h.figures.conn.Close()
	}
	h.lifeline.Close()
	if err := h.cmd.Wait(); err != nil {
		return fmt.Errorf("the %s server ended badly: %w", h.config.Kind, err)
	}
	return nil
}
