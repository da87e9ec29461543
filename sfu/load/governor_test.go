package load

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var tested = Config{MaxCPU: 0.85, Uplink: 10_000_000}

// node is a node whose load is a demand, of which the state takes something away.
type node struct {
	g    *Governor
	now  time.Time
	path []State       // states taken, in order, beginning with Normal
	at   []time.Time   // when
	kept [4]float64    // share of the demand that is left in each state
	seen []Status      // at each change
	step time.Duration // between readings
}

func newNode(kept ...float64) *node {
	n := &node{g: NewGovernor(tested), now: time.Unix(1000, 0), path: []State{Normal}, step: time.Second, kept: [4]float64{1, 1, 1, 1}}
	copy(n.kept[:], kept)
	n.at = []time.Time{n.now}
	return n
}

// play feeds readings of a demand for the processor for d.
func (n *node) play(d time.Duration, demand func(passed time.Duration) float64) {
	for passed := time.Duration(0); passed < d; passed += n.step {
		n.feed(Reading{CPU: demand(passed) * n.kept[n.g.status.State], Own: 0.5})
	}
}

func (n *node) feed(r Reading) {
	n.now = n.now.Add(n.step)
	if s, changed := n.g.Update(n.now, r); changed {
		n.path, n.at, n.seen = append(n.path, s.State), append(n.at, n.now), append(n.seen, s)
	}
}

func (n *node) hold(d time.Duration, demand float64) {
	n.play(d, func(time.Duration) float64 { return demand })
}

func (n *node) walked() string {
	var words []string
	for _, s := range n.path {
		words = append(words, s.String())
	}
	return strings.Join(words, " ")
}

func (n *node) mustHave(t *testing.T, want string) {
	t.Helper()
	if got := n.walked(); got != want {
		t.Fatalf("went %s, want %s", got, want)
	}
}

func TestAStepOfLoadIsAnsweredStepByStep(t *testing.T) {
	n := newNode() // what is given up saves nothing
	n.hold(8*time.Second, 0.95)
	n.mustHave(t, "normal thumbnails")
	n.hold(5*time.Second, 0.95)
	n.mustHave(t, "normal thumbnails audio")
	n.hold(7*time.Second, 0.95)
	n.mustHave(t, "normal thumbnails audio") // new meetings are refused last, and late
	n.hold(10*time.Minute, 0.95)
	n.mustHave(t, "normal thumbnails audio refusing")
	if why := n.seen[0].Cause.String(); why != "CPU 95 %" {
		t.Errorf("the reason is %q", why)
	}
	n.hold(3*time.Minute, 0.1)
	n.mustHave(t, "normal thumbnails audio refusing audio thumbnails normal")
	if last := n.seen[len(n.seen)-1]; last.Cause != (Cause{}) {
		t.Errorf("nothing is given up because of %v", last.Cause)
	}
}

func TestWhatIsEnoughIsEnough(t *testing.T) {
	n := newNode(1, 0.7) // pausing thumbnails brings 100 % to 70 %: neither short nor calm
	n.hold(time.Hour, 1)
	n.mustHave(t, "normal thumbnails")
}

func TestASpikeChangesNothing(t *testing.T) {
	n := newNode()
	for range 20 {
		n.hold(2*time.Second, 1)
		n.hold(5*time.Second, 0.3)
	}
	n.mustHave(t, "normal")
}

func TestARampClimbsAndComesDown(t *testing.T) {
	n := newNode(1, 0.85, 0.7, 0.7)
	n.play(10*time.Minute, func(p time.Duration) float64 { return 3 * p.Minutes() / 10 })
	n.mustHave(t, "normal thumbnails audio refusing")
	n.play(10*time.Minute, func(p time.Duration) float64 { return 3 - 3*p.Minutes()/10 })
	n.hold(5*time.Minute, 0)
	n.mustHave(t, "normal thumbnails audio refusing audio thumbnails normal")
}

// A room whose video is too much, while its sound alone is little: each try to bring video back fails.
func TestWhatFailsIsTriedLessAndLessOften(t *testing.T) {
	n := newNode(1, 0.3)
	n.hold(time.Hour, 1)
	if changes := len(n.path) - 1; changes > 40 {
		t.Errorf("%d changes in an hour", changes)
	}
	last := len(n.at) - 1
	if pause := n.at[last].Sub(n.at[last-1]); n.path[last] == Normal && pause < longestRecovery {
		t.Errorf("the last try came after %v, want %v", pause, longestRecovery)
	}
	n.hold(longestRecovery+time.Minute, 0.1)
	if n.g.status.State != Normal {
		t.Errorf("still %s without load", n.g.status.State)
	}
	n.hold(2*time.Minute, 0.1) // time heals
	n.hold(10*time.Second, 1)
	n.hold(14*time.Second, 0.1)
	if n.g.status.State != Normal {
		t.Error("old relapses count forever")
	}
}

func TestOscillationDoesNotFlap(t *testing.T) {
	for _, half := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 8 * time.Second, 20 * time.Second} {
		n := newNode()
		n.play(time.Hour, func(p time.Duration) float64 {
			if p/half%2 == 0 {
				return 0.95
			}
			return 0.2
		})
		if changes := len(n.path) - 1; changes > 120 {
			t.Errorf("swinging every %v changes the state %d times in an hour", half, changes)
		}
	}
}

func TestAnEmergencyGoesToSoundAtOnceAndNoFurther(t *testing.T) {
	for name, r := range map[string]Reading{
		"five times the uplink": {Egress: 50e6},
		"timers stand still":    {Late: 300 * time.Millisecond, Own: 0.3},
	} {
		n := newNode()
		for range 5 {
			n.feed(r)
		}
		if got := n.walked(); got != "normal audio" {
			t.Errorf("%s: went %s", name, got)
		}
		for range 7 {
			n.feed(r)
		}
		if got := n.walked(); got != "normal audio" {
			t.Errorf("%s: went %s, refusing comes last", name, got)
		}
	}
}

func TestWhichSignalsCount(t *testing.T) {
	for _, c := range []struct {
		what   string
		config Config
		r      Reading
		want   strain
		why    string
	}{
		{"nothing to do", tested, Reading{CPU: 0.3, Own: 0.3, Egress: 1e6, Packets: 1000}, calm, ""},
		{"the processor", tested, Reading{CPU: 0.86, Own: 0.86}, short, "CPU 86 %"},
		{"nearly", tested, Reading{CPU: 0.7, Own: 0.7}, between, "CPU 70 %"},
		{"late timers", tested, Reading{Late: 25 * time.Millisecond, Own: 0.2}, short, "timers 25 ms late"},
		{"late timers of a process that does nothing", tested, Reading{Late: time.Second, Own: 0.05}, calm, ""},
		{"the uplink", tested, Reading{Egress: 9.3e6}, short, "uplink 93 %"},
		{"an uplink that is not known", Config{MaxCPU: 0.85}, Reading{Egress: 9e12}, calm, ""},
		{"a processor that does not count", Config{Uplink: 1e6}, Reading{CPU: 1, Own: 1, Late: time.Second}, calm, ""},
		{"full sockets", tested, Reading{Packets: 1000, Dropped: 30}, short, "3.0 % of packets found the socket full"},
		{"a full socket now and then", tested, Reading{Packets: 100, Dropped: 10}, calm, ""},
		{"the worst of two", tested, Reading{CPU: 0.9, Own: 0.9, Egress: 20e6}, worst, "uplink 200 %"},
	} {
		got, why := c.config.judge(c.r)
		if got != c.want || why.String() != c.why {
			t.Errorf("%s: strain %d because of %q, want %d, %q", c.what, got, why, c.want, c.why)
		}
	}
}

// TestRulesHoldForAnyLoad plays random demands and checks what must always be so.
func TestRulesHoldForAnyLoad(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		n := newNode(1, 0.3+0.7*random.Float64(), 0.1+0.2*random.Float64())
		n.kept[Refusing] = n.kept[Audio]
		for range 30 {
			from, to, bad := 1.5*random.Float64(), 1.5*random.Float64(), random.IntN(8) == 0
			length := time.Duration(1+random.IntN(120)) * time.Second
			n.step = time.Duration(800+random.IntN(900)) * time.Millisecond
			for passed := time.Duration(0); passed < length; passed += n.step {
				demand := from + (to-from)*passed.Seconds()/length.Seconds()
				r := Reading{CPU: min(1, demand*n.kept[n.g.status.State]), Own: 0.5}
				if bad {
					r.Egress = 20e6 * demand * n.kept[n.g.status.State]
				}
				n.feed(r)
			}
		}
		for i := 1; i < len(n.path); i++ {
			before, after := n.path[i-1], n.path[i]
			if d := after - before; d != 1 && d != -1 && !(before == Normal && after == Audio) {
				t.Fatalf("seed %d: from %s to %s", seed, before, after)
			}
			if pause := n.at[i].Sub(n.at[i-1]); pause < settle && i > 1 {
				t.Fatalf("seed %d: %s lasted %v", seed, before, pause)
			}
			if after < before && n.at[i].Sub(n.at[i-1]) < recoverAfter {
				t.Fatalf("seed %d: %s was left after %v", seed, before, n.at[i].Sub(n.at[i-1]))
			}
		}
		n.hold(refusedAfter+2*longestRecovery+time.Minute, 0.05)
		if s := n.g.status.State; s != Normal {
			t.Fatalf("seed %d: %s although the load is gone", seed, s)
		}
	}
}

func TestStatesAndConfigAreCheckable(t *testing.T) {
	if got := fmt.Sprint(Normal, Thumbnails, Audio, Refusing); got != "normal thumbnails audio refusing" {
		t.Error(got)
	}
	if (Config{}).On() || !(Config{Uplink: 1}).On() || !(Config{MaxCPU: 1}).On() {
		t.Error("what is watched is not known")
	}
	for _, c := range []Config{{MaxCPU: 1.1}, {MaxCPU: -1}, {Cores: -1}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if err := tested.Validate(); err != nil {
		t.Error(err)
	}
}
