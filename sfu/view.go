package sfu

import (
	"slices"
	"time"

	"souffleur/internal/signal"
)

// view is what a client shows: the video that it wants, in order of importance. nil: it has not said so yet.
type view []signal.Tile

// viewInterval is how often a participant's view may change his slots. More frequent ones wait for the next tick, the
// newest wins: each change costs the room a look at everybody's slots.
const viewInterval = 100 * time.Millisecond

// setView takes a client's view.
func (r *Room) setView(m *member, tiles []signal.Tile) {
	r.do(func() {
		e := r.entries[m.id]
		if e == nil || e.m != m {
			return
		}
		e.nextView = append(view{}, tiles...)
		r.turnPage(e, time.Now())
	})
}

// turnPage makes the newest view the present one, unless the last change was only just.
func (r *Room) turnPage(e *entry, now time.Time) {
	if e.nextView == nil || now.Sub(e.viewedAt) < viewInterval {
		return
	}
	e.view, e.nextView, e.viewedAt = e.nextView, nil, now
	r.seated(r.seatEntry(e, now), now)
}

// tile returns the index of a track's tile, or -1.
func (v view) tile(t *track) int {
	return slices.IndexFunc(v, func(tile signal.Tile) bool { return tile.Participant == t.owner && tile.Source == t.source })
}

// shows says whether a participant's client shows a track.
func (e *entry) shows(t *track) bool { return t.audio || e.view == nil || e.view.tile(t) >= 0 }

// rank returns the place of a video by importance, 0 the first.
func (e *entry) rank(t *track) int {
	switch {
	case e.view != nil:
		return e.view.tile(t)
	case t.source == signal.Screen:
		return 0
	}
	return 1
}

// height returns in which height a participant's client shows a video, in pixels.
func (e *entry) height(t *track) int {
	if e.view != nil {
		if i := e.view.tile(t); i >= 0 {
			return e.view[i].Height
		}
	}
	if t.source == signal.Screen {
		return screenHeight
	}
	return thumbnailHeight
}
