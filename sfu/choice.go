package sfu

import (
	"slices"
	"time"

	"souffleur/internal/signal"
	"souffleur/sfu/layers"
	"souffleur/sfu/rate"
)

// chooseInterval is how often each participant's layers are chosen anew. Besides that they are when what he sees changes,
// and when the way to him becomes narrow.
const chooseInterval = 200 * time.Millisecond

// Heights that videos are wanted in as long as a client has not said what it shows, in pixels.
const (
	thumbnailHeight = 180
	screenHeight    = 1080
)

// layout is the room's memory for choosing layers, used anew for each participant. The room's goroutine only.
type layout struct {
	shed    layers.Shed
	ticks   int
	wishes  []wish
	wants   []layers.Want
	offers  []layers.Layer
	choices []layers.Choice
}

// wish is one video that a participant should get.
type wish struct {
	slot   int // index
	height int // in pixels
}

// choose computes e.aims: which layer of what each slot carries it sends. Sound is never cut.
func (r *Room) choose(e *entry, now time.Time) {
	r.layout.wishes = r.layout.wishes[:0]
	for i, t := range e.carried {
		e.aims[i] = aim{}
		switch {
		case t == nil:
		case t.audio:
			e.aims[i].layer = t.layers[0]
		case !e.slots[i].takes(t.codec):
			e.aims[i].paused = signal.PausedCodec
		default:
			r.layout.wishes = append(r.layout.wishes, wish{slot: i, height: e.height(t)})
		}
	}
	slices.SortStableFunc(r.layout.wishes, func(a, b wish) int { return e.rank(e.carried[a.slot]) - e.rank(e.carried[b.slot]) })
	r.allocate(e, now)
}

// allocate gives the wishes, which stand in order of importance, their layers.
func (r *Room) allocate(e *entry, now time.Time) {
	r.layout.wants = r.layout.wants[:0]
	r.layout.offers = r.layout.offers[:0]
	for _, w := range r.layout.wishes {
		t := e.carried[w.slot]
		sending, _ := e.slots[w.slot].sending()
		want := layers.Want{ID: w.slot, Screen: t.source == signal.Screen, HeightPx: w.height, Current: slices.Index(t.layers, sending)}
		first := len(r.layout.offers)
		for _, l := range t.offered(now) {
			r.layout.offers = append(r.layout.offers, l.offer(now))
		}
		want.Layers = r.layout.offers[first:len(r.layout.offers):len(r.layout.offers)]
		r.layout.wants = append(r.layout.wants, want)
	}
	r.layout.choices = layers.AppendAllocation(r.layout.choices[:0], r.layout.wants, e.budget(now), r.layout.shed)
	for i, c := range r.layout.choices {
		t, a := e.carried[r.layout.wishes[i].slot], &e.aims[r.layout.wishes[i].slot]
		a.paused = c.Paused
		if c.Layer >= 0 {
			a.layer = t.layers[c.Layer]
		}
		if c.Ask >= 0 {
			a.asked = t.layers[c.Ask]
			a.missed = t.missed(c.Ask, r.layout.wants[i])
		}
	}
}

// vain is how long a layer is waited for that the publisher was asked for. Then his network cannot take it, and what is
// kept for it can be spent on other pictures.
const vain = 3 * time.Second

// offered returns the layers that can be had now, or soon: not those at the top that were asked for in vain.
func (t *track) offered(now time.Time) []*layer {
	n := len(t.layers)
	for n > 1 && t.cast.inVain(n-1, now) && !t.layers[n-1].live(now) {
		n--
	}
	return t.layers[:n]
}

// missed returns the layer that was not offered and would have been the better one, so that it goes on being asked for.
func (t *track) missed(asked int, w layers.Want) *layer {
	if asked != len(w.Layers)-1 || asked == len(t.layers)-1 || w.Layers[asked].HeightPx >= w.HeightPx {
		return nil
	}
	return t.layers[asked+1]
}

// offer says what a layer costs and how large it is.
func (l *layer) offer(now time.Time) layers.Layer {
	n := l.nominal()
	o := layers.Layer{HeightPx: n.height, Bitrate: n.bitrate, Live: l.live(now)}
	if h := l.height.Load(); h > 0 {
		o.HeightPx = int(h)
	}
	if o.Live && l.volume.bitrate > 0 {
		o.Bitrate = l.volume.bitrate
	}
	return o
}

// budget returns what video may be sent to a participant.
func (e *entry) budget(now time.Time) rate.Bitrate {
	for _, s := range e.slots {
		if s.path != nil {
			return s.path.budget(now)
		}
	}
	return 0
}

// relieve stops layers that are only sent until a lower one begins, if the way to a participant cannot take them so long.
func (e *entry) relieve(now time.Time) {
	total := rate.Bitrate(0)
	falling := false
	for i, s := range e.slots {
		sending, target := s.sending()
		if target == nil || target.track.audio {
			continue
		}
		if sending == nil {
			sending = target
		}
		falling = falling || sending != target && slices.Index(e.carried[i].layers, sending) > slices.Index(e.carried[i].layers, target)
		total += sending.offer(now).Bitrate
	}
	if !falling || total <= e.budget(now) {
		return
	}
	for i, s := range e.slots {
		sending, target := s.sending()
		if sending != nil && target != nil && slices.Index(e.carried[i].layers, sending) > slices.Index(e.carried[i].layers, target) {
			s.halt()
		}
	}
}

// follow does what time brings to layers: they are measured, and everybody's are chosen anew, at another tick for each
// other participant.
func (r *Room) follow(now time.Time) {
	for _, t := range r.tracks {
		t.retryKeyFrames(now)
		if !t.audio {
			for _, l := range t.layers {
				l.measure(now)
			}
		}
	}
	r.layout.ticks++
	moved := r.moved.Swap(false)
	for i, e := range r.order {
		if (i+r.layout.ticks)%int(chooseInterval/tick) == 0 && len(e.slots) > 0 {
			r.account(e, now)
			moved = r.aimSlots(e, now) || moved
		}
	}
	if moved {
		r.distribute()
	}
	r.tellLayers(now)
}

// account tells the estimator what video was sent to a participant since the last time, and the node what was sent at all.
// What a slot sent between the last time and its end is lost: a fifth of a second's worth.
func (r *Room) account(e *entry, now time.Time) {
	var path *path
	var packets, octets, video uint32
	for _, s := range e.slots {
		before := s.told
		s.told = slotTotals{packets: s.count.packets.Load(), octets: s.count.octets.Load()}
		sent := s.told.octets - before.octets // the counters wrap around
		packets += s.told.packets - before.packets
		octets += sent
		if path = s.path; !s.audio {
			video += sent
		}
	}
	r.node.load.note(packets, octets)
	if path != nil {
		path.estimate.Sent(int(video), now)
	}
}

// rechoose chooses a participant's layers at once: the way to him has become narrow.
func (r *Room) rechoose(m *member) {
	r.post(func() {
		if e := r.entries[m.id]; e != nil && e.m == m && r.aimSlots(e, time.Now()) {
			r.distribute()
		}
	})
}
