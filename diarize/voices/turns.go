package voices

import (
	"cmp"
	"slices"
)

// How far turns reach. Lengths are in samples.
const (
	bridge = 500 * perMS    // silence within one voice that its turn goes on over
	nearby = 10_000 * perMS // within which a chain is taken for one person
	beside = 5_000 * perMS  // within which somebody who is never heard alone is looked for
)

// turnsOf gives every unit's time to the voice of the nearest window. Where two windows differ, the turn changes at the quietest
// frame between their middles. Units without a window, shorter than any, take the voice of their chain, or that before them; what two
// say at once is a turn of each.
func turnsOf(units []unit, windows []window, labels []int, near func(i int) float32) []Turn {
	n := &naming{windows, labels}
	var out, second []Turn
	last, end := 1, 0
	for i := range units {
		u, first := &units[i], end
		for end < len(windows) && windows[end].unit == i {
			end++
		}
		switch {
		case first < end:
			out = unitTurns(out, u, windows[first:end], labels[first:end], func(k int) float32 { return near(first + k) })
			last = labels[end-1]
		case u.who[1] != 0:
			a, b := n.both(u, last)
			out = join(out, Turn{u.start, u.end, a, 0, false})
			if b > 0 {
				second = join(second, Turn{u.start, u.end, b, 0, true})
			}
		default:
			if v := n.chain(u.who[0], u); v > 0 {
				last = v
			}
			out = join(out, Turn{u.start, u.end, last, 0, false})
		}
	}
	out = append(out, second...)
	for i := range out {
		out[i].T0, out[i].T1 = out[i].T0/perMS, out[i].T1/perMS
		out[i].Confidence = min(1, max(0, out[i].Confidence))
	}
	return overlapped(out)
}

// naming says whose a unit is that has no window of its own.
type naming struct {
	windows []window
	labels  []int
}

// both are the voices of two who speak at once; the second is 0 if nobody fits. last is the voice before them.
func (n *naming) both(u *unit, last int) (first, second int) {
	first, second = n.chain(u.who[0], u), n.chain(u.who[1], u)
	if first == 0 {
		first, second = second, 0
	}
	if first == 0 {
		first = last
	}
	if second == 0 || second == first {
		second = n.find(u, beside, func(_ int32, label int) bool { return label != first })
	}
	if second == last {
		first, second = second, first
	}
	return first, second
}

// chain is the voice of a chain's windows nearest to a unit, 0 if there are none nearby.
func (n *naming) chain(chain int32, u *unit) int {
	return n.find(u, nearby, func(c int32, _ int) bool { return c == chain })
}

// find is the label of the window that fits and is nearest to a unit, 0 if there is none within a time.
func (n *naming) find(u *unit, within int64, fits func(chain int32, label int) bool) int {
	at, _ := slices.BinarySearchFunc(n.windows, u.start, func(w window, at int64) int { return cmp.Compare(w.start, at) })
	label, best := 0, within
	for i := at - 1; i >= 0 && u.start-n.windows[i].end < best; i-- {
		if n.labels[i] > 0 && fits(n.windows[i].chain, n.labels[i]) {
			label, best = n.labels[i], u.start-n.windows[i].end
			break
		}
	}
	for i := at; i < len(n.windows) && n.windows[i].start-u.end < best; i++ {
		if n.labels[i] > 0 && fits(n.windows[i].chain, n.labels[i]) {
			return n.labels[i]
		}
	}
	return label
}

// unitTurns appends the turns of one unit, still in samples.
func unitTurns(out []Turn, u *unit, windows []window, labels []int, near func(k int) float32) []Turn {
	from := u.start
	for k := 0; k < len(windows); {
		end, sum := k, float32(0)
		for end < len(windows) && labels[end] == labels[k] {
			sum += near(end)
			end++
		}
		to := u.end
		if end < len(windows) {
			to = u.between(windows[end-1].centre(), windows[end].centre())
		}
		for _, said := range u.loud(from, to) {
			out = join(out, Turn{said[0], said[1], max(labels[k], 1), float64(sum/float32(end-k)) * 2, false})
		}
		from, k = max(from, to), end
	}
	return out
}

// between is where one turn ends and the next begins, given that it is between two positions: at the quietest frame.
func (u *unit) between(from, to int64) int64 {
	middle := (from + to) / 2
	best, at := 256, middle
	for i, l := range u.levels {
		c := u.from + int64(i)*frame + frame/2
		if c >= from && c <= to && (int(l) < best || int(l) == best && abs(c-middle) < abs(at-middle)) {
			best, at = int(l), c
		}
	}
	return at
}

// Where speech begins and ends. The network is right to a tenth of a second, and turns are scored by the millisecond. Parts are of
// the way in decibels from the floor to the loud parts of a turn.
const (
	loudPart = 0.25        // speech begins and ends where it is as loud
	softPart = 0.2         // and pauses where it is softer for longer than turns go on over
	leastWay = 6           // decibels from floor to loud parts; where there are fewer, loudness tells nothing
	trimmed  = 300 * perMS // is taken off the ends at most
)

// asked is what loud was asked, and all that its answer follows from.
type asked struct {
	from, to int64
	levels   int
	floor    uint8
}

// loud are the stretches of a turn in which there is anything to hear. Its ends move to where it is loud: inwards, and outwards where
// the unit ends, too, as nobody else speaks there. Long soft stretches are pauses, which the network likes to pass over. The newest
// answer is remembered: turns are asked for several times a second.
func (u *unit) loud(from, to int64) [][2]int64 {
	now := asked{from, to, len(u.levels), u.floor}
	if u.said == nil || u.asked != now {
		u.asked, u.said = now, u.listen(from, to)
	}
	return u.said
}

// listen is loud without memory.
func (u *unit) listen(from, to int64) [][2]int64 {
	first, end := max(0, (from-u.from)/frame), min(int64(len(u.levels)), (to-u.from+frame-1)/frame)
	if end-first < 4 {
		return [][2]int64{{from, to}}
	}
	loud, soft, told := u.bounds(first, end)
	if !told { // the network hears what loudness does not tell
		return [][2]int64{{from, to}}
	}
	a, b := first, end
	for a < end && u.levels[a] < loud && (a-first)*frame < trimmed {
		a++
	}
	for b > a && u.levels[b-1] < loud && (end-b)*frame < trimmed {
		b--
	}
	for from == u.start && a <= first && a > 0 && u.levels[a-1] >= loud {
		a--
	}
	for to == u.end && b >= end && b < int64(len(u.levels)) && u.levels[b] >= loud {
		b++
	}
	return u.spoken(a, b, soft)
}

// spoken are the stretches of some frames without those that are soft for long.
func (u *unit) spoken(first, end int64, soft uint8) [][2]int64 {
	var out [][2]int64
	for at := first; at < end; at++ {
		if u.levels[at] < soft && at > first && at < end-1 {
			continue
		}
		start, stop := u.from+at*frame, u.from+(at+1)*frame
		if n := len(out) - 1; n >= 0 && start-out[n][1] <= bridge {
			out[n][1] = stop
		} else {
			out = append(out, [2]int64{start, stop})
		}
	}
	return out
}

// bounds are the levels from which frames of a turn are loud, and below which they are soft, if its loudness tells anything.
func (u *unit) bounds(first, end int64) (loud, soft uint8, told bool) {
	sorted := slices.Sorted(slices.Values(u.levels[first:end]))
	floor := float64(u.floor)
	way := float64(sorted[len(sorted)*95/100]) - floor
	if way < leastWay {
		return 0, 0, false
	}
	return uint8(floor + loudPart*way), uint8(floor + softPart*way), true
}

func abs(v int64) int64 { return max(v, -v) }

// join appends a turn, or lengthens the last one if it is of the same voice and near.
func join(turns []Turn, t Turn) []Turn {
	if n := len(turns) - 1; n >= 0 && turns[n].Voice == t.Voice && t.T0-turns[n].T1 <= bridge {
		a, b := float64(turns[n].T1-turns[n].T0), float64(t.T1-t.T0)
		turns[n].Confidence = (a*turns[n].Confidence + b*t.Confidence) / max(a+b, 1)
		turns[n].T1 = t.T1
		return turns
	}
	return append(turns, t)
}

// after keeps the turns that end after a time.
func after(turns []Turn, from int64) []Turn {
	return slices.DeleteFunc(turns, func(t Turn) bool { return t.T1 <= from })
}

// overlapped sorts turns and marks those that share time with another voice's.
func overlapped(turns []Turn) []Turn {
	slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Compare(a.T0, b.T0) })
	for i := range turns {
		for j := i + 1; j < len(turns) && turns[j].T0 < turns[i].T1; j++ {
			turns[i].Overlap, turns[j].Overlap = true, true
		}
	}
	return turns
}
