package sfu

import (
	"testing"
	"time"

	"github.com/pion/transport/v5/packetio"
)

// watched is a guard of 1000 bytes or 10 packets a second that counts floods, and its clock.
func watched() (g *guard, floods *int) {
	floods = new(int)
	limits := guardLimits{amount: amount{bytes: 1000, packets: 10}, streams: 3}
	return &guard{limits: limits, flood: func(string) { *floods++ }, start: time.Now()}, floods
}

// send gives n packets of a size, spread over the second that begins at from, and returns how many were let through.
func (g *guard) send(n, size int, from time.Duration) int {
	passed := 0
	for i := range n {
		if g.take(size, from+time.Second*time.Duration(i)/time.Duration(n)) {
			passed++
		}
	}
	return passed
}

func TestGuardLetsThroughWhatIsAllowed(t *testing.T) {
	g, floods := watched()
	for s := range 100 {
		if n := g.send(10, 100, time.Duration(s)*time.Second); n != 10 {
			t.Fatalf("second %d: %d of 10 packets passed", s, n)
		}
	}
	g.send(20, 10, 200*time.Second) // a burst of two seconds' worth, and then little
	for s := 201; s < 300; s++ {
		if n := g.send(8, 100, time.Duration(s)*time.Second); n != 8 {
			t.Fatalf("second %d: %d of 8 packets passed", s, n)
		}
	}
	if *floods > 0 {
		t.Error("was called a flood")
	}
}

func TestGuardLimitsThenReports(t *testing.T) {
	for what, size := range map[string]int{"packets": 1, "bytes": 80} {
		g, floods := watched()
		passed := 0
		for s := range 4 {
			passed += g.send(19, size, time.Duration(s)*time.Second) // up to twice the limit
		}
		if *floods > 0 {
			t.Errorf("%s: reported after four seconds", what)
		}
		if passed > 60 || passed < 40 {
			t.Errorf("%s: in four seconds %d packets passed", what, passed)
		}
		g.send(19, size, 4*time.Second)
		if *floods != 1 {
			t.Errorf("%s: in five seconds reported %d times", what, *floods)
		}
		g.send(19, size, 5*time.Second)
		if *floods != 2 {
			t.Errorf("%s: not reported again, in case nobody listened", what)
		}
	}
}

func TestGuardReportsTheWorstAtOnce(t *testing.T) {
	g, floods := watched()
	g.send(49, 1, 0)
	if *floods > 0 {
		t.Error("five times the limit was not reached yet")
	}
	g.send(60, 1, 20*time.Second)
	if *floods != 1 {
		t.Errorf("six times the limit was reported %d times", *floods)
	}
}

func TestGuardForgetsWhatIsOver(t *testing.T) {
	g, floods := watched()
	for s := range 40 {
		if s%5 < 3 { // three seconds of too much, two of nothing
			g.send(15, 1, time.Duration(s)*time.Second)
		}
	}
	if *floods > 0 {
		t.Error("bursts were added up")
	}
}

func TestGuardCountsStreams(t *testing.T) {
	g, floods := watched()
	for range 3 {
		if _, err := g.buffer(packetio.RTPBufferPacket, 1).Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		if _, err := g.buffer(packetio.RTCPBufferPacket, 1).Write([]byte{1}); err == nil {
			t.Fatal("a stream too many takes packets")
		}
	}
	if *floods == 0 {
		t.Error("not reported")
	}
	if *floods > 100 {
		t.Errorf("reported %d times within a moment", *floods)
	}
}

func TestGuardOfADownlinkTakesNoMedia(t *testing.T) {
	g, _ := watched()
	g.limits.deaf = true
	if _, err := g.buffer(packetio.RTPBufferPacket, 1).Write([]byte{1}); err == nil {
		t.Error("media on a downlink is kept")
	}
	if _, err := g.buffer(packetio.RTCPBufferPacket, 1).Write([]byte{1}); err != nil {
		t.Error("reports on a downlink are not kept")
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	g, _ := watched()
	g.limits.bytes, g.limits.packets = 1e12, 1e12
	if n := testing.AllocsPerRun(1000, func() { g.take(1200, time.Since(g.start)) }); n > 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func TestRepairsOfAllSlotsTogetherAreBounded(t *testing.T) {
	var r repairs
	now := time.Unix(1000, 0)
	for second := range 3 {
		granted := 0
		for range 10 * maxRepairs {
			if r.take(now.Add(time.Duration(second) * time.Second)) {
				granted++
			}
		}
		if granted != maxRepairs {
			t.Errorf("second %d: %d repairs, want %d", second, granted, maxRepairs)
		}
	}
}
