package voices

import (
	"cmp"
	"slices"
)

// bridge is the silence within one voice that its turn goes on over, in samples.
const bridge = 500 * perMS

// turnsOf gives every unit's time to the voice of the nearest window. Where two windows differ, the turn changes at the quietest
// frame between their middles. Units without a window, shorter than any, take the voice before them.
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
		to := u.end
		if end < len(windows) {
			to = u.quietest(windows[end-1].centre(), windows[end].centre())
		}
		if to > from {
			out = join(out, Turn{from, to, max(labels[k], 1), float64(sum/float32(end-k)) * 2, false})
		}
		from, k = max(from, to), end
	}
	return out
}

// quietest is the middle of the quietest frame between two positions; of equal ones the nearest to the middle.
func (u *unit) quietest(from, to int64) int64 {
	middle := (from + to) / 2
	best, at := 255, middle
	for i, l := range u.levels {
		pos := u.from + int64(i)*frame + frame/2
		if pos < from || pos > to {
			continue
		}
		if int(l) < best || int(l) == best && abs(pos-middle) < abs(at-middle) {
			best, at = int(l), pos
		}
	}
	return min(max(at, u.start), u.end)
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
