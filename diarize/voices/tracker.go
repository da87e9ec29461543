package voices

import (
	"time"

	"souffleur/diarize/cluster"
)

// Window lengths, in samples.
const (
	windowLen   = 1600 * perMS // what the embedder was trained on
	leastWindow = 400 * perMS  // shorter speech takes its neighbours' voice
	defaultHop  = 500 * perMS
	leastHop    = 200 * perMS
)

// window is a stretch of a unit, and its vector.
type window struct {
	start, end int64
	unit       int
	vec        []float32 // centred, of unit length
	voice      int       // given live; 0: none yet
	near       float32   // how much nearer that voice is than the next, as cosine
	counted    bool      // in the sum of its voice
}

func (w *window) centre() int64 { return (w.start + w.end) / 2 }

// Tracker follows the voices of one track. One goroutine owns it. It keeps what it needs of the sound, a few seconds, and the
// vectors of all speech.
type Tracker struct {
	embedder Embedder
	o        Options
	hop      int64

	ear   listener
	units []unit
	// The unit under way: where its next window begins, and how many it has.
	next, made int64

	pending []window // windows without a vector: at most maxPending, then they are embedded
	sounds  [][]float32
	windows []window // at most MaxWindows; later ones are dropped

	live    live
	failed  bool // the embedder did not answer once
	crowded bool
}

// maxPending is how many windows are embedded together: they are cheaper together, and wait half a second for one another.
const maxPending = 2

// NewTracker returns a tracker that has heard nothing.
func NewTracker(e Embedder, o Options) *Tracker {
	if o.Detector == nil {
		o.Detector = &loudness{}
	}
	o.Headcount = max(0, min(o.Headcount, MaxVoices))
	if o.Headcount > 1 {
		o.Room = true
	}
	hop := int64(o.Hop/time.Millisecond) * perMS
	if hop == 0 {
		hop = defaultHop
	}
	t := &Tracker{embedder: e, o: o, hop: max(leastHop, min(hop, windowLen)), ear: listener{detector: o.Detector}}
	t.live.most = DefaultVoices
	if o.Headcount > 0 {
		t.live.most = o.Headcount
	}
	return t
}

// Push hears samples that begin at a time: ms of any clock that only goes forward, 16 kHz mono in [-1, 1]. Time that is missing
// is silence; time that was heard before is dropped.
func (t *Tracker) Push(at int64, pcm []float32) {
	const chunk = 2 * rate // bounds what is copied at once
	for first := true; first || len(pcm) > 0; first = false {
		n := min(len(pcm), chunk)
		if t.ear.take(at*perMS, pcm[:n]) {
			t.endUnit()
		}
		t.judge()
		pcm = pcm[n:]
		at += int64(n) / perMS
	}
}

// judge hears all whole frames.
func (t *Tracker) judge() {
	for {
		was := t.ear.open
		v, ok := t.ear.judge()
		if !ok {
			return
		}
		if t.ear.open && !was {
			t.next, t.made = t.ear.start, 0
		}
		switch v {
		case speaks:
			for t.next+windowLen <= t.ear.voiced {
				t.cut(t.next, t.next+windowLen)
				t.next += t.hop
			}
			t.ear.since(min(t.next, t.ear.voiced-windowLen))
		case ends:
			t.closeUnit()
		}
	}
}

// endUnit ends the unit under way because nothing follows it.
func (t *Tracker) endUnit() {
	if t.ear.finish() == ends {
		t.closeUnit()
	}
}

// closeUnit cuts the last window of a unit, and has all windows embedded.
func (t *Tracker) closeUnit() {
	u := t.ear.unit()
	last := t.next - t.hop + windowLen // end of the last window
	switch {
	case t.made == 0 && u.end-t.ear.start >= leastWindow:
		t.cut(max(t.ear.start, u.end-windowLen), u.end)
	case t.made > 0 && u.end-last >= t.hop/2:
		t.cut(u.end-windowLen, u.end)
	}
	if len(t.windows)+len(t.pending) < MaxWindows {
		t.units = append(t.units, u)
	}
	t.embed()
}

// cut copies a window out of the sound.
func (t *Tracker) cut(start, end int64) {
	if len(t.windows)+len(t.pending) >= MaxWindows || start < t.ear.at || end > t.ear.end() {
		return
	}
	sound := make([]float32, windowLen)
	gain := t.ear.gain()
	said := t.ear.pcm[start-t.ear.at : end-t.ear.at]
	for i := range sound { // shorter speech is repeated: better than silence, which the network was not trained on
		sound[i] = gain * said[i%len(said)]
	}
	t.pending = append(t.pending, window{start: start, end: end, unit: len(t.units)})
	t.sounds = append(t.sounds, sound)
	t.made++
	if len(t.pending) >= maxPending {
		t.embed()
	}
}

// embed gives the pending windows their vectors, and the live voices these windows.
func (t *Tracker) embed() {
	if len(t.pending) == 0 {
		return
	}
	vectors, err := t.embedder.Embed(t.sounds)
	if err != nil || len(vectors) != len(t.pending) {
		t.failed = true
		vectors = nil
	}
	for i, v := range vectors {
		w := t.pending[i]
		w.vec = v
		t.windows = append(t.windows, w)
		t.live.hear(t, len(t.windows)-1)
	}
	t.pending, t.sounds = t.pending[:0], t.sounds[:0]
}

// Alone says that only one voice was heard so far, or that nobody can say otherwise.
func (t *Tracker) Alone() bool { return !t.o.Room && !t.live.several }

// Merges returns the voices that turned out to be others since it was last called.
func (t *Tracker) Merges() []Merged {
	out := t.live.merges
	t.live.merges = nil
	return out
}

// Turns returns the turns that end after a time, in ms, as they are known now. Voices of the last 5 s of speech may still
// change; those before only by merges.
func (t *Tracker) Turns(from int64) []Turn {
	labels := make([]int, len(t.windows))
	for i := range t.windows {
		labels[i] = t.live.name(t.windows[i].voice)
		if t.Alone() {
			labels[i] = 1
		}
	}
	near := func(i int) float32 { return t.windows[i].near }
	units := t.units
	if t.ear.open {
		units = append(units[:len(units):len(units)], t.ear.unit())
	}
	return after(turnsOf(units, t.windows, labels, near), from)
}

// End hears what is left, groups all vectors anew and returns the turns of the whole track. headcount is how many people spoke,
// 0 if nobody said. Voices keep the number under which most of them was heard before. Nothing is to be pushed
// afterwards; another headcount may be tried.
func (t *Tracker) End(headcount int) []Turn {
	t.endUnit()
	t.embed()
	headcount = max(0, min(headcount, MaxVoices))
	if headcount == 0 {
		headcount = t.o.Headcount
	}
	g := regroup(t.windows, headcount, t.o.Room)
	t.crowded = g.crowded
	numbers := t.numbers(g)
	labels := make([]int, len(t.windows))
	for i := range labels {
		labels[i] = numbers[g.labels[i]]
	}
	turns := turnsOf(t.units, t.windows, labels, func(i int) float32 { return g.near[i] })
	return overlapped(turns)
}

// numbers maps groups to the voices that were announced live, by how much of their time they share.
func (t *Tracker) numbers(g grouping) []int {
	top := 0
	shared := make([][]float64, g.count)
	for i := range shared {
		shared[i] = make([]float64, len(t.live.voices))
	}
	for i := range t.windows {
		if v := t.live.name(t.windows[i].voice); v > 0 {
			if t.Alone() {
				v = 1
			}
			shared[g.labels[i]][v-1]++
			top = max(top, v)
		}
	}
	out := make([]int, g.count)
	for i, v := range cluster.Assign(shared) {
		if v >= 0 {
			out[i] = v + 1
			continue
		}
		top++
		out[i] = top
	}
	return out
}

// Warnings say why a track has one voice only, or fewer than it should.
func (t *Tracker) Warnings() []Warning {
	var out []Warning
	switch {
	case len(t.units) == 0 && !t.ear.open:
		out = append(out, NoSpeech)
	case t.failed:
		out = append(out, NoVectors)
	case len(t.windows) < 2:
		out = append(out, TooShort)
	}
	if t.crowded || t.live.crowded {
		out = append(out, TooMany)
	}
	return out
}
