package sfu

import (
	"sync/atomic"
	"time"
)

// keyFrameInterval is the shortest time between two key frame requests to one publisher. A key frame costs ten times
// another frame, and 150 readers who join together all want one. (Galène waits 0.5 s, LiveKit 0.5 to 1 s.)
const keyFrameInterval = 500 * time.Millisecond

// keyFrames is the throttle between those who need a key frame of one track and its publisher. Any goroutine may use it.
type keyFrames struct {
	ask    func()       // sends the request; set once
	last   atomic.Int64 // Unix time of the newest request, ns
	wanted atomic.Bool  // somebody waits for a key frame
}

// want asks for a key frame, now or as soon as the throttle allows. The request is repeated until a key frame arrives.
func (k *keyFrames) want(now time.Time) {
	k.wanted.Store(true)
	k.retry(now)
}

// retry sends the request that want could not, or one that has not been answered. The room calls it now and then.
func (k *keyFrames) retry(now time.Time) {
	if !k.wanted.Load() {
		return
	}
	last := k.last.Load()
	if now.UnixNano()-last >= int64(keyFrameInterval) && k.last.CompareAndSwap(last, now.UnixNano()) {
		k.ask()
	}
}

func (k *keyFrames) arrived() { k.wanted.Store(false) }
