package voices

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"souffleur/diarize/cluster"
)

// imagined are windows of speakers as [tuning] says they vary, a half of it with the unit: people do not sound the
// same all day. Units are five seconds and of the speakers in turn.
func imagined(seed uint64, speakers int, seconds float64) []window {
	const dim = 12 // as few as voices differ in: they are often alike
	r := rand.New(rand.NewPCG(seed, 3))
	draw := func(around []float32, variance float64) []float32 {
		v := slices.Clone(around)
		for d := range v {
			v[d] += float32(math.Sqrt(variance/dim) * r.NormFloat64())
		}
		return v
	}
	means := make([][]float32, speakers)
	for s := range means {
		means[s] = draw(make([]float32, dim), tuned.between)
	}
	var out []window
	for unit := 0; float64(unit) < seconds/5; unit++ {
		mood := draw(means[unit%speakers], tuned.within/2)
		for k := range 7 {
			start := int64(unit*5*rate + k*defaultHop)
			out = append(out, window{start: start, end: start + windowLen, unit: unit, vec: cluster.Unit(draw(mood, tuned.within/2))})
		}
	}
	return out
}

// Ten of these are too much alike, or too short. Nineteen counts are wrong without VBx, and thirteen if a speaker costs the same at any
// length.
func TestSpeakersAreCountedInShortAndInLongRecordings(t *testing.T) {
	wrong, tried := 0, 0
	for _, seconds := range []float64{20, 40, 180, 900} {
		for speakers := 1; speakers <= 4; speakers++ {
			for seed := range uint64(6) {
				windows := imagined(seed, speakers, seconds)
				g := regroup(windows, 0, true, &tuned)
				tried++
				if g.count != speakers {
					t.Logf("%d groups of %d speakers in %v s", g.count, speakers, seconds)
					wrong++
				}
				if g = regroup(windows, speakers, true, &tuned); g.count != speakers {
					t.Errorf("%d groups with a headcount of %d in %v s", g.count, speakers, seconds)
				}
			}
		}
	}
	if wrong > tried/8 {
		t.Errorf("%d of %d counts are wrong", wrong, tried)
	}
}

// Centroids of little speech lie apart by chance: what takes two groups for one is less there.
func TestGroupsOfLittleSpeechAreOneSooner(t *testing.T) {
	at := func(angle float64) []float32 { return []float32{float32(math.Cos(angle)), float32(math.Sin(angle))} }
	g := grouping{tuned: &tuned, count: 2, centroids: [][]float32{at(0), at(math.Acos(0.5))}, speech: []int64{40 * rate, 4 * rate}}
	if _, _, alike := g.nearest(); alike <= 0 {
		t.Error("four seconds at a cosine of 0.5 are a voice of their own")
	}
	g.speech[1] = 30 * rate
	if _, _, alike := g.nearest(); alike > 0 {
		t.Error("thirty seconds at a cosine of 0.5 are another's")
	}
}

func TestVectorsThatAreNoNumbersChangeNothing(t *testing.T) {
	windows := imagined(1, 2, 60)
	windows[3].vec = slices.Repeat([]float32{float32(math.NaN())}, 12)
	g := grouping{tuned: &tuned, count: 2, centroids: [][]float32{windows[0].vec, windows[8].vec}}
	if g.bayes(windows, 0) {
		t.Error("it found speakers")
	}
	for _, headcount := range []int{0, 2} {
		if got := regroup(windows, headcount, true, &tuned); got.count < 1 || len(got.labels) != len(windows) {
			t.Errorf("labels %v", got.labels)
		}
	}
}
