package load

import "time"

const (
	// settle is how long after a change readings say nothing: what was given up is still being measured, and cameras
	// that came back have just sent their key frames.
	settle = 2 * time.Second
	// climbAfter is how long the node must have been short to go on to Thumbnails or Audio. A spike is over sooner: a
	// hundred people who join at once, a garbage collection.
	climbAfter = 3 * time.Second
	// refuseAfter is the same for Refusing, which comes last: what was given up before must have had its chance.
	refuseAfter = 10 * time.Second
	// worstAfter is how long an emergency must last. It leads to Audio at once, never to Refusing.
	worstAfter = 1500 * time.Millisecond

	// recoverAfter is how long the node must have been calm to leave a state.
	recoverAfter = 10 * time.Second
	// relapse is how soon after its end a state must come again to count as a relapse: then the next try to leave it
	// waits twice as long, up to longestRecovery. Without it a room whose cameras are too much would have them for ten
	// seconds in every thirty.
	relapse         = time.Minute
	longestRecovery = 4 * time.Minute
	// refusedAfter is how long nothing must have been short to leave Refusing. Calm is not needed: that nobody new comes
	// takes no load away.
	refusedAfter = 30 * time.Second
)

// Status is what a governor says.
type Status struct {
	State   State
	Since   time.Time // when State was taken; zero before the first reading
	Cause   Cause     // why more was given up last; none in Normal
	Reading Reading   // the newest
}

// Governor chooses the state, one step at a time, from readings. It knows only the times it is told. It is not safe for
// concurrent use. Make it with NewGovernor.
type Governor struct {
	config Config
	status Status

	moved   time.Time // of the last change
	shortAt time.Time // since when the node is short; zero: it is not. Below likewise
	worstAt time.Time
	calmAt  time.Time
	easyAt  time.Time // since when it is not short

	left [Refusing + 1]time.Time     // when each state was last left for a better one
	wait [Refusing + 1]time.Duration // how long each must be calm before it is left
}

// NewGovernor returns a governor in state Normal.
func NewGovernor(config Config) *Governor {
	g := &Governor{config: config}
	for s := range g.wait {
		g.wait[s] = recoverAfter
	}
	return g
}

// Update takes a reading and returns what follows, and whether the state has changed. Readings should come about once a
// second, in order of time.
func (g *Governor) Update(now time.Time, r Reading) (Status, bool) {
	strain, cause := g.config.judge(r)
	g.status.Reading = r
	if g.status.Since.IsZero() {
		g.status.Since = now
	}
	if now.Sub(g.moved) < settle {
		return g.status, false
	}
	g.note(now, strain)
	before := g.status.State
	switch next, up := g.next(now); {
	case up:
		g.climb(next, cause, now)
	case next < before:
		g.recover(next, now)
	}
	return g.status, g.status.State != before
}

// note keeps since when things have been as they are.
func (g *Governor) note(now time.Time, s strain) {
	since(&g.shortAt, s >= short, now)
	since(&g.worstAt, s == worst, now)
	since(&g.calmAt, s == calm, now)
	since(&g.easyAt, s < short, now)
}

func since(at *time.Time, holds bool, now time.Time) {
	if !holds {
		*at = time.Time{}
	} else if at.IsZero() {
		*at = now
	}
}

// held says whether something has been so for d.
func held(at time.Time, d time.Duration, now time.Time) bool {
	return !at.IsZero() && now.Sub(at) >= d
}

// next returns the state to be in, and whether more is to be given up for it.
func (g *Governor) next(now time.Time) (next State, up bool) {
	s := g.status.State
	switch {
	case s < Audio && held(g.worstAt, worstAfter, now):
		return Audio, true
	case s < Audio && held(g.shortAt, climbAfter, now), s == Audio && held(g.shortAt, refuseAfter, now):
		return s + 1, true
	case s == Refusing && held(g.easyAt, refusedAfter, now):
		return s - 1, false
	case s > Normal && held(g.calmAt, g.wait[s], now):
		return s - 1, false
	}
	return s, false
}

func (g *Governor) climb(to State, why Cause, now time.Time) {
	for s := g.status.State + 1; s <= to; s++ {
		if !g.left[s].IsZero() && now.Sub(g.left[s]) < relapse {
			g.wait[s] = min(2*g.wait[s], longestRecovery)
		} else {
			g.wait[s] = recoverAfter
		}
	}
	g.move(to, why, now)
}

func (g *Governor) recover(to State, now time.Time) {
	g.left[g.status.State] = now
	why := g.status.Cause
	if to == Normal {
		why = Cause{}
	}
	g.move(to, why, now)
}

func (g *Governor) move(to State, why Cause, now time.Time) {
	g.status.State, g.status.Since, g.status.Cause = to, now, why
	g.moved = now
	g.shortAt, g.worstAt, g.calmAt, g.easyAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
}
