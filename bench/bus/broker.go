package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"souffleur/bench/proc"
	"souffleur/internal/embed"
)

// brokerVariable makes this program the broker; its value is the folder.
const brokerVariable = "SOUFFLEUR_BENCH_BROKER"

// serveBroker serves until standard input ends, which it does when the measuring process ends.
func serveBroker(ctx context.Context) error {
	b, err := embed.StartBroker(ctx, embed.BrokerConfig{Dir: os.Getenv(brokerVariable)}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	io.Copy(io.Discard, os.Stdin)
	return b.Close()
}

// broker is the embedded broker in a process of its own.
type broker struct {
	addr     string
	cmd      *exec.Cmd
	lifeline io.Closer
}

func startBroker(dir string) (*broker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &broker{cmd: exec.Command(self)}
	b.cmd.Env = append(os.Environ(), brokerVariable+"="+dir)
	b.cmd.Stderr = os.Stderr
	if b.lifeline, err = b.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.stop()
		return nil, errors.New("the broker did not start")
	}
	b.addr = strings.TrimSpace(line)
	return b, nil
}

func (b *broker) stop() {
	b.lifeline.Close()
	_ = b.cmd.Wait() // what it did is measured
}

// usage is what the broker has used so far, and what it holds.
func (b *broker) usage() (cpu time.Duration, rss int64, err error) {
	return proc.Usage(b.cmd.Process.Pid)
}
