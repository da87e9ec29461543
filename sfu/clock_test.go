package sfu

import (
	"testing"
	"time"
)

func TestNTPThereAndBack(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(1790000000, 123456789), time.Date(2035, 12, 31, 23, 59, 59, 999999999, time.UTC)} {
		if d := fromNTP(toNTP(at)).Sub(at); d < -time.Nanosecond || d > time.Nanosecond {
			t.Errorf("%v comes back %v off", at, d)
		}
	}
	if got := toNTP(time.Unix(0, 0)) >> 32; got != 2208988800 {
		t.Errorf("1970 is %d s after 1900", got)
	}
}

func TestSenderClockKeepsTheSmallestDelay(t *testing.T) {
	var c senderClock
	now := time.Unix(1000, 0)
	behind := func(delay time.Duration) time.Duration { // of a publisher whose clock is 5 s behind
		now = now.Add(time.Second)
		return c.serverTime(now.Add(-5*time.Second-delay), now).Sub(now.Add(-delay))
	}
	if d := behind(80 * time.Millisecond); d != 80*time.Millisecond {
		t.Errorf("the first report is off by %v", d)
	}
	if d := behind(20 * time.Millisecond); d != 20*time.Millisecond {
		t.Errorf("a report with less delay is off by %v", d)
	}
	for range 5 {
		if d := behind(100 * time.Millisecond); d > 30*time.Millisecond {
			t.Errorf("a late report moved the clock to %v", d)
		}
	}
}
