package diarize

import (
	"slices"

	"souffleur/internal/meeting"
)

// sureOverlap is how long a voice must have spoken at the same times as one that was published, in ms, to be taken for it.
const sureOverlap = 500

// number returns the published number of a tracker's voice, 0 if there is none left.
func (t *mic) number(voice int) int {
	if n, ok := t.numbers[voice]; ok {
		return n
	}
	n := max(t.book.Highest(), highest(t.numbers)) + 1
	if n > meeting.MaxVoice {
		t.log.Warn("a voice has no label", "warning", meeting.VoicesMany)
		n = 0
	}
	t.numbers[voice] = n
	return n
}

func highest(numbers map[int]int) int {
	most := 0
	for _, n := range numbers {
		most = max(most, n)
	}
	return most
}

// match finds the numbers of the voices that this tracker knows after a crash: those that were saved, and of voices that came after
// that those that were published for the times at which it heard them again. Others get a new number when they come.
func (t *mic) match() {
	t.numbers = make(map[int]int)
	taken := make(map[int]bool)
	for voice, number := range t.recalled {
		t.numbers[voice], taken[t.book.Resolve(number)] = number, true
	}
	type pair struct {
		voice, number int
		ms            int64
	}
	together := make(map[[2]int]int64)
	for _, a := range t.tracker.Turns(t.began) {
		for _, b := range t.book.Since(a.T0) {
			if b.T0 >= a.T1 {
				break
			}
			together[[2]int{a.Voice, t.book.Resolve(b.Voice)}] += min(a.T1, b.T1) - max(a.T0, b.T0)
		}
	}
	var pairs []pair
	for k, ms := range together {
		if ms >= sureOverlap {
			pairs = append(pairs, pair{k[0], k[1], ms})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.ms != b.ms {
			return int(b.ms - a.ms)
		}
		return (a.voice-b.voice)*meeting.MaxVoice + a.number - b.number
	})
	for _, p := range pairs {
		if _, ok := t.numbers[p.voice]; !ok && !taken[p.number] {
			t.numbers[p.voice], taken[p.number] = p.number, true
		}
	}
}
