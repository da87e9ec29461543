package voices

import (
	"slices"

	"souffleur/diarize/cluster"
)

// How voices are followed live. Lengths are in samples.
const (
	revisable = 5000 * perMS    // labels before that stand
	lookBack  = 600_000 * perMS // windows that the background looks at
	lookEvery = 10_000 * perMS  // of new speech
	bornLeast = 2400 * perMS    // of speech that founds a voice
	mergePart = 0.6             // of a voice's windows that are found to be another's
)

// voice is one that was heard live.
type voice struct {
	sum  []float32
	unit []float32 // sum at length one
	into int       // the voice that it turned out to be; 0: itself
}

func (v *voice) add(vec []float32) {
	cluster.Add(v.sum, vec, 1)
	v.unit = cluster.Unit(v.sum)
}

// live is what is known of the voices while people speak.
type live struct {
	most    int
	voices  []voice // number 1 first
	merges  []Merged
	several bool
	crowded bool
	frozen  int   // windows before that stand
	looked  int64 // speech since the background last looked
}

// name follows merges to the number that counts; 0 stays.
func (l *live) name(number int) int {
	for number > 0 && l.voices[number-1].into > 0 {
		number = l.voices[number-1].into
	}
	return number
}

// alive are the numbers that count.
func (l *live) alive() []int {
	var out []int
	for i := range l.voices {
		if l.voices[i].into == 0 {
			out = append(out, i+1)
		}
	}
	return out
}

// hear gives window i, the newest, a voice, and looks again at those of the last seconds.
func (l *live) hear(t *Tracker, i int) {
	l.freeze(t, i)
	l.birth(t, i)
	l.relabel(t, i)
	l.looked += newSpeech(t.windows, i)
	if l.looked >= lookEvery {
		l.looked = 0
		l.look(t, i)
		l.relabel(t, i)
	}
}

// freeze lets windows that can no longer be revised move their voices.
func (l *live) freeze(t *Tracker, i int) {
	for l.frozen < i && t.windows[l.frozen].end < t.windows[i].end-revisable {
		w := &t.windows[l.frozen]
		if v := l.name(w.voice); v > 0 && !w.counted && cluster.Dot(w.vec, l.voices[v-1].unit) >= t.tuned.update {
			l.voices[v-1].add(w.vec)
			w.counted = true
		}
		l.frozen++
	}
}

// birth founds a voice if the newest windows are like each other and like no voice.
func (l *live) birth(t *Tracker, i int) {
	if len(l.voices) == 0 {
		l.found(t, i, i+1)
		return
	}
	if len(l.alive()) >= l.most || len(l.voices) >= 4*MaxVoices {
		return
	}
	w := t.windows
	first := i
	for first > l.frozen && w[i].end-w[first].start < bornLeast && w[first].start-w[first-1].end < rate {
		first--
	}
	if w[i].end-w[first].start < bornLeast || first == i {
		return
	}
	mean := make([]float32, len(w[i].vec))
	for k := first; k <= i; k++ {
		cluster.Add(mean, w[k].vec, 1)
		if cluster.Dot(w[k].vec, w[i].vec) < t.tuned.bornAlike {
			return
		}
	}
	mean = cluster.Unit(mean)
	for _, v := range l.alive() {
		if cluster.Dot(mean, l.voices[v-1].unit) > t.tuned.bornBelow {
			return
		}
	}
	l.found(t, first, i+1)
}

// found makes a new voice of windows.
func (l *live) found(t *Tracker, first, end int) {
	v := voice{sum: make([]float32, len(t.windows[first].vec))}
	for k := first; k < end; k++ {
		v.add(t.windows[k].vec)
		t.windows[k].counted = true
	}
	l.voices = append(l.voices, v)
}

// relabel finds the likeliest voices of the windows that can still be revised.
func (l *live) relabel(t *Tracker, i int) {
	alive := l.alive()
	windows := t.windows[l.frozen : i+1]
	centroids := make([][]float32, len(alive))
	for k, v := range alive {
		centroids[k] = l.voices[v-1].unit
	}
	g := grouping{tuned: t.tuned, count: len(alive), centroids: centroids}
	if l.frozen > 0 {
		last := &t.windows[l.frozen-1]
		g.sequenceAfter(windows, last, slices.Index(alive, l.name(last.voice)))
	} else {
		g.sequence(windows)
	}
	for k := range windows {
		windows[k].voice = alive[g.labels[k]]
		windows[k].near = margin(windows[k].vec, centroids, g.labels[k])
	}
}

// look groups the windows of the last minutes anew: voices that were two become one, and one that was missed is founded.
func (l *live) look(t *Tracker, i int) {
	from := i
	for from > 0 && t.windows[from-1].end > t.windows[i].end-lookBack {
		from--
	}
	windows := t.windows[from : i+1]
	count := 0
	if t.o.Headcount == 1 {
		count = 1
	}
	g := regroup(windows, count, t.o.Room, t.tuned)
	l.crowded = l.crowded || g.crowded
	if g.count > 1 {
		l.several = true
	}
	if !t.o.Room && g.count == 1 {
		return
	}
	l.adopt(windows, g)
}

// adopt makes the groups' centroids those of the voices they are.
func (l *live) adopt(windows []window, g grouping) {
	alive := l.alive()
	shared, own := make([][]float64, g.count), make([]float64, len(alive))
	for k := range shared {
		shared[k] = make([]float64, len(alive))
	}
	for i := range windows {
		if a := slices.Index(alive, l.name(windows[i].voice)); a >= 0 {
			shared[g.labels[i]][a]++
			own[a]++
		}
	}
	taken := map[int]bool{}
	numbers := cluster.Assign(shared)
	for k, a := range numbers {
		switch {
		case a >= 0:
			taken[a] = true
			l.voices[alive[a]-1].set(g, k, windows)
		case len(l.alive()) < l.most && g.speech[k] >= g.tuned.small && len(l.voices) < 4*MaxVoices:
			l.voices = append(l.voices, voice{})
			l.voices[len(l.voices)-1].set(g, k, windows)
		}
	}
	for a, v := range alive {
		for k, other := range numbers {
			if !taken[a] && other >= 0 && own[a] > 0 && shared[k][a] >= mergePart*own[a] {
				l.merge(v, alive[other])
			}
		}
	}
}

// set takes the windows of a group for the voice's.
func (v *voice) set(g grouping, k int, windows []window) {
	v.sum = make([]float32, len(windows[0].vec))
	for i := range windows {
		if g.labels[i] == k {
			cluster.Add(v.sum, windows[i].vec, 1)
			windows[i].counted = true
		}
	}
	v.unit = cluster.Unit(v.sum)
}

// merge says that two voices are one. The lower number stays: people have seen it longer.
func (l *live) merge(a, b int) {
	if a == b || l.voices[a-1].into > 0 || l.voices[b-1].into > 0 {
		return
	}
	if a < b {
		a, b = b, a
		l.voices[b-1], l.voices[a-1] = l.voices[a-1], l.voices[b-1] // the centroid is that of the group
	}
	l.voices[a-1].into = b
	l.merges = append(l.merges, Merged{From: a, Into: b})
}
