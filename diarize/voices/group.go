package voices

import (
	"cmp"
	"slices"

	"souffleur/diarize/cluster"
)

// tuning holds the figures that were found on the rooms and clips that bench/diarize tunes on, and on none that it reports on.
// Cosines are those of centred vectors. How vectors vary was measured over windows of 200 speakers of LibriSpeech train-clean-100 at
// three levels through Opus; a PLDA of these speakers told voices apart no better than these two numbers (docs/diarization.md).
type tuning struct {
	change    float32 // 1 minus cosine across a point at which the voice changes
	longest   int64   // of a segment, in samples
	clean     int64   // of speech in a segment that helps to find the groups, in samples
	cut       float32 // distance at which average linkage stops, in next to no speech
	cutLong   float32 // and in as much as cutAt, in samples: the more there is, the surer VBx joins what is one
	cutAt     int64
	join      float32 // cosine of two groups' centroids from which they are one, if one has next to no speech
	joinLong  float32 // and if both have as much as joinAt, in samples: in between it rises with the speech
	joinAt    int64
	gate      float32 // and below which they are two people for certain
	gateLeast int64   // speech of each of these, in samples
	small     int64   // a group with less speech is none, in samples
	smallPart float64 // or with less than this part of all speech, whichever is smaller
	sharp     float64 // log-likelihood of a cosine of 1
	bornBelow float32 // live: cosine to all known voices below which speech is a new one's
	bornAlike float32 // and between its own windows from which it is one voice
	update    float32 // live: cosine from which a window moves its voice
	within    float64 // mean square of the distance of vectors to the mean of their speaker
	between   float64 // and of that mean
	fa, fb    float64 // of VBx, for windows of 1.6 s every 0.5 s, and for one of them
	stay      float64 // cost of a change of voice within a unit
	linked    float64 // between units of one chain
	cross     float64 // and between others
}

var tuned = tuning{
	change: 0.55, longest: 6000 * perMS, clean: 1800 * perMS, cut: 0.64, cutLong: 0.56, cutAt: 120_000 * perMS,
	join: 0.45, joinLong: 0.6, joinAt: 20_000 * perMS, gate: 0.45, gateLeast: 6000 * perMS,
	small: 3000 * perMS, smallPart: 0.06, sharp: 20, stay: 2, linked: 2, cross: 1,
	bornBelow: 0.38, bornAlike: 0.30, update: 0.45, within: 0.41, between: 0.57, fa: 0.3, fb: 0.4,
}

// with is the tuning of an embedder whose cosines are compared with thresholds of their own; nil: those of GE2E.
func (u tuning) with(t *Thresholds) *tuning {
	if t != nil {
		u.change, u.cut, u.cutLong, u.join, u.joinLong, u.gate, u.sharp = t.Change, t.Cut, t.CutLong, t.Join, t.JoinLong, t.Gate, t.Sharp
		u.within, u.between, u.fa, u.fb = t.Within, t.Between, t.Fa, t.Fb
		u.bornBelow, u.bornAlike, u.update = t.BornBelow, t.BornAlike, t.Update
	}
	return &u
}

// grouping says which window is of whom.
type grouping struct {
	count     int
	labels    []int     // of each window, from 0
	near      []float32 // of each window: cosine to its group less that to the next
	centroids [][]float32
	speech    []int64 // of each group, in samples
	crowded   bool    // there were more groups than can be told apart: all is one
	tuned     *tuning
}

// segment is windows in a row that are of one voice, as far as can be told.
type segment struct {
	first, end int // windows
	clean      int64
	vec        []float32
}

// regroup groups windows without regard to what was said of them before. A headcount above 0 is the count; without one, and
// without knowing that several people share the microphone, there is one group unless two are told apart clearly.
func regroup(windows []window, headcount int, room bool, tuned *tuning) grouping {
	if len(windows) == 0 {
		return grouping{}
	}
	g := grouping{tuned: tuned, count: 1, labels: make([]int, len(windows)), near: make([]float32, len(windows))}
	if headcount == 1 || len(windows) < 2 {
		g.settle(windows)
		return g
	}
	segments := split(windows, tuned)
	long := longOnes(segments, tuned)
	seeds := seed(segments, long, headcount, tuned)
	if len(seeds) > 1 {
		g.count, g.centroids = len(seeds), seeds
		if !g.bayes(windows, headcount) {
			for range 2 {
				g.sequence(windows)
				g.settle(windows)
			}
		}
		g.drop(windows, headcount, room)
	}
	if headcount == 0 && g.count > MaxVoices {
		g = grouping{tuned: tuned, count: 1, labels: make([]int, len(windows)), near: make([]float32, len(windows)), crowded: true}
	}
	g.settle(windows)
	return g
}

// split cuts windows into segments: where units end, where the voice seems to change, and after some seconds.
func split(windows []window, tuned *tuning) []segment {
	var out []segment
	first := 0
	for i := 1; i <= len(windows); i++ {
		if i < len(windows) && windows[i].unit == windows[i-1].unit && !changes(windows, i, tuned) && windows[i].end-windows[first].start <= tuned.longest {
			continue
		}
		out = append(out, newSegment(windows, first, i))
		first = i
	}
	return out
}

// changes says whether the voice seems to change between windows i-1 and i: the distance across is a peak, and high.
func changes(windows []window, i int, tuned *tuning) bool {
	d := across(windows, i)
	return d > tuned.change && d >= across(windows, i-1) && d > across(windows, i+1)
}

// across is the distance between what lies before and behind the point between windows i-1 and i; 0 if there is nothing.
func across(windows []window, i int) float32 {
	if i < 1 || i >= len(windows) || windows[i].unit != windows[i-1].unit {
		return 0
	}
	at := (windows[i-1].centre() + windows[i].centre()) / 2
	const reach, slack = 800 * perMS, 400 * perMS
	before, behind := make([]float32, len(windows[i].vec)), make([]float32, len(windows[i].vec))
	n := [2]int{}
	for j := i - 1; j >= 0 && windows[j].unit == windows[i].unit && windows[j].end >= at-reach; j-- {
		if windows[j].end <= at+slack {
			cluster.Add(before, windows[j].vec, 1)
			n[0]++
		}
	}
	for j := i; j < len(windows) && windows[j].unit == windows[i].unit && windows[j].start <= at+reach; j++ {
		if windows[j].start >= at-slack {
			cluster.Add(behind, windows[j].vec, 1)
			n[1]++
		}
	}
	if n[0] == 0 || n[1] == 0 {
		return 0
	}
	return 1 - cluster.Dot(cluster.Unit(before), cluster.Unit(behind))
}

// newSegment averages the windows of a segment. The first and the last of several may reach into the next voice and are left out.
func newSegment(windows []window, first, end int) segment {
	s := segment{first: first, end: end, vec: make([]float32, len(windows[first].vec))}
	from, to := first, end
	if first > 0 && windows[first-1].unit == windows[first].unit && to-from > 2 {
		from++
	}
	if end < len(windows) && windows[end].unit == windows[first].unit && to-from > 2 {
		to--
	}
	for i := from; i < to; i++ {
		cluster.Add(s.vec, windows[i].vec, 1)
	}
	s.vec, s.clean = cluster.Unit(s.vec), windows[to-1].end-windows[from].start
	return s
}

// longOnes are the segments that groups are found in: all with enough speech, or the longest half if these are few; no more
// than a tree can take.
func longOnes(segments []segment, tuned *tuning) []int {
	order := make([]int, len(segments))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(segments[b].clean, segments[a].clean) })
	n := 0
	for n < len(order) && n < cluster.MaxVectors && segments[order[n]].clean >= tuned.clean {
		n++
	}
	long := order[:max(n, min(len(order), cluster.MaxVectors, (len(order)+1)/2))]
	slices.Sort(long)
	return long
}

// seed finds groups among the long segments and returns their centroids, the one with most speech first.
func seed(segments []segment, long []int, headcount int, tuned *tuning) [][]float32 {
	vectors, weights := make([][]float32, len(long)), make([]float32, len(long))
	total := int64(0)
	for k, i := range long {
		vectors[k], weights[k] = segments[i].vec, float32(segments[i].clean)/rate
		total += segments[i].clean
	}
	least := float32(min(float64(tuned.small), tuned.smallPart*float64(total)) / rate)
	cut := tuned.cut + min(1, float32(total)/float32(tuned.cutAt))*(tuned.cutLong-tuned.cut)
	merges := cluster.Tree(vectors, weights)
	labels := cluster.Cut(len(long), merges, func(m cluster.Merge, _ int) bool { return m.Distance <= cut })
	if headcount > 0 && large(labels, weights, least) < headcount {
		labels = forced(weights, merges, headcount, least)
	}
	type group struct {
		sum    []float32
		weight float32
	}
	groups := make([]group, slices.Max(labels)+1)
	for k, l := range labels {
		if groups[l].sum == nil {
			groups[l].sum = make([]float32, len(vectors[k]))
		}
		cluster.Add(groups[l].sum, vectors[k], weights[k])
		groups[l].weight += weights[k]
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(b.weight, a.weight) })
	var seeds [][]float32
	for i, g := range groups {
		if i < headcount || g.weight >= least && i < maxSeeds {
			seeds = append(seeds, cluster.Unit(g.sum))
		}
	}
	return seeds
}

// large is how many groups have enough speech.
func large(labels []int, weights []float32, least float32) int {
	sums, n := make([]float32, slices.Max(labels)+1), 0
	for i, l := range labels {
		sums[l] += weights[i]
	}
	for _, w := range sums {
		if w >= least {
			n++
		}
	}
	return n
}

// forced cuts the tree where as many groups as people have enough speech each: at the latest such point, so that nobody is
// split. If there is none it cuts where there are as many groups.
func forced(weights []float32, merges []cluster.Merge, headcount int, least float32) []int {
	n := len(weights)
	weight := append(slices.Clone(weights), make([]float32, len(merges))...)
	count := 0
	for _, w := range weights {
		if w >= least {
			count++
		}
	}
	stop := max(0, n-headcount)
	for k, m := range merges {
		a, b := weight[m.A], weight[m.B]
		weight[n+k] = a + b
		if a >= least && b >= least {
			count--
		} else if a < least && b < least && a+b >= least {
			count++
		}
		if count == headcount {
			stop = k + 1
		}
	}
	at := 0
	return cluster.Cut(n, merges, func(cluster.Merge, int) bool { at++; return at <= stop })
}

// sequence gives each window the likeliest group.
func (g *grouping) sequence(windows []window) { g.sequenceAfter(windows, nil, -1) }

// sequenceAfter is sequence behind a window of group before; nil and -1 if there is none.
func (g *grouping) sequenceAfter(windows []window, last *window, before int) {
	scores, change := make([][]float64, len(windows)), make([]float64, len(windows))
	for i := range windows {
		scores[i] = make([]float64, g.count)
		for k, c := range g.centroids {
			scores[i][k] = g.tuned.sharp * float64(cluster.Dot(windows[i].vec, c))
		}
		if i > 0 {
			change[i] = changing(&windows[i-1], &windows[i])
		}
	}
	if last != nil && before >= 0 {
		cost := changing(last, &windows[0])
		for k := range scores[0] {
			if k != before {
				scores[0][k] -= cost
			}
		}
	}
	g.labels = cluster.Viterbi(scores, change)
}

// changing is the cost of a change of voice from one window to the next.
func changing(a, b *window) float64 {
	switch {
	case a.unit == b.unit:
		return tuned.stay
	case a.chain == b.chain:
		return tuned.linked
	}
	return tuned.cross
}

// settle computes what follows from the labels: centroids, speech, and how near each window is to its own.
func (g *grouping) settle(windows []window) {
	g.centroids, g.speech = make([][]float32, g.count), make([]int64, g.count)
	for k := range g.centroids {
		g.centroids[k] = make([]float32, len(windows[0].vec))
	}
	for i := range windows {
		k := g.labels[i]
		cluster.Add(g.centroids[k], windows[i].vec, 1)
		g.speech[k] += newSpeech(windows, i)
	}
	for k := range g.centroids {
		g.centroids[k] = cluster.Unit(g.centroids[k])
	}
	for i := range windows {
		g.near[i] = margin(windows[i].vec, g.centroids, g.labels[i])
	}
}

// newSpeech is how much of window i no window before it covers.
func newSpeech(windows []window, i int) int64 {
	w := &windows[i]
	if i > 0 && windows[i-1].unit == w.unit {
		return max(0, w.end-max(w.start, windows[i-1].end))
	}
	return w.end - w.start
}

// margin is how much nearer v is to its centroid than to the next; 1 if there is only one.
func margin(v []float32, centroids [][]float32, own int) float32 {
	if len(centroids) < 2 {
		return 1
	}
	next := float32(-1)
	for k, c := range centroids {
		if k != own {
			next = max(next, cluster.Dot(v, c))
		}
	}
	return cluster.Dot(v, centroids[own]) - next
}

// drop joins groups that are one voice, and those too small to be one, until all are told apart. A headcount is never undercut.
func (g *grouping) drop(windows []window, headcount int, room bool) {
	for g.count > 1 && g.count > headcount {
		total := int64(0)
		for _, s := range g.speech {
			total += s
		}
		least := int64(min(float64(g.tuned.small), g.tuned.smallPart*float64(total)))
		smallest := slices.Index(g.speech, slices.Min(g.speech))
		a, b, alike := g.nearest()
		switch {
		case g.speech[smallest] < least:
			g.dissolve(windows, smallest)
		case alike > 0:
			g.unite(windows, a, b)
		case headcount > 0 && 10*g.speech[smallest] < total: // rather what two people said at once than a person
			g.dissolve(windows, smallest)
		case headcount > 0 || !room && !g.certain():
			g.unite(windows, a, b)
		default:
			return
		}
	}
}

// certain says whether two groups with enough speech are clearly two people.
func (g *grouping) certain() bool {
	for a := range g.count {
		for b := range a {
			if min(g.speech[a], g.speech[b]) >= g.tuned.gateLeast && cluster.Dot(g.centroids[a], g.centroids[b]) < g.tuned.gate {
				return true
			}
		}
	}
	return false
}

// nearest are the two groups that are most likely one voice: they are if alike, their cosine less what it takes, is above 0.
func (g *grouping) nearest() (a, b int, alike float32) {
	alike = -4
	for i := range g.count {
		for j := range i {
			part := min(1, float32(min(g.speech[i], g.speech[j]))/float32(g.tuned.joinAt))
			takes := g.tuned.join + part*(g.tuned.joinLong-g.tuned.join) // centroids of little speech lie apart by chance
			if c := cluster.Dot(g.centroids[i], g.centroids[j]) - takes; c > alike {
				a, b, alike = j, i, c
			}
		}
	}
	return a, b, alike
}

// unite makes group b part of group a.
func (g *grouping) unite(windows []window, a, b int) {
	for i, l := range g.labels {
		switch {
		case l == b:
			g.labels[i] = a
		case l > b:
			g.labels[i]--
		}
	}
	g.count--
	g.settle(windows)
}

// dissolve gives each window of a group to the group that is nearest to it.
func (g *grouping) dissolve(windows []window, k int) {
	g.centroids = slices.Delete(g.centroids, k, k+1)
	g.count--
	g.sequence(windows)
	g.settle(windows)
}
