package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a child that is started again whenever it ends, as by a supervisor.
type process struct {
	role role
	name string    // of its log
	told io.Writer // gets its standard output; nil: nobody

	mu     sync.Mutex // guards what follows
	cmd    *exec.Cmd
	starts int

	wg   sync.WaitGroup
	stop chan struct{}
}

// restartAfter is how long a supervisor takes to start a process again.
const restartAfter = 300 * time.Millisecond

func start(t *testing.T, name string, r role, told io.Writer) *process {
	t.Helper()
	p := &process{role: r, name: name, told: told, stop: make(chan struct{})}
	p.wg.Go(func() {
		for p.once(t) {
			select {
			case <-p.stop:
				return
			case <-time.After(restartAfter):
			}
		}
	})
	t.Cleanup(p.end)
	return p
}

// once runs the process until it ends; false if it cannot run at all.
func (p *process) once(t *testing.T) bool {
	text, err := json.Marshal(p.role)
	if err != nil {
		t.Error(err)
		return false
	}
	log, err := os.OpenFile(filepath.Join(p.role.Dir, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Error(err)
		return false
	}
	defer log.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = p.told, log
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		t.Error(err)
		return false
	}
	defer lifeline.Close()
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return false
	}
	p.mu.Lock()
	p.cmd = cmd
	p.starts++
	p.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		select {
		case <-p.stop:
			lifeline.Close()
		case <-ended:
		}
	}()
	err = cmd.Wait()
	close(ended)
	fmt.Fprintf(log, "--- ended: %v\n", err)
	return true
}

// signal sends a signal to the process as it is now, and returns that.
func (p *process) signal(t *testing.T, s os.Signal) *os.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	return p.cmd.Process
}

// restarts says how often the process was started again.
func (p *process) restarts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts - 1
}

// freeze holds the process still for d.
func (p *process) freeze(t *testing.T, d time.Duration) {
	held := p.signal(t, syscall.SIGSTOP)
	time.Sleep(d)
	if held != nil {
		held.Signal(syscall.SIGCONT) // it may have been killed meanwhile
	}
}

// end lets the process end in order.
func (p *process) end() {
	select {
	case <-p.stop:
		return
	default:
	}
	close(p.stop)
	slow := time.AfterFunc(20*time.Second, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.cmd.Process.Kill()
	})
	defer slow.Stop()
	p.wg.Wait()
}
