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
	"strconv"
	"strings"
	"time"

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

// ticksPerSecond is the unit of times in /proc/PID/stat; the kernel's interface has had this value since ever (proc(5), USER_HZ).
const ticksPerSecond = 100

// usage is what the broker has used so far, and what it holds.
func (b *broker) usage() (cpu time.Duration, rss int64, err error) {
	dir := "/proc/" + strconv.Itoa(b.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, 0, err
	}
	// The name stands in parentheses and may have spaces; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	statm, err := os.ReadFile(dir + "/statm")
	if err != nil {
		return 0, 0, err
	}
	pages := strings.Fields(string(statm))
	if len(fields) < 13 || len(pages) < 2 {
		return 0, 0, fmt.Errorf("%s: not as expected", dir)
	}
	var n [3]int64
	for i, text := range []string{fields[11], fields[12], pages[1]} {
		if n[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", dir, err)
		}
	}
	return time.Duration(n[0]+n[1]) * time.Second / ticksPerSecond, n[2] * int64(os.Getpagesize()), nil
}
