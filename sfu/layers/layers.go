// Package layers shares what a downlink can carry among the pictures that its reader wants to see: which simulcast layer
// of each camera is sent, and which pictures pause and why. It is one pure function: it knows no tracks, slots, locks or
// clocks. Start reading at [Allocate].
//
// The rules, in their order:
//
//   - Load first: a server that sheds load pauses thumbnails, then all cameras; the screen stays.
//   - Nobody gets more than his tile shows: of the layers that are tall enough the lowest is the best one.
//   - The screen comes before cameras, then the reader's own order counts.
//   - Everybody's lowest layer comes before anybody's higher one. What does not fit pauses, the least important first.
//   - A lower layer is taken at once, a higher one only when it fits with a margin, so that pictures do not flap.
package layers

import "souffleur/sfu/rate"

// Shed is what a server that is short of something sends no more.
type Shed int

// Steps of shedding. Each includes the one before.
const (
	ShedNothing    Shed = iota
	ShedThumbnails      // all cameras but each reader's most important one
	ShedCameras
)

// Reasons why a picture is not sent.
const (
	PausedBandwidth = "bandwidth" // the reader's network
	PausedOverload  = "overload"  // the server
)

// Want is a picture that a reader wants to see.
type Want struct {
	ID       int  // the caller's; not looked at
	Screen   bool // a shared screen, not a camera
	HeightPx int  // of the tile, in device pixels; 0: the smallest picture will do
	// Layers, lowest first; a screen has one. Budget is kept for a layer that is asked for and does not arrive, so one
	// that was asked for in vain for long is best left out.
	Layers  []Layer
	Current int // index of the layer that is sent now; -1: none
}

// Layer is one encoding of a picture.
type Layer struct {
	HeightPx int
	Bitrate  rate.Bitrate // as measured; while it is not live what it would be. It rises from layer to layer
	Live     bool         // it arrives
}

// Choice is what a Want gets.
type Choice struct {
	Layer  int    // index; -1: nothing is sent
	Paused string // why nothing is sent; empty with Layer -1: no layer is live
	Ask    int    // the layer that the publisher should send for this: Layer, or one that is not live; -1: none
}

const (
	// tallEnough is how much of a tile's height a layer must have, in percent: for a tile of 200 px one of 180 will do.
	tallEnough = 80
	// marginPercent of what is sent must be left over where more is sent than before.
	marginPercent = 15
	// What a screen's lowest layer may take of the budget: more than there is. Screens are sent in bursts and cost little
	// between them, and who looks at slides would rather lose every camera. One that flows may take more than one that
	// begins, so that it does not flap.
	screenStart = 150
	screenKeep  = 200
)

// Allocate returns a choice for each of wants, which stand in order of importance. The sum of the chosen layers' bitrates
// is at most budget. The one exception is the first screen's lowest layer: it may take up to twice the budget, and is then
// all that is sent.
func Allocate(wants []Want, budget rate.Bitrate, shed Shed) []Choice {
	return AppendAllocation(make([]Choice, 0, len(wants)), wants, budget, shed)
}

// AppendAllocation appends what Allocate returns to choices. It allocates nothing if there is room.
func AppendAllocation(choices []Choice, wants []Want, budget rate.Bitrate, shed Shed) []Choice {
	from := len(choices)
	for range wants {
		choices = append(choices, Choice{Layer: -1, Ask: -1})
	}
	p := plan{wants: wants, choices: choices[from:], budget: budget, quiet: quietLimit(wants, budget)}
	p.shed(shed)
	for _, screen := range []bool{true, false} {
		p.start(screen)
	}
	for _, screen := range []bool{true, false} {
		p.raise(screen)
	}
	return choices
}

// plan is an allocation in the making.
type plan struct {
	wants   []Want
	choices []Choice
	budget  rate.Bitrate // all that may be spent
	quiet   rate.Bitrate // up to here more may be sent than before
	spent   rate.Bitrate // and kept for what was asked for
}

// quietLimit leaves a margin below the budget, unless as much is sent already: then one may take what another gives up.
func quietLimit(wants []Want, budget rate.Bitrate) rate.Bitrate {
	var now rate.Bitrate
	for i := range wants {
		if w := &wants[i]; w.Current >= 0 && w.Current < len(w.Layers) {
			now += w.Layers[w.Current].Bitrate
		}
	}
	return max(budget*100/(100+marginPercent), min(now, budget))
}

// shed pauses what a server that is short of something does not send.
func (p *plan) shed(shed Shed) {
	first := true // the most important camera is still to come
	for i := range p.wants {
		if p.wants[i].Screen {
			continue
		}
		if shed == ShedCameras || shed == ShedThumbnails && !first {
			p.choices[i].Paused = PausedOverload
		}
		first = false
	}
}

// start gives all of a kind their lowest layer. Where it does not fit the picture pauses, and with it all less important
// ones of that height or more.
func (p *plan) start(screens bool) {
	const none = int(^uint(0) >> 1)
	paused := none // height of the lowest picture that does not fit
	for i := range p.wants {
		w, c := &p.wants[i], &p.choices[i]
		if w.Screen != screens || c.Paused != "" || len(w.Layers) == 0 {
			continue
		}
		layer := p.first(w)
		if layer < 0 || w.Layers[layer].HeightPx >= paused {
			c.Paused = PausedBandwidth
			paused = min(paused, w.Layers[max(w.lowest(), 0)].HeightPx)
			continue
		}
		p.spent += w.Layers[layer].Bitrate
		c.Ask = layer
		if w.Layers[layer].Live {
			c.Layer = layer
		} else if w.lowest() >= 0 {
			c.Paused = PausedBandwidth // until the smaller one arrives
		}
	}
}

// first returns the lowest live layer, if it fits; else the lowest of all, if that does, to be asked for; else -1.
func (p *plan) first(w *Want) int {
	if live := w.lowest(); live >= 0 && (p.affords(w, live, 0) || p.squeezes(w, live)) {
		return live
	}
	if p.affords(w, 0, 0) || p.squeezes(w, 0) {
		return 0
	}
	return -1
}

// raise gives all of a kind, one after the other, the best layer that fits.
func (p *plan) raise(screens bool) {
	for i := range p.wants {
		w, c := &p.wants[i], &p.choices[i]
		if w.Screen != screens || c.Ask < 0 {
			continue
		}
		best := w.best()
		if c.Layer > best { // nothing lower is live: it should be
			c.Ask = best
			continue
		}
		paid := w.Layers[c.Ask].Bitrate
		for k := best; k > c.Ask; k-- {
			if p.affords(w, k, paid) {
				p.spent += w.Layers[k].Bitrate - paid
				paid, c.Ask = w.Layers[k].Bitrate, k
				break
			}
		}
		c.Layer = w.liveUpTo(c.Ask)
		if up := w.liveAbove(best); c.Ask == best && c.Layer != best && up >= 0 && p.affords(w, up, paid) {
			p.spent += w.Layers[up].Bitrate - paid
			c.Layer = up
		}
		if c.Layer >= 0 {
			c.Paused = ""
		}
	}
}

// affords says whether a layer of w fits, in place of what was paid for w before.
func (p *plan) affords(w *Want, layer int, paid rate.Bitrate) bool {
	limit := p.quiet
	if layer <= w.Current {
		limit = p.budget
	}
	return p.spent-paid+w.Layers[layer].Bitrate <= limit
}

// squeezes says whether w is a screen that may take more than there is.
func (p *plan) squeezes(w *Want, layer int) bool {
	percent := rate.Bitrate(screenStart)
	if layer <= w.Current {
		percent = screenKeep
	}
	return w.Screen && p.spent == 0 && w.Layers[layer].Bitrate <= p.budget*percent/100
}

// best returns the layer that the tile should show: the lowest that is tall enough.
func (w *Want) best() int {
	for i := range w.Layers {
		if w.Layers[i].HeightPx*100 >= w.HeightPx*tallEnough {
			return i
		}
	}
	return len(w.Layers) - 1
}

// lowest returns the lowest live layer, or -1. Where nothing else is live it may be better than the tile shows.
func (w *Want) lowest() int {
	for i := range w.Layers {
		if w.Layers[i].Live {
			return i
		}
	}
	return -1
}

// liveUpTo returns the highest live layer up to the given one, or -1.
func (w *Want) liveUpTo(layer int) int {
	for ; layer >= 0 && !w.Layers[layer].Live; layer-- {
	}
	return layer
}

// liveAbove returns the lowest live layer above the given one, or -1.
func (w *Want) liveAbove(layer int) int {
	for i := layer + 1; i < len(w.Layers); i++ {
		if w.Layers[i].Live {
			return i
		}
	}
	return -1
}
