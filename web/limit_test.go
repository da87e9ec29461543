package web

import (
	"net/netip"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestLimiterCountsEachNetworkByItself(t *testing.T) {
	c := &clock{at: time.Unix(1_000_000, 0)}
	l := newLimiter(2, time.Minute, c.now)
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 2 {
		if !l.allow(one) {
			t.Fatal("refused within the allowance")
		}
	}
	if l.allow(one) {
		t.Error("allowed a third time")
	}
	if !l.allow(two) {
		t.Error("another address paid for the first")
	}
	if !l.allow(netip.MustParseAddr("::ffff:192.0.2.3")) || !l.allow(netip.MustParseAddr("192.0.2.3")) || l.allow(netip.MustParseAddr("192.0.2.3")) {
		t.Error("an IPv4 address in its IPv6 form must be the same client")
	}
	c.at = c.at.Add(30 * time.Second)
	if !l.allow(one) || l.allow(one) {
		t.Error("after half a window half the allowance must be back")
	}
}

func TestLimiterTakesAnIPv6SubscriberAsOne(t *testing.T) {
	c := &clock{at: time.Unix(1_000_000, 0)}
	l := newLimiter(1, time.Minute, c.now)
	if !l.allow(netip.MustParseAddr("2001:db8:1:2::1")) || l.allow(netip.MustParseAddr("2001:db8:1:2:ffff::9")) {
		t.Error("a /64 must share one allowance")
	}
	if !l.allow(netip.MustParseAddr("2001:db8:1:3::1")) {
		t.Error("the next /64 is another client")
	}
}

func TestLimiterForgets(t *testing.T) {
	c := &clock{at: time.Unix(1_000_000, 0)}
	l := newLimiter(1, time.Minute, c.now)
	addr := netip.MustParseAddr("10.0.0.0")
	for range 3 * maxAddresses {
		l.allow(addr)
		addr = addr.Next()
	}
	if n := len(l.young) + len(l.old); n > 2*maxAddresses {
		t.Errorf("remembers %d addresses, at most %d", n, 2*maxAddresses)
	}
	c.at = c.at.Add(2 * time.Minute)
	l.allow(addr)
	c.at = c.at.Add(2 * time.Minute)
	l.allow(addr)
	if n := len(l.young) + len(l.old); n > 2 {
		t.Errorf("remembers %d addresses long after they were seen", n)
	}
}

func TestLimiterRemembersAcrossGenerations(t *testing.T) {
	c := &clock{at: time.Unix(1_000_000, 0)}
	l := newLimiter(10, time.Minute, c.now)
	addr := netip.MustParseAddr("192.0.2.1")
	c.at = c.at.Add(59 * time.Second)
	for range 10 {
		l.allow(addr)
	}
	c.at = c.at.Add(time.Second) // a new generation begins
	if l.allow(addr) {
		t.Error("a new generation gave a full allowance")
	}
}
