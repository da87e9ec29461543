// Package disk tells how much room is left where durable data stand, and says so before it is gone.
//
// Start reading at [Look] and [Watch].
package disk

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Space is the room of the file system that holds a folder, in bytes.
type Space struct {
	Free  int64 // what a program without special rights may still write
	Total int64
}

// State is what a Space means for the program.
type State string

// The states, from good to bad.
const (
	Enough State = "up"   // nothing to do
	Low    State = "low"  // free some space soon
	Full   State = "full" // writing fails, or will within minutes
)

const (
	gib = 1 << 30
	// fullBelow is the room at which the disk counts as full: a few minutes of a meeting, and what the object store needs
	// to rewrite its index.
	fullBelow = 64 << 20
	// lowBelow is the least room that needs no warning; on large disks it is a twentieth, up to lowAtMost.
	lowBelow  = gib
	lowAtMost = 10 * gib
)

// Look returns the room of the file system that holds dir, which must exist.
func Look(dir string) (Space, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return Space{}, fmt.Errorf("look for free space in %s: %w", dir, err)
	}
	block := int64(fs.Bsize)
	return Space{Free: int64(fs.Bavail) * block, Total: int64(fs.Blocks) * block}, nil
}

// State says whether the room suffices.
func (s Space) State() State {
	switch {
	case s.Free < fullBelow:
		return Full
	case s.Free < max(lowBelow, min(s.Total/20, lowAtMost)):
		return Low
	}
	return Enough
}

// String returns the room for people, such as "312 MiB of 20 GiB free".
func (s Space) String() string { return size(s.Free) + " of " + size(s.Total) + " free" }

func size(n int64) string {
	if n < 10*gib {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}

// Watch calls look at once and then after each period until ctx ends, and tell when the state has changed, or when it is
// not good and again has passed since tell was called last. The state before the first look counts as Enough. What look
// cannot tell is left out.
func Watch(ctx context.Context, period, again time.Duration, look func() (Space, error), tell func(Space)) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	state, told := Enough, time.Time{}
	for {
		space, err := look()
		now := space.State()
		if err == nil && (now != state || now != Enough && time.Since(told) >= again) {
			state, told = now, time.Now()
			tell(space)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
