package load

import (
	"context"
	"slices"
	"time"
)

const (
	// step is the timer whose lateness is measured: the spacing of packets of sound. It costs 50 wakeups a second, about
	// a thousandth of a core.
	step = 20 * time.Millisecond
	// steps in a reading make a second.
	steps = 50
)

// Traffic is what was sent since the start of the program.
type Traffic struct {
	Bytes   uint64 // headers included
	Packets uint64
}

// Run measures and judges about once a second until ctx ends, and tells each status; changed says that the state is
// another. traffic is what the program has sent so far.
func Run(ctx context.Context, config Config, traffic func() Traffic, tell func(s Status, changed bool)) {
	g := NewGovernor(config)
	m := newMeter(config.Cores, traffic, time.Now())
	var late [steps]time.Duration
	for {
		for i := range late {
			var ok bool
			if late[i], ok = lateness(ctx); !ok {
				return
			}
		}
		now := time.Now()
		r := m.read(now)
		slices.Sort(late[:])
		r.Late = late[steps*9/10]
		tell(g.Update(now, r))
	}
}

// lateness waits for a step and returns how late the timer fired; false when ctx has ended.
func lateness(ctx context.Context) (time.Duration, bool) {
	due := time.Now().Add(step)
	timer := time.NewTimer(step)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return 0, false
	case <-timer.C:
		return time.Since(due), true
	}
}
