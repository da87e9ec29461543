package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses bounds what a limiter remembers: 2 × 10,000 addresses are about 4 MB. A generation that is full is
// forgotten early, which lets clients start afresh; it never locks anybody out.
const maxAddresses = 10_000

// limiter bounds how often each client address does one thing.
//
// It keeps two generations of addresses. A generation lasts for window, in which an address's allowance refills
// completely, so dropping the older one loses nothing that matters.
type limiter struct {
	burst  int
	window time.Duration
	now    func() time.Time

	mu       sync.Mutex // guards the rest; the last lock taken
	young    map[netip.Prefix]*rate.Limiter
	old      map[netip.Prefix]*rate.Limiter
	youngest time.Time // when young began
}

// newLimiter returns a limiter that allows each address n times in a window, all at once or spread.
func newLimiter(n int, window time.Duration, now func() time.Time) *limiter {
	return &limiter{burst: n, window: window, now: now, young: map[netip.Prefix]*rate.Limiter{}, youngest: now()}
}

// allow takes one from the allowance of addr and says whether there was one.
func (l *limiter) allow(addr netip.Addr) bool {
	key := network(addr)
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucketLocked(key, now).AllowN(now, 1)
}

func (l *limiter) bucketLocked(key netip.Prefix, now time.Time) *rate.Limiter {
	if len(l.young) >= maxAddresses || now.Sub(l.youngest) >= l.window {
		l.old, l.young, l.youngest = l.young, map[netip.Prefix]*rate.Limiter{}, now
	}
	if b, ok := l.young[key]; ok {
		return b
	}
	b, ok := l.old[key]
	if !ok {
		b = rate.NewLimiter(rate.Limit(float64(l.burst)/l.window.Seconds()), l.burst)
	}
	l.young[key] = b
	return b
}

// network returns what counts as one client: an IPv4 address, or the /64 that an IPv6 subscriber is given.
func network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // an unknown address: all such clients share one allowance
	}
	return p
}
