package sfu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
)

// beat is the grid on which what is done again and again is done: repair requests, feedback, reports. Waking a process up costs some 0.1 ms,
// the kernel's part and that of the runtime's monitor, however little is done then; ten publishers with three timers each, which began
// when they came, woke it up as often as their packets did.
const (
	beat = 50 * time.Millisecond
	// mostBeating is how many uplinks keep to the beat. With more of them packets keep the process awake anyway, and what all do at
	// once makes these wait.
	mostBeating = 32
)

// began is when beats are counted from.
var began = time.Now()

// onBeat is how long to wait so that about an interval, of whole beats, has passed, and it is a beat.
func onBeat(interval time.Duration) time.Duration {
	return interval - time.Since(began)%beat
}

// beating makes the interceptors of an uplink. Their own timers, whose intervals are whole beats, begin on one.
type beating struct {
	*interceptor.Registry
	uplinks atomic.Int32
}

// NewInterceptor implements interceptor.Factory.
func (b *beating) NewInterceptor(id string) (interceptor.Interceptor, error) {
	inner, err := b.Build(id)
	if err != nil {
		return nil, fmt.Errorf("make interceptors: %w", err)
	}
	d := &delayed{Interceptor: inner, uplinks: &b.uplinks}
	if b.uplinks.Add(1) <= mostBeating {
		d.wait = onBeat(beat)
	}
	return d, nil
}

// delayed is an interceptor that is told late where it can write, which is when pion's start their timers. They write of themselves
// only, and leave what others write alone.
type delayed struct {
	interceptor.Interceptor
	uplinks *atomic.Int32
	wait    time.Duration
	start   *time.Timer
	once    sync.Once
}

// BindRTCPWriter implements interceptor.Interceptor.
func (d *delayed) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	d.start = time.AfterFunc(d.wait, func() { d.Interceptor.BindRTCPWriter(w) }) // those that are closed take none
	return w
}

// Close implements interceptor.Interceptor.
func (d *delayed) Close() error {
	d.once.Do(func() { d.uplinks.Add(-1) })
	if d.start != nil {
		d.start.Stop()
	}
	return d.Interceptor.Close()
}
