package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// smallDisk is a file system of its own whose size can be changed. It takes no more memory than what is written.
type smallDisk struct{ dir string }

// mountDisk mounts one, or skips the test.
func mountDisk(t *testing.T, mib int64) smallDisk {
	t.Helper()
	d := smallDisk{filepath.Join(t.TempDir(), "disk")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("souffleur-test", d.dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		t.Skipf("a file system of its own cannot be mounted here (it takes the rights of root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(d.dir, syscall.MNT_DETACH) })
	return d
}

// leave gives the disk this much free space, in bytes.
func (d smallDisk) leave(t *testing.T, free int64) {
	t.Helper()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &fs); err != nil {
		t.Fatal(err)
	}
	used := int64(fs.Blocks-fs.Bfree) * fs.Bsize
	if err := syscall.Mount("souffleur-test", d.dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", used+free)); err != nil {
		t.Fatal(err)
	}
}

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

// serving starts the whole system on a data folder and returns a way to ask it.
func serving(t *testing.T, data string, log *said) *remote {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve", "--data", data, "--listen", "localhost:0", "--udp-port", "0", "--models", t.TempDir())
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	var r *remote
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
	return r
}

func TestServeSaysThatItsDiskIsFullAndGoesOnWhenThereIsRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for several looks at the disk")
	}
	disk := mountDisk(t, 1500)
	log := &said{}
	server := serving(t, filepath.Join(disk.dir, "data"), log)
	shows := func(state, sentence, logged string) {
		t.Helper()
		until(t, func() error {
			var status struct {
				Disk struct{ State, Message string }
			}
			if err := server.call(t.Context(), http.MethodGet, "/status", nil, &status); err != nil {
				return err
			}
			if status.Disk.State != state || !strings.Contains(status.Disk.Message, sentence) || !strings.Contains(log.String(), logged) {
				return fmt.Errorf("the disk is shown as %+v, want %s; the log says:\n%s", status.Disk, state, log)
			}
			return nil
		})
	}
	room := func(name string) error {
		return server.call(t.Context(), http.MethodPost, "/rooms", map[string]string{"name": name}, nil)
	}
	shows("up", "", "")
	disk.leave(t, 200<<20)
	shows("low", "Free some space soon", "nearly full")
	if err := room("There is still room"); err != nil {
		t.Error(err)
	}
	disk.leave(t, 0)
	shows("full", "No new meeting can begin", "is full")
	var failed error
	for i := 0; i < 200 && failed == nil; i++ { // until the pages that the index has already are full
		failed = room(fmt.Sprintf("Room %d %s", i, strings.Repeat("x", 80)))
	}
	if failed == nil {
		t.Error("rooms are made for which there is no space")
	}
	disk.leave(t, 1400<<20)
	shows("up", "", "enough room again")
	until(t, func() error { return room("Room again") })
	if strings.Contains(log.String(), "panic") {
		t.Errorf("the log says:\n%s", log)
	}
}

func TestDoctorWarnsOfADiskThatFillsUp(t *testing.T) {
	disk := mountDisk(t, 1500)
	c := doctorCmd{}
	c.Data = disk.dir
	for _, step := range []struct {
		free    int64
		problem string
	}{{1400 << 20, ""}, {900 << 20, "nearly full"}, {10 << 20, "full; captions pause"}} {
		disk.leave(t, step.free)
		f := c.diskSpace()
		if got := fmt.Sprint(f.err); step.problem == "" && f.err != nil || !strings.Contains(got, step.problem) {
			t.Errorf("with %d MiB free the doctor says %q", step.free>>20, got)
		}
	}
}
