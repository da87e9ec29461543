package sfu

import (
	"testing"
	"time"

	"souffleur/sfu/rate"
)

func TestNumbersLeftFreeAreCounted(t *testing.T) {
	var s slot
	for _, c := range []struct {
		seq  uint16
		free uint32
	}{{65534, 0}, {65535, 0}, {2, 2}, {0, 1}, {3, 1}, {1, 0}} {
		s.numbers.note(c.seq)
		if n := s.skipped(); n != c.free {
			t.Errorf("after packet %d %d numbers are free, not %d", c.seq, n, c.free)
		}
	}
}

func TestRepeatsTakeAQuarterOfTheBudget(t *testing.T) {
	var a allowance
	now := time.Unix(1_800_000_000, 0)
	const budget = 320 * rate.Kbps // 10 kB of repeats a second
	sent := 0
	for range 1000 {
		now = now.Add(10 * time.Millisecond)
		for range 5 {
			if a.take(1000, budget, now) {
				sent += 1000
			}
		}
	}
	if sent < 100_000 || sent > 110_000 {
		t.Errorf("%d bytes were repeated in ten seconds", sent)
	}
	now = now.Add(time.Hour)
	for sent = 0; a.take(1000, budget, now); sent += 1000 {
	}
	if sent != 2_000 {
		t.Errorf("after an hour %d bytes may be repeated at once", sent)
	}
}
