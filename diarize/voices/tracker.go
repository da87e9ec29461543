package voices

import (
	"math"
	"slices"
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

// pause is silence that ends a unit, in samples.
const pause = 300 * perMS

// When the network looks. Live, a moment is settled between half a second and two and a half after it; each run of the network
// costs some 50 ms. Twice as often is no better, and labels change more often.
const (
	liveStride = 118 * frame // 1.99 s
	liveDelay  = 30 * frame  // 0.5 s
	fileStride = 296 * frame // 5 s
	fileDelay  = 148 * frame // 2.5 s
)

// unit is speech without a pause of 300 ms: of one person, as far as the network can tell, or of two at once.
type unit struct {
	start, end int64
	who        pair
	from       int64   // position of the first level, a little before start
	levels     []uint8 // of each frame, in decibels above -100 dBFS, to a little behind end
	floor      uint8   // level of the track without speech
	asked      asked   // what loud was last asked
	said       [][2]int64
}

// around is how many frames before and behind a unit its edges are looked for: 0.2 s.
const around = 12

// window is a stretch of a unit, and its vector.
type window struct {
	start, end int64
	unit       int
	chain      int32     // of the unit
	vec        []float32 // centred, of unit length
	voice      int       // given live; 0: none yet
	near       float32   // how much nearer that voice is than the next, as cosine
	counted    bool      // in the sum of its voice
}

func (w *window) centre() int64 { return (w.start + w.end) / 2 }

// Tracker follows the voices of one track. One goroutine owns it. It keeps what it needs of the sound, ten seconds, and the
// vectors of all speech.
type Tracker struct {
	embedder Embedder
	o        Options
	tuned    *tuning
	hop      int64

	scene scene
	units []unit // at most maxUnits; later ones are dropped
	open  bool   // the last unit may go on
	next  int64  // where its next window begins
	made  int64  // how many windows it has

	power  float64 // running mean square of the track's speech
	weight float64 // samples that power has heard; bounded by memory
	floor  float64 // level without speech, in decibels above -100 dBFS
	rested []uint8 // levels of the newest frames in which nobody speaks: at most around

	pending []window // windows without a vector: at most maxPending, then they are embedded
	sounds  [][]float32
	windows []window // at most MaxWindows; later ones are dropped

	live    live
	failed  bool // the embedder did not answer once
	crowded bool
}

// maxPending is how many windows are embedded together: they are cheaper together.
const maxPending = 4

// How loud speech is made. The embedder's front end has no logarithm: what is quiet must be raised.
const (
	quiet  = -30       // dBFS
	memory = 10 * rate // over which the loudness of a track is taken
)

// NewTracker returns a tracker that has heard nothing.
func NewTracker(s Segmenter, e Embedder, o Options) *Tracker {
	o.Headcount = max(0, min(o.Headcount, MaxVoices))
	if o.Headcount > 1 {
		o.Room = true
	}
	hop := int64(o.Hop/time.Millisecond) * perMS
	if hop == 0 {
		hop = defaultHop
	}
	t := &Tracker{embedder: e, o: o, tuned: tuned.with(o.Thresholds), hop: max(leastHop, min(hop, windowLen))}
	t.scene = scene{segmenter: s, stride: liveStride, delay: liveDelay}
	if o.Recorded {
		t.scene.stride, t.scene.delay = fileStride, fileDelay
	}
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
		t.scene.take(at*perMS, pcm[:n], t.settle, t.breakOff)
		pcm = pcm[n:]
		at += int64(n) / perMS
	}
}

// settle takes who speaks in the frames from a position on.
func (t *Tracker) settle(frames []pair, from int64) {
	for i := 0; i < len(frames); {
		j := i
		for j < len(frames) && frames[j] == frames[i] {
			j++
		}
		start, end := from+int64(i)*frame, from+int64(j)*frame
		if frames[i] == (pair{}) {
			t.rest(start, end)
		} else {
			t.speak(frames[i], start, end)
		}
		i = j
	}
	t.embed()
}

// rest is a time in which nobody speaks.
func (t *Tracker) rest(start, end int64) {
	for at := start; at < end; at += frame {
		l := level(t.square(at))
		t.rested = append(t.rested, l)
		if n := len(t.units) - 1; n >= 0 && at-t.units[n].end < around*frame {
			t.units[n].levels = append(t.units[n].levels, l)
		}
		if t.floor == 0 {
			t.floor = float64(l)
		}
		t.floor += 0.05 * (float64(l) - t.floor) // of some 20 frames
	}
	t.rested = append(t.rested[:0], t.rested[max(0, len(t.rested)-around):]...)
	if t.open && end-t.units[len(t.units)-1].end >= pause {
		t.closeUnit()
	}
}

// speak takes speech and cuts what windows it can.
func (t *Tracker) speak(who pair, start, end int64) {
	if t.open && t.units[len(t.units)-1].who != who {
		t.closeUnit()
	}
	if !t.open {
		if len(t.windows)+len(t.pending) >= MaxWindows || len(t.units) >= maxUnits {
			return
		}
		lead := int64(len(t.rested)) * frame
		t.units = append(t.units, unit{start: start, end: start, who: who, from: start - lead, levels: slices.Clone(t.rested)})
		t.open, t.next, t.made = true, start, 0
	}
	u := &t.units[len(t.units)-1]
	u.levels = u.levels[:min(int64(len(u.levels)), (u.end-u.from)/frame)]
	for at := u.from + int64(len(u.levels))*frame; at < end; at += frame { // the short pause before start, too
		u.levels = append(u.levels, level(t.square(at)))
	}
	u.end, t.rested = end, t.rested[:0]
	if who[1] != 0 {
		return // what two say at once says nothing about either
	}
	t.hear(start, end)
	for t.next+windowLen <= end {
		t.cut(t.next, t.next+windowLen)
		t.next += t.hop
	}
}

// closeUnit cuts the last window of the open unit.
func (t *Tracker) closeUnit() {
	if !t.open {
		return
	}
	t.open = false
	u := &t.units[len(t.units)-1]
	u.floor = uint8(t.floor)
	if u.who[1] != 0 {
		return
	}
	last := t.next - t.hop + windowLen // end of the last window
	switch {
	case t.made == 0 && u.end-u.start >= leastWindow:
		t.cut(u.start, u.end)
	case t.made > 0 && u.end-last >= t.hop/2:
		t.cut(u.end-windowLen, u.end)
	}
}

// breakOff ends what was before a long time without sound.
func (t *Tracker) breakOff() {
	t.closeUnit()
	t.rested = t.rested[:0]
}

// square is the mean square of the frame at a position.
func (t *Tracker) square(at int64) float64 {
	from, to := max(at-t.scene.at, 0), min(at+frame-t.scene.at, int64(len(t.scene.pcm)))
	if to <= from {
		return 0
	}
	return meanSquare(t.scene.pcm[from:to])
}

func meanSquare(samples []float32) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return sum / float64(len(samples))
}

// level is a mean square in decibels above -100 dBFS.
func level(square float64) uint8 {
	if square <= 1e-10 {
		return 0
	}
	return uint8(min(100+10*math.Log10(square), 100))
}

// hear learns how loud the track is.
func (t *Tracker) hear(start, end int64) {
	start = max(start, t.scene.at)
	square, n := meanSquare(t.scene.pcm[start-t.scene.at:end-t.scene.at]), float64(end-start)
	t.weight += n
	t.power += n * (square - t.power) / t.weight
	t.weight = min(t.weight, memory)
}

// gain is what the track is amplified by.
func (t *Tracker) gain() float32 {
	if t.power <= 0 {
		return 1
	}
	return float32(max(1, min(1000, math.Pow(10, quiet/20.0)/math.Sqrt(t.power))))
}

// cut copies a window out of the sound.
func (t *Tracker) cut(start, end int64) {
	if len(t.windows)+len(t.pending) >= MaxWindows || start < t.scene.at || end > t.scene.end() {
		return
	}
	sound := make([]float32, windowLen)
	gain := t.gain()
	said := t.scene.pcm[start-t.scene.at : end-t.scene.at]
	for i := range sound { // shorter speech is repeated: better than silence, which the network was not trained on
		sound[i] = gain * said[i%len(said)]
	}
	unit := len(t.units) - 1
	t.pending = append(t.pending, window{start: start, end: end, unit: unit, chain: t.units[unit].who[0]})
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
	if t.open {
		t.units[len(t.units)-1].floor = uint8(t.floor)
	}
	return after(turnsOf(t.units, t.windows, labels, func(i int) float32 { return t.windows[i].near }), from)
}

// End hears what is left, groups all vectors anew and returns the turns of the whole track. headcount is how many people spoke,
// 0 if nobody said. Voices keep the number under which most of them was heard before. Nothing is to be pushed
// afterwards; another headcount may be tried.
func (t *Tracker) End(headcount int) []Turn {
	t.scene.finish(t.settle)
	t.closeUnit()
	t.embed()
	headcount = max(0, min(headcount, MaxVoices))
	if headcount == 0 {
		headcount = t.o.Headcount
	}
	g := regroup(t.windows, headcount, t.o.Room, t.tuned)
	t.crowded = g.crowded
	numbers := t.numbers(g)
	labels := make([]int, len(t.windows))
	for i := range labels {
		labels[i] = numbers[g.labels[i]]
	}
	return turnsOf(t.units, t.windows, labels, func(i int) float32 { return g.near[i] })
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
	case t.scene.failed || t.failed:
		out = append(out, NoVectors)
	case len(t.units) == 0:
		out = append(out, NoSpeech)
	case len(t.windows) < 2:
		out = append(out, TooShort)
	}
	if t.crowded || t.live.crowded {
		out = append(out, TooMany)
	}
	return out
}
