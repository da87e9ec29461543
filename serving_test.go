package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// said collects what a process writes.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until polls until check returns nil.
func until(t *testing.T, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serving starts the whole system on a data folder and returns a way to ask it, and to stop it early, which may be
// called again.
func serving(t *testing.T, data string, log *said) (r *remote, stop func()) {
	t.Helper()
	listen := "localhost:0"
	if u, err := url.Parse(readLine(filepath.Join(data, urlFile))); err == nil && u.Host != "" {
		listen = u.Host // where it was the last time
	}
	cmd := exec.Command(os.Args[0], "serve", "--data", data, "--listen", listen, "--udp-port", "0", "--tcp-port", "0", "--turn-port", "0", "--models", t.TempDir())
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	until(t, func() error {
		if readLine(filepath.Join(data, urlFile)) == "" {
			return fmt.Errorf("no address yet: %s", log)
		}
		var err error
		if r, err = (remoteFlags{Data: data}).connect(); err != nil {
			return err
		}
		return r.call(t.Context(), http.MethodGet, "/health", nil, nil)
	})
	return r, stop
}
