package bus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// workerVariable makes the test binary work through the audio topic instead of running tests, so that tests can kill a
// worker or hold it still.
const workerVariable = "SOUFFLEUR_TEST_RUN_WORKER"

// runWorker joins group "asr", says "read" when it has a record, and tries to commit when it gets a line.
func runWorker(config string) error {
	var cfg Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return err
	}
	tune := quick()
	if cfg.MemberDir != "" {
		tune.session = 4 * time.Minute // its successor must not have to wait for that
	}
	b, err := open(context.Background(), cfg, tune, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go b.Consume(ctx, "asr", Audio, func(ctx context.Context, a *Assignment) error {
		if _, err := a.Next(ctx); err != nil {
			return err
		}
		fmt.Println("read")
		in := bufio.NewReader(os.Stdin)
		if _, err := in.ReadString('\n'); err == nil {
			err := a.Commit(context.Background(), 99, "stale")
			fmt.Println("fenced:", errors.Is(err, ErrFenced), err)
		}
		io.Copy(io.Discard, in) // ends with the test process
		cancel()
		return nil
	})
	<-ctx.Done()
	return nil
}

// otherWorker is a worker in a process of its own.
type otherWorker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startWorker(t *testing.T, cfg Config) *otherWorker {
	t.Helper()
	config, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+string(config))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &otherWorker{cmd: cmd, in: in, out: bufio.NewReader(out)}
}

func (w *otherWorker) says(t *testing.T, want string) {
	t.Helper()
	line, err := w.out.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, want) {
		t.Fatalf("the other worker says %q, %v; want %q", line, err, want)
	}
}

func TestThePartitionsOfAKilledWorkerGoToAnother(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 3, "a")
		victim := startWorker(t, s.cfg)
		victim.says(t, "read")
		if err := victim.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		var w worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, w.handle) })
		w.awaits(t, 3, []string{"a"})
		t.Logf("taken over after %v with a session of %v", time.Since(killed).Round(time.Millisecond), b.tune.session)
	})
}

// The session here is far longer than the test waits: only the note of the killed worker can free its partition.
func TestASuccessorDoesNotWaitForTheSessionOfAKilledWorker(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		s.cfg.MemberDir = t.TempDir()
		b := s.open(t)
		publish(t, b, Audio, 3, "a")
		victim := startWorker(t, s.cfg)
		victim.says(t, "read")
		if err := victim.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		var w worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, w.handle) })
		w.awaits(t, 3, []string{"a"})
	})
}

// A process that was asleep does not know that its partitions have gone to another.
func TestAWorkerThatWasHeldStillCannotCommitWhenItWakes(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 3, "a")
		zombie := startWorker(t, s.cfg)
		zombie.says(t, "read")
		if err := zombie.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		var w worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, w.handle) })
		w.awaits(t, 3, []string{"a"})
		eventually(t, func() error { return hasCommitted(b, 3, 1) })
		if _, err := io.WriteString(zombie.in, "commit\n"); err != nil {
			t.Fatal(err)
		}
		if err := zombie.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		zombie.says(t, "fenced: true")
		if err := hasCommitted(b, 3, 1); err != nil {
			t.Error(err)
		}
	})
}
