// Package supervise runs child processes. [Child.Run] keeps one running: an engine's C++ abort ends one process, which is started again, and
// never a meeting. A child ends with its parent, even if the parent is killed: its standard input is a pipe that closes.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Child describes the process to keep running.
type Child struct {
	Name string   // for the log
	Path string   // of the program
	Args []string // without the program's name
	Env  []string // complete environment
	Log  *slog.Logger
	// Stopped is told each time the process has ended by itself, with its exit code (-1: killed by a signal), and
	// Started each time it runs again. Both may be nil.
	Started func()
	Stopped func(code int)
	// Lower is how much lower than the parent's the child's priority is (nice value).
	Lower int
	// Output and Errors receive what the child prints; nil: this process's standard error.
	Output, Errors io.Writer
}

const (
	firstWait = 100 * time.Millisecond // before the first restart
	maxWait   = 5 * time.Second
	healthy   = 10 * time.Second // a child that lived this long starts the back-off anew
	stopWait  = 5 * time.Second  // between the polite and the hard signal
)

// Run starts the child and starts it again whenever it ends, until ctx does; then it asks the child to stop, waits, and
// kills it if it does not.
func (c Child) Run(ctx context.Context) error {
	wait := firstWait
	for {
		began := time.Now()
		code, err := c.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("start %s: %w", c.Name, err)
		}
		c.Log.Warn("child process ended; starting it again", "child", c.Name, "exit_code", code, "lived", time.Since(began).Round(time.Millisecond))
		if c.Stopped != nil {
			c.Stopped(code)
		}
		if time.Since(began) > healthy {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

// RunOnce runs the child to its end and does not start it again. It returns the exit code, -1 if a signal ended it. When ctx ends
// it asks the child to stop, waits, kills it if it does not, and returns ctx's error.
func (c Child) RunOnce(ctx context.Context) (code int, err error) {
	code, err = c.once(ctx)
	if ctx.Err() != nil {
		return code, ctx.Err()
	}
	if err != nil {
		return code, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return code, nil
}

// once runs the child to its end.
func (c Child) once(ctx context.Context) (code int, err error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env = c.Env
	cmd.Stdout, cmd.Stderr = orStderr(c.Output), orStderr(c.Errors)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWait
	lifeline, err := cmd.StdinPipe() // closed by the kernel when this process dies
	if err != nil {
		return 0, fmt.Errorf("make pipe: %w", err)
	}
	defer lifeline.Close()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, c.Lower); err != nil {
		c.Log.Debug("priority not lowered", "child", c.Name, "err", err)
	}
	if c.Started != nil {
		c.Started()
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Log.Debug("wait for child", "child", c.Name, "err", err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

func orStderr(w io.Writer) io.Writer {
	if w == nil {
		return os.Stderr
	}
	return w
}

// UntilOrphaned returns a context that ends when parent does, or when the process that supervises this one has died:
// standard input, the lifeline, closes. Call it in children only.
func UntilOrphaned(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // returns at end of file or on a broken pipe: both mean the parent is gone
		cancel()
	}()
	return ctx, cancel
}
