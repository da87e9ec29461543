package voices

import (
	"cmp"
	"slices"
)

// bridge is the silence within one voice that its turn goes on over, in samples.
const bridge = 500 * perMS

// turnsOf gives every unit's time to the voice of the nearest window. Where two windows differ, the turn changes in a pause
// between their middles, or at the quietest frame. Units without a window, shorter than any, take the voice before them.
func turnsOf(units []unit, windows []window, labels []int, near func(i int) float32) []Turn {
	var out []Turn
	w, last := 0, 0
	for i := range units {
		u := &units[i]
		for w < len(windows) && windows[w].unit < i {
			w++
		}
		first := w
		for w < len(windows) && windows[w].unit == i {
			w++
		}
		if first == w {
			voice := last
			if voice == 0 && w < len(labels) {
				voice = labels[w]
			}
			out = join(out, Turn{u.start, u.end, max(voice, 1), 0, false})
			continue
		}
		out = unitTurns(out, u, windows[first:w], labels[first:w], func(k int) float32 { return near(first + k) })
		last = labels[w-1]
	}
	for i := range out {
		out[i].T0, out[i].T1 = out[i].T0/perMS, out[i].T1/perMS
		out[i].Confidence = min(1, max(0, out[i].Confidence))
	}
	return out
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
		to, next := u.end, u.end
		if end < len(windows) {
			to, next = u.between(windows[end-1].centre(), windows[end].centre())
		}
		if from, to := u.trim(from, to); to > from {
			out = join(out, Turn{from, to, max(labels[k], 1), float64(sum/float32(end-k)) * 2, false})
		}
		from, k = max(from, next), end
	}
	return out
}

// between is where one turn ends and the next begins, given that it is between two positions: around the longest stretch without
// voice, or at the quietest frame if there is none.
func (u *unit) between(from, to int64) (end, start int64) {
	middle := (from + to) / 2
	best, at := 256, middle
	var run, longest, longestEnd int64
	for i, l := range u.levels {
		pos := u.from + int64(i)*half
		if pos < from || pos > to {
			continue
		}
		if l&voicedBit == 0 {
			if run++; run > longest {
				longest, longestEnd = run, pos+half
			}
			continue
		}
		run = 0
		if c := pos + half/2; int(l) < best || int(l) == best && abs(c-middle) < abs(at-middle) {
			best, at = int(l), c
		}
	}
	if longest > 0 {
		return longestEnd - longest*half, longestEnd
	}
	return at, at
}

// Where a turn begins and ends: voice detection keeps on for a tenth of a second, and turns are scored by the millisecond.
const (
	loudPart = 0.35        // of the way in decibels from the floor to the loud parts of a turn: softer edges are no speech
	trimmed  = 300 * perMS // at most, on each side
)

// trim takes soft edges off a turn.
func (u *unit) trim(from, to int64) (int64, int64) {
	first, end := max(0, (from-u.from)/half), min(int64(len(u.levels)), (to-u.from+half-1)/half)
	if end-first < 4 {
		return from, to
	}
	sorted := make([]uint8, 0, end-first)
	for _, l := range u.levels[first:end] {
		sorted = append(sorted, l&^voicedBit)
	}
	slices.Sort(sorted)
	loud := float64(sorted[len(sorted)*95/100])
	least := uint8(float64(u.floor) + loudPart*max(0, loud-float64(u.floor)))
	a, b := first, end
	for a < end && u.levels[a]&^voicedBit < least && (a-first)*half < trimmed {
		a++
	}
	for b > a && u.levels[b-1]&^voicedBit < least && (end-b)*half < trimmed {
		b--
	}
	if a > first {
		from = u.from + a*half
	}
	if b < end {
		to = u.from + b*half
	}
	return from, to
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
