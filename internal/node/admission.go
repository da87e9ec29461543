package node

import (
	"fmt"
	"math"
	"time"

	"souffleur/sfu/load"
	"souffleur/web"
)

// mayBegin says why no new meeting can begin: the machine is at its limit, or the limits of the configuration are reached.
func (n *Node) mayBegin() error {
	meetings, people := n.count()
	return n.cfg.admits(n.deps.SFU.Load().State, meetings, people+n.waiting())
}

// admits judges whether one meeting more may begin beside so many, with so many people.
func (c Config) admits(s load.State, meetings, people int) error {
	switch {
	case s >= load.Refusing:
		return fmt.Errorf("%w: the machine is loaded", web.ErrOverloaded)
	case c.MaxMeetings > 0 && meetings >= c.MaxMeetings:
		return fmt.Errorf("%w: there are %d", web.ErrOverloaded, meetings)
	case c.crowded(people):
		return fmt.Errorf("%w: there are %d people", web.ErrOverloaded, people)
	}
	return nil
}

func (c Config) crowded(people int) bool { return c.MaxTotal > 0 && people >= c.MaxTotal }

// full says whether the node has as many people as it may.
func (n *Node) full() bool {
	_, people := n.count()
	return n.cfg.crowded(people + n.waiting())
}

// waiting returns how many people wait at the doors of meetings. They take places: whoever waits may be let in at any moment.
func (n *Node) waiting() int {
	total := 0
	for _, l := range n.all() {
		total += l.media.Waiting()
	}
	return total
}

// count returns how many meetings go on, and how many people are in them.
func (n *Node) count() (meetings, people int) {
	for _, l := range n.all() {
		l.mu.Lock()
		people += len(l.present)
		l.mu.Unlock()
		meetings++
	}
	return meetings, people
}

// loadStatus is what admins see of the load.
func loadStatus(s load.Status) web.LoadStatus {
	status := web.LoadStatus{
		State: s.State.String(), Cause: s.Cause.Kind, Why: s.Cause.String(), CPU: int(math.Round(s.Reading.CPU * 100)),
		LateMS: int(s.Reading.Late / time.Millisecond), EgressKbps: int(s.Reading.Egress / 1000),
	}
	if !s.Since.IsZero() {
		status.SinceUnixMS = s.Since.UnixMilli()
	}
	return status
}
