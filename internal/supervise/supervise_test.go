package supervise

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play the parts of parent and child.
func TestMain(m *testing.M) {
	switch os.Getenv("SUPERVISE_TEST_PART") {
	case "crash":
		os.Exit(7)
	case "speaker":
		fmt.Println("said")
		fmt.Fprintln(os.Stderr, "complained")
		os.Exit(3)
	case "child":
		ctx, cancel := UntilOrphaned(context.Background())
		defer cancel()
		fmt.Fprintln(os.Stderr, "child", os.Getpid())
		<-ctx.Done()
		os.Exit(0)
	case "parent":
		c := Child{Name: "child", Path: os.Args[0], Env: []string{"SUPERVISE_TEST_PART=child"}, Log: slog.New(slog.DiscardHandler)}
		_ = c.Run(context.Background())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestACrashedChildIsStartedAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ends := make(chan int, 8)
	c := Child{
		Name: "crasher", Path: os.Args[0], Env: []string{"SUPERVISE_TEST_PART=crash"},
		Log: slog.New(slog.DiscardHandler), Stopped: func(code int) { ends <- code },
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for range 3 {
		if code := <-ends; code != 7 {
			t.Errorf("exit code %d, want 7", code)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestARunOnceTellsWhatTheChildSaidAndHowItEnded(t *testing.T) {
	var out, complaint strings.Builder
	c := Child{
		Name: "speaker", Path: os.Args[0], Env: []string{"SUPERVISE_TEST_PART=speaker"}, Log: slog.New(slog.DiscardHandler),
		Output: &out, Errors: &complaint,
	}
	code, err := c.RunOnce(t.Context())
	if err != nil || code != 3 || out.String() != "said\n" || complaint.String() != "complained\n" {
		t.Errorf("code %d, %v, said %q and %q", code, err, &out, &complaint)
	}
}

// lines sends each line that is written to it.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestARunOnceEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	said := make(lines, 8)
	c := Child{
		Name: "child", Path: os.Args[0], Env: []string{"SUPERVISE_TEST_PART=child"}, Log: slog.New(slog.DiscardHandler), Errors: said,
	}
	done := make(chan error, 1)
	go func() { _, err := c.RunOnce(ctx); done <- err }()
	<-said // it runs
	cancel()
	if err := <-done; err != context.Canceled {
		t.Error(err)
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	c := Child{Name: "nobody", Path: "/no/such/program", Log: slog.New(slog.DiscardHandler)}
	if err := c.Run(t.Context()); err == nil {
		t.Error("no error")
	}
	if _, err := c.RunOnce(t.Context()); err == nil {
		t.Error("no error")
	}
}

func TestAChildEndsWhenItsParentIsKilled(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = []string{"SUPERVISE_TEST_PART=parent"}
	out, err := parent.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(out)
	line, err := reader.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "child ")))
	if err != nil {
		t.Fatalf("the child said %q", line)
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The child holds the other end of the pipe: it reads end of file only once the child is gone too.
	read := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, reader); read <- err }()
	select {
	case <-read:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.Fatal("the child outlived its parent")
	}
	_ = parent.Wait()
}
