package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Source says where the master key comes from. One of Text, File and Command must be set; Command and File may go together.
type Source struct {
	// Text is the key itself, from the environment.
	Text string
	// File holds the key, or, with Command, what Command makes the key of: its wrapped form.
	File string
	// Create makes File, with mode 0600, if it is not there. It has no effect with Command.
	Create bool
	// Command is a program and its arguments, separated by white space; no shell reads it. It gets the content of File on
	// standard input, nothing if there is no file, and prints the key. So it can ask any key service: the key stands on no
	// disk in clear, and a service that is away stops no running meeting, because it is asked only when a process starts and
	// when the master key was replaced.
	Command string
}

const (
	// commandTime bounds one run of the command. People wait for it at the start; a key service answers in a second.
	commandTime = 30 * time.Second
	// maxMasterText bounds what is read as a key, or as its wrapped form, in bytes.
	maxMasterText = 64 << 10
	// maxComplaint bounds how much of a command's standard error is shown.
	maxComplaint = 500
)

// ErrTooLong says that something that should be a master key is far too long to be one.
var ErrTooLong = fmt.Errorf("longer than %d bytes", maxMasterText)

// Validate names the first contradiction.
func (s Source) Validate() error {
	switch {
	case s.Text != "" && s.Command != "":
		return errors.New("the master key is given twice: as itself and by a command")
	case s.Text == "" && s.File == "" && s.Command == "":
		return errors.New("no master key is given")
	}
	return nil
}

// Master reads the master key. It may be called again, to learn a key that has been replaced.
func (s Source) Master(ctx context.Context) (*Master, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	switch {
	case s.Text != "":
		return ParseMaster(s.Text)
	case s.Command != "":
		return s.ask(ctx, commandTime)
	}
	return LoadMaster(s.File, s.Create)
}

// ask runs the command.
func (s Source) ask(ctx context.Context, limit time.Duration) (*Master, error) {
	words := strings.Fields(s.Command)
	if len(words) == 0 {
		return nil, errors.New("the command for the master key is empty")
	}
	var wrapped []byte
	if s.File != "" {
		var err error
		if wrapped, err = readShort(s.File); err != nil {
			return nil, fmt.Errorf("read what the command for the master key needs: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, complaint := &bounded{most: maxMasterText}, &bounded{most: maxComplaint}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(wrapped), out, complaint
	// What the command itself has started ends with it, and does not hold its pipes open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	defer clear(out.kept)
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return nil, fmt.Errorf("the command for the master key, %s, gave no answer within %v", words[0], limit)
	case err != nil:
		return nil, fmt.Errorf("the command for the master key, %s, failed: %w%s", words[0], err, complaint.quoted())
	case out.over:
		return nil, fmt.Errorf("the answer of the command for the master key, %s, is %w", words[0], ErrTooLong)
	}
	m, err := ParseMaster(string(out.kept))
	if err != nil {
		return nil, fmt.Errorf("the command for the master key, %s, answered something else (%d bytes): %w", words[0], len(out.kept), err)
	}
	return m, nil
}

// bounded keeps the first bytes that are written to it and swallows the rest, so that a chatty command does not stall.
type bounded struct {
	kept []byte
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - len(b.kept)
	if len(p) > room {
		b.over = true
	}
	b.kept = append(b.kept, p[:min(len(p), room)]...)
	return len(p), nil
}

// quoted is what a command complained about, for a sentence.
func (b *bounded) quoted() string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(b.kept), "?")), " ")
	if text == "" {
		return ""
	}
	return ": " + text
}

// LoadMaster reads the master key file at path; with create it makes the file, mode 0600, if there is none.
func LoadMaster(path string, create bool) (*Master, error) {
	text, err := readShort(path)
	if err == nil {
		m, err := ParseMaster(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return m, nil
	}
	if !errors.Is(err, os.ErrNotExist) || !create {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	fresh := NewMasterText()
	if err := writeOnce(path, []byte(fresh)); err != nil {
		return nil, fmt.Errorf("write master key: %w", err)
	}
	return ParseMaster(fresh)
}

// AddMaster puts a fresh key in front of those in the file at path, so that it wraps from now on and the others only open. A
// file that is not there is made. The file is replaced in one step: a crash leaves the old or the new one.
func AddMaster(path string) (*Master, error) {
	old, err := readShort(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if err == nil {
		if _, err := ParseMaster(string(old)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	text := NewMasterText() + string(old)
	m, err := ParseMaster(text)
	if err != nil {
		return nil, err
	}
	return m, replace(path, text)
}

// RetireMasters leaves only the key that wraps in the file at path.
func RetireMasters(path string) (*Master, error) {
	text, err := readShort(path)
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if _, err := ParseMaster(string(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	first := masterWords(string(text))[0] + "\n"
	m, err := ParseMaster(first)
	if err != nil {
		return nil, err
	}
	return m, replace(path, first)
}

// replace changes the content of a key file in one step and makes it durable.
func replace(path, text string) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write master key: %w", err)
	}
	if err := writeOnce(next, []byte(text)); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// readShort reads a file that should be small.
func readShort(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMasterText+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxMasterText {
		return nil, fmt.Errorf("%s: %w", path, ErrTooLong)
	}
	return b, nil
}

// writeOnce creates path with b and makes it durable: losing a fresh master key means losing what it sealed.
func writeOnce(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
