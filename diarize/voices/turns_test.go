package voices

import (
	"slices"
	"testing"
)

// levelsOf are runs of frames: how many, and how loud.
func levelsOf(runs ...[2]int) []uint8 {
	var out []uint8
	for _, r := range runs {
		out = append(out, slices.Repeat([]uint8{uint8(r[1])}, r[0])...)
	}
	return out
}

func TestTurnsBeginAndEndWhereItIsLoud(t *testing.T) {
	const start = 1000 * frame
	for name, c := range map[string]struct {
		levels []uint8 // ten frames before the unit, two hundred of it, ten behind
		want   [][2]int64
	}{
		"as the network says":      {levelsOf([2]int{10, 20}, [2]int{200, 60}, [2]int{10, 20}), [][2]int64{{0, 200}}},
		"a little earlier, later":  {levelsOf([2]int{6, 20}, [2]int{207, 60}, [2]int{7, 20}), [][2]int64{{-4, 203}}},
		"later, a little earlier":  {levelsOf([2]int{15, 20}, [2]int{190, 60}, [2]int{15, 20}), [][2]int64{{5, 195}}},
		"a long pause in between":  {levelsOf([2]int{10, 20}, [2]int{80, 60}, [2]int{40, 22}, [2]int{80, 60}, [2]int{10, 20}), [][2]int64{{0, 80}, {120, 200}}},
		"a short pause in between": {levelsOf([2]int{10, 20}, [2]int{80, 60}, [2]int{20, 22}, [2]int{100, 60}, [2]int{10, 20}), [][2]int64{{0, 200}}},
		"softer than the floor":    {levelsOf([2]int{220, 10}), [][2]int64{{0, 200}}},
	} {
		u := &unit{start: start, end: start + 200*frame, from: start - 10*frame, levels: c.levels, floor: 20}
		for range 2 { // the second answer is remembered
			var got [][2]int64
			for _, said := range u.loud(u.start, u.end) {
				got = append(got, [2]int64{(said[0] - start) / frame, (said[1] - start) / frame})
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if got := u.loud(u.start, u.start+100*frame); got[0][1] > u.start+100*frame {
			t.Errorf("%s: what ends within the unit goes on behind: %v", name, got)
		}
	}
}
