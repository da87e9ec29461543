package vbx

import "fmt"

// Bounds of numbers, so that no sum overflows.
const (
	mostValue    = 1e6 // of a vector times the scale, of a variance, and of Fb
	mostSpeakers = 1000
)

// check returns how many speakers the groups are.
func check(vectors [][]float32, m Model, groups []int, o Options) (int, error) {
	if len(groups) != len(vectors) || len(m.Across) == 0 {
		return 0, fmt.Errorf("%w: %d vectors in %d groups, %d dimensions", ErrInput, len(vectors), len(groups), len(m.Across))
	}
	if !(o.Fa > 0 && o.Fa <= 1 && o.Fb > 0 && o.Fb <= mostValue && o.Loop >= 0 && o.Loop < 1 && o.Smoothing >= 0) || o.Iterations < 1 {
		return 0, fmt.Errorf("%w: options %+v", ErrInput, o)
	}
	for _, a := range append(m.Across[:len(m.Across):len(m.Across)], m.Scale) {
		if !(a >= 0 && a <= mostValue) {
			return 0, fmt.Errorf("%w: a variance or scale of %v", ErrInput, a)
		}
	}
	speakers := 0
	for t, v := range vectors {
		if len(v) != len(m.Across) || groups[t] < 0 || groups[t] >= mostSpeakers {
			return 0, fmt.Errorf("%w: vector %d has %d dimensions and is in group %d", ErrInput, t, len(v), groups[t])
		}
		for _, x := range v {
			if y := m.Scale * float64(x); !(y >= -mostValue && y <= mostValue) {
				return 0, fmt.Errorf("%w: vector %d has a %v", ErrInput, t, x)
			}
		}
		speakers = max(speakers, groups[t]+1)
	}
	return speakers, nil
}
