// Package dirlock gives one process at a time the use of a directory, so that two servers on one directory cannot destroy it.
package dirlock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrInUse says that another process has the directory open.
var ErrInUse = errors.New("in use by another process")

// lockName is the file whose lock stands for the directory. It stays after the server has stopped: removing it would
// let two processes lock two different files of that name.
const lockName = "lock"

// Lock is the exclusive use of a directory, until Close or the end of the process, however it ends.
type Lock struct {
	file *os.File
}

// Take makes dir if it is missing and takes it for this process. If another one has it, the error is ErrInUse in a
// sentence that names the directory and the other process.
func Take(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of data directory %s: %w", dir, err)
	}
	// The descriptor is closed on exec, so child processes do not keep the lock when this process dies.
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		return nil, fmt.Errorf("data directory %s is %w%s: stop that one or choose another data directory",
			dir, ErrInUse, owner(file))
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	// On a full disk the name of the owner is missing, and nothing else: the server must start, because old records
	// go only while it runs.
	if err := writeOwner(file); err != nil && !errors.Is(err, syscall.ENOSPC) {
		file.Close()
		return nil, fmt.Errorf("write the lock of data directory %s: %w", dir, err)
	}
	return &Lock{file: file}, nil
}

// writeOwner leaves the process ID for the sentence that a second process prints.
func writeOwner(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

// owner returns " (process 123)" if the lock file says so, else "".
func owner(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	pid := strings.TrimSpace(string(text))
	if err != nil || pid == "" || strings.Trim(pid, "0123456789") != "" {
		return ""
	}
	return " (process " + pid + ")"
}

// Close gives the directory back.
func (l *Lock) Close() error { return l.file.Close() }
