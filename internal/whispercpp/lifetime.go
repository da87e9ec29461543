package whispercpp

import (
	"context"
	"sync"
)

// Lifetime counts the users of something the library holds, which is freed once it is closed and the last user is gone. All
// methods may be called from any goroutine.
type Lifetime struct {
	mu     sync.Mutex // guards all below
	free   func()     // nil once called
	users  int
	closed bool
}

// NewLifetime returns the lifetime of something that free frees. It has no users yet.
func NewLifetime(free func()) *Lifetime { return &Lifetime{free: free} }

// Acquire counts a user in; false once it is closed.
func (l *Lifetime) Acquire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.users++
	return true
}

// Release counts a user out.
func (l *Lifetime) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users--
	l.freeUnusedLocked()
}

// Close lets no more users in. Close is idempotent.
func (l *Lifetime) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.freeUnusedLocked()
}

func (l *Lifetime) freeUnusedLocked() {
	if l.closed && l.users == 0 && l.free != nil {
		l.free()
		l.free = nil
	}
}

// WhenDone calls cancel once ctx ends, until stop is called. After stop no call of cancel is under way.
func WhenDone(ctx context.Context, cancel func()) (stop func()) {
	done := make(chan struct{})
	detach := context.AfterFunc(ctx, func() {
		cancel()
		close(done)
	})
	return func() {
		if !detach() {
			<-done
		}
	}
}
