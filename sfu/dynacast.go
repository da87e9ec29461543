package sfu

import (
	"time"

	"souffleur/internal/signal"
)

// lingering is how long a layer that nobody watches any more is still asked for, so that turning pages does not make
// publishers start and stop their encoders.
const lingering = 2 * time.Second

// cast is what a publisher has been told to send of a track.
type cast struct {
	watched [len(simulcastRings)]time.Time // when each layer was last watched
	told    uint8                          // bit i: layer i was asked for
	since   [len(simulcastRings)]time.Time // since when each is
	begun   bool                           // the publisher has been told at all
}

// inVain says whether layer i has been asked for long enough to come.
func (c *cast) inVain(i int, now time.Time) bool {
	return c.told&(1<<i) != 0 && now.Sub(c.since[i]) >= vain
}

// tellLayers asks every publisher of several layers for those that somebody watches or waits for: for more at once, for
// less after a while.
func (r *Room) tellLayers(now time.Time) {
	for _, e := range r.order {
		for _, a := range e.aims {
			a.watch(now)
		}
	}
	for _, t := range r.tracks {
		if len(t.layers) > 1 {
			r.tellCast(t, now)
		}
	}
}

// watch notes that the layers of an aim are wanted.
func (a *aim) watch(now time.Time) {
	for _, l := range [...]*layer{a.layer, a.asked, a.missed} {
		if l == nil || len(l.track.layers) == 1 {
			continue
		}
		for i, o := range l.track.layers {
			if o == l {
				l.track.cast.watched[i] = now
			}
		}
	}
}

func (r *Room) tellCast(t *track, now time.Time) {
	wanted := uint8(0)
	rids := []string{}
	for i, l := range t.layers {
		if at := t.cast.watched[i]; !at.IsZero() && now.Sub(at) < lingering {
			wanted |= 1 << i
			rids = append(rids, l.rid)
		}
	}
	owner := r.entries[t.owner]
	if t.cast.begun && wanted == t.cast.told || owner == nil || owner.m == nil {
		return
	}
	for i := range t.layers {
		if wanted&^t.cast.told&(1<<i) != 0 {
			t.cast.since[i] = now
		}
	}
	t.cast.told, t.cast.begun = wanted, true
	owner.m.tell(signal.ServerMessage{Type: signal.Layers, Source: t.source, Layers: rids})
}
