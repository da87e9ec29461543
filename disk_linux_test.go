package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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

func TestServeSaysThatItsDiskIsFullAndGoesOnWhenThereIsRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for several looks at the disk")
	}
	disk := mountDisk(t, 1500)
	log := &said{}
	data := filepath.Join(disk.dir, "data")
	server, stop := serving(t, data, log)
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
	stop()
	server, _ = serving(t, data, log) // old audio goes only while it runs
	shows("full", "No new meeting can begin", "is full")
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
