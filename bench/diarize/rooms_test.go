package main

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"souffleur/diarize/score"
)

// voiceAndRumble is a tone of speech's loudness for some tenths of a second, then rumble as loud for others.
func voiceAndRumble(tenths ...int) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	var out []float32
	for i, n := range tenths {
		hertz := []float64{500, 50}[i%2]
		for range n * rate / 10 {
			out = append(out, float32(0.1*math.Sin(2*math.Pi*hertz*float64(len(out))/rate)+1e-4*r.NormFloat64()))
		}
	}
	return out
}

func TestRumbleIsAPauseInTheReference(t *testing.T) {
	got := active(voiceAndRumble(20, 10, 20, 3, 20))
	if len(got) != 2 {
		t.Fatalf("speech at %v, want two stretches", got)
	}
	for i, want := range [][2]float64{{0, 2}, {3, 7.3}} {
		from, to := float64(got[i][0])/rate, float64(got[i][1])/rate
		if math.Abs(from-want[0]) > 0.03 || math.Abs(to-want[1]) > 0.03 {
			t.Errorf("speech from %.2f to %.2f s, want %v", from, to, want)
		}
	}
}

func TestShortPausesOfOnePersonBelongToATurn(t *testing.T) {
	got := bridged([]score.Segment{{Start: 0, End: 2, Speaker: "a"}, {Start: 2.4, End: 3, Speaker: "a"}, {Start: 2.9, End: 4, Speaker: "b"}, {Start: 3.6, End: 5, Speaker: "a"}})
	want := []score.Segment{{Start: 0, End: 3, Speaker: "a"}, {Start: 2.9, End: 4, Speaker: "b"}, {Start: 3.6, End: 5, Speaker: "a"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}
