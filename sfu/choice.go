package sfu

import "time"

// choose computes e.aims: which layer of what each slot carries it sends.
func (r *Room) choose(e *entry, now time.Time) {
	for i, t := range e.carried {
		e.aims[i] = aim{}
		if t == nil {
			continue
		}
		for _, l := range t.layers {
			if l.live(now) {
				e.aims[i].layer = l
			}
		}
	}
}
