// Package load decides what a node gives up when its processor or its uplink runs short, so that a rule does it and not
// an accident: first the small pictures, then all cameras, and last it takes no new meetings. Sound and captions are
// never given up, and everything comes back by itself, one step at a time.
//
// The package measures and judges; what follows from a [State] is the business of those who read it. Start reading at
// [Governor], which is the whole rule and knows no clock; [Run] feeds it, and meter.go takes the measurements.
package load

import (
	"fmt"
	"math"
	"time"
)

// State is what is given up. States are ordered: each gives up what those before it do, and more.
type State int

// The states, from good to bad.
const (
	Normal     State = iota
	Thumbnails       // all cameras but the largest picture pause
	Audio            // all cameras pause
	Refusing         // and no new meeting begins; people may still join those that go on
)

// String returns the word for logs, signalling and the API.
func (s State) String() string {
	return [...]string{"normal", "thumbnails", "audio", "refusing"}[s]
}

// Config says when a node counts as loaded. Its zero value gives nothing up, ever.
type Config struct {
	// MaxCPU is the share of the processor time it could get that the process may use, in (0, 1]; 0: neither processor
	// nor lateness count. 0.85 leaves room for what happens within a second.
	MaxCPU float64
	// Uplink is what the machine may send, in bits/s; 0: not known, it does not count.
	Uplink uint64
	// Cores is how many cores the process may use; 0: found out from GOMAXPROCS and the control group's quota.
	Cores float64
}

// On says whether anything is watched.
func (c Config) On() bool { return c.MaxCPU > 0 || c.Uplink > 0 }

// Validate says what is wrong with c, naming the field.
func (c Config) Validate() error {
	switch {
	case !(c.MaxCPU >= 0 && c.MaxCPU <= 1):
		return fmt.Errorf("MaxCPU is %v: must be 0 to 1", c.MaxCPU)
	case !(c.Cores >= 0 && c.Cores <= 1<<20):
		return fmt.Errorf("Cores is %v: must not be negative", c.Cores)
	}
	return nil
}

// Reading is one measurement, over about a second.
type Reading struct {
	CPU     float64       // used of the processor time that the process could get, 0 to 1; see available
	Own     float64       // used of the cores that it may use, 0 to 1
	Late    time.Duration // nine of ten timers fired at most this late
	Egress  float64       // bits/s sent, headers included
	Packets float64       // sent
	Dropped float64       // times that a packet found a socket full
}

const (
	// Marks of the uplink, as shares of what it takes. The rest is for headers of lower layers, repeats, and signalling.
	uplinkShort, uplinkCalm = 0.90, 0.70
	// uplinkWorst is an emergency: so much more than the uplink takes that queues fill within a second.
	uplinkWorst = 1.30
	// calmShare of MaxCPU is where the processor counts as calm: with less distance, what comes back would be too much
	// at once. Pausing all cameras saves about half of what a meeting with video costs.
	calmShare = 0.75

	// Marks of lateness. Measured on two cores (Go 1.26, Linux): 0.3 ms idle, 4 ms while the process fills both cores,
	// 6 ms while four other processes do, so more is starvation that shares of processor time do not show: a quota of
	// the control group that is used up, or a host that gives the machine no time. 20 ms are one packet of sound.
	lateShort, lateCalm = 20 * time.Millisecond, 8 * time.Millisecond
	// lateWorst is an emergency: five packets of sound at once.
	lateWorst = 100 * time.Millisecond
	// leastOwn is the share of its cores below which lateness does not count: a process that does so little cannot help
	// by doing less.
	leastOwn = 0.10

	// Marks of full sockets, in shares of the packets sent, from dropFloor on: a key frame for many fills a socket now
	// and then.
	dropShort, dropCalm = 0.01, 0.001
	dropFloor           = 20
)

// Cause is why a state was taken. Its zero value is no cause.
type Cause struct {
	Kind  string  // "cpu", "late", "uplink", "socket"; "" for none
	Value float64 // cpu, uplink: share of the limit's base; late: seconds; socket: share of packets
}

// Kinds of causes.
const (
	CauseCPU    = "cpu"
	CauseLate   = "late"
	CauseUplink = "uplink"
	CauseSocket = "socket"
)

// String returns the cause for people who run servers, such as "CPU 93 %".
func (c Cause) String() string {
	percent := int(math.Round(c.Value * 100))
	switch c.Kind {
	case CauseCPU:
		return fmt.Sprintf("CPU %d %%", percent)
	case CauseUplink:
		return fmt.Sprintf("uplink %d %%", percent)
	case CauseLate:
		return fmt.Sprintf("timers %d ms late", int(math.Round(c.Value*1000)))
	case CauseSocket:
		return fmt.Sprintf("%.1f %% of packets found the socket full", c.Value*100)
	}
	return ""
}

// strain is how bad a reading is.
type strain int

const (
	calm    strain = iota // below all lower marks
	between               // nothing changes
	short                 // above an upper mark
	worst                 // an emergency
)

// judge says how bad a reading is and which signal says so.
func (c Config) judge(r Reading) (strain, Cause) {
	worstOf, cause := calm, Cause{}
	note := func(s strain, kind string, value float64) {
		if s > worstOf {
			worstOf, cause = s, Cause{kind, value}
		}
	}
	if c.MaxCPU > 0 {
		note(grade(r.CPU, c.MaxCPU*calmShare, c.MaxCPU, math.Inf(1)), CauseCPU, r.CPU)
		if r.Own >= leastOwn {
			note(grade(r.Late.Seconds(), lateCalm.Seconds(), lateShort.Seconds(), lateWorst.Seconds()), CauseLate, r.Late.Seconds())
		}
	}
	if c.Uplink > 0 {
		share := r.Egress / float64(c.Uplink)
		note(grade(share, uplinkCalm, uplinkShort, uplinkWorst), CauseUplink, share)
	}
	if r.Packets > 0 && r.Dropped >= dropFloor {
		share := r.Dropped / r.Packets
		note(grade(share, dropCalm, dropShort, math.Inf(1)), CauseSocket, share)
	}
	return worstOf, cause
}

func grade(v, calmBelow, shortFrom, worstFrom float64) strain {
	switch {
	case v >= worstFrom:
		return worst
	case v >= shortFrom:
		return short
	case v >= calmBelow:
		return between
	}
	return calm
}
