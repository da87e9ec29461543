package voices

import (
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"souffleur/diarize/cluster"
)

// tones is an Embedder that hears the pitch of a scripted voice: sound k is a tone of 200+50*k Hz. It stands for a real one where
// policy is tested; the bench has the real one.
type tones struct{ broken bool }

func (tones) Model() string { return "tones" }
func (tones) Dim() int      { return 64 }

func (e tones) Embed(windows [][]float32) ([][]float32, error) {
	if e.broken {
		return nil, errors.New("broken")
	}
	var out [][]float32
	for _, w := range windows {
		v := make([]float32, 64)
		for k := range v {
			var re, im float64
			turn, at := cmplx.Rect(1, 2*math.Pi*float64(200+50*k)*4/rate), complex(1, 0)
			for i := 0; i < len(w); i += 4 {
				re, im = re+real(at)*float64(w[i]), im+imag(at)*float64(w[i])
				at *= turn
			}
			v[k] = float32(math.Hypot(re, im))
		}
		out = append(out, cluster.Unit(v))
	}
	return out, nil
}

// steps is a Segmenter that hears the same tones: who speaks in a frame are the pitches that are loud in it.
type steps struct{ broken bool }

// heard are the pitches of frames by how they begin: runs of the network hear the same frames again and again.
var heard = map[[16]float32][]int{}

func (e steps) Segment(pcm []float32) ([][7]float32, error) {
	if e.broken {
		return nil, errors.New("broken")
	}
	out := make([][7]float32, (len(pcm)-721)/270)
	var speakers []int
	for i := range out {
		class, sound := 0, pcm[i*270+360:][:270]
		found, known := heard[[16]float32(sound)]
		if !known {
			found = pitches(sound)
			heard[[16]float32(sound)] = found
		}
		for _, pitch := range found {
			k := slices.Index(speakers, pitch)
			if k < 0 && len(speakers) < 3 {
				k, speakers = len(speakers), append(speakers, pitch)
			}
			class += k + 1
		}
		if len(found) == 2 {
			class++ // the pairs stand behind the single ones
		}
		out[i][min(class, 6)] = 1
	}
	return out, nil
}

// pitches are the up to two scripted voices of a sound.
func pitches(sound []float32) []int {
	if meanSquare(sound) < 1e-3 {
		return nil
	}
	var out []int
	for k := range 40 {
		var re, im float64
		turn, at := cmplx.Rect(1, 2*math.Pi*float64(200+50*k)*2/rate), complex(1, 0)
		for i := 0; i < len(sound); i += 2 {
			re, im = re+real(at)*float64(sound[i]), im+imag(at)*float64(sound[i])
			at *= turn
		}
		if math.Hypot(re, im) > 0.35*0.2*float64(len(sound))/2 && len(out) < 2 && (len(out) == 0 || k > out[len(out)-1]+1) {
			out = append(out, k)
		}
	}
	return out
}

// says appends seconds of a voice, and half a second of silence; voice -1 is silence.
func says(pcm []float32, voice int, seconds float64) []float32 {
	for i := range int(seconds * rate) {
		s := float32(0)
		if voice >= 0 {
			s = float32(0.2 * math.Sin(2*math.Pi*float64(200+50*voice)*float64(i)/rate))
		}
		pcm = append(pcm, s)
	}
	return append(pcm, make([]float32, rate/2)...)
}

func hear(e Embedder, o Options, pcm []float32) *Tracker {
	t := NewTracker(steps{}, e, o)
	t.Push(0, make([]float32, rate/2))
	for at := 0; at < len(pcm); at += rate / 10 {
		t.Push(500+int64(at)*1000/rate, pcm[at:min(len(pcm), at+rate/10)])
	}
	return t
}

func voicesOf(turns []Turn) []int {
	var out []int
	for _, t := range turns {
		out = append(out, t.Voice)
	}
	return out
}

func talk() []float32 {
	var pcm []float32
	for range 3 {
		pcm = says(says(says(pcm, 2, 5), 15, 4), 30, 4)
	}
	return pcm
}

func TestTurnsOfThreeVoicesLiveAndAtTheEnd(t *testing.T) {
	tr := hear(tones{}, Options{Room: true}, talk())
	want := []int{1, 2, 3, 1, 2, 3, 1, 2, 3}
	if got := voicesOf(tr.Turns(0)); !slices.Equal(got, want) {
		t.Errorf("live %v", got)
	}
	turns := tr.End(0)
	if got := voicesOf(turns); !slices.Equal(got, want) {
		t.Errorf("at the end %v", got)
	}
	for i, at := range []int64{500, 6000, 10_500} {
		if d := turns[i].T0 - at; d < -100 || d > 100 {
			t.Errorf("turn %d begins at %d, not at %d", i, turns[i].T0, at)
		}
	}
	if got := tr.Warnings(); len(got) != 0 {
		t.Errorf("warnings %v", got)
	}
}

// Two who speak at once have a turn each, and both are known from what they say alone.
func TestTwoAtOnceHaveATurnEach(t *testing.T) {
	pcm := says(says(says(nil, 2, 6), 30, 6), 2, 6)
	for i, v := range says(nil, 30, 2)[:2*rate] { // into the middle of the third
		pcm[15*rate+i] += v
	}
	turns := hear(tones{}, Options{Room: true}, pcm).End(0)
	i := slices.IndexFunc(turns, func(t Turn) bool { return t.Voice == 2 && t.T0 > 14_000 })
	if i < 0 || !turns[i].Overlap || turns[i].T0 < 15_400 || turns[i].T0 > 15_600 || turns[i].T1 < 17_400 || turns[i].T1 > 17_600 {
		t.Fatalf("%+v", turns)
	}
	if !slices.ContainsFunc(turns, func(o Turn) bool { return o.Voice == 1 && o.Overlap && o.T0 <= turns[i].T0 && o.T1 >= turns[i].T1 }) {
		t.Errorf("whoever was interrupted is gone: %+v", turns)
	}
}

func TestTurnsAfterAMomentOnly(t *testing.T) {
	tr := hear(tones{}, Options{Room: true}, talk())
	for _, turn := range tr.Turns(20_000) {
		if turn.T1 <= 20_000 {
			t.Errorf("a turn until %d", turn.T1)
		}
	}
}

func TestAHeadcountIsTheCount(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		turns := hear(tones{}, Options{Headcount: n}, talk()).End(0)
		if got := slices.Max(voicesOf(turns)); got != n {
			t.Errorf("%d voices with a headcount of %d", got, n)
		}
	}
}

func TestATrackHasOneVoiceUntilTwoAreClear(t *testing.T) {
	short := says(says(nil, 2, 20), 30, 3) // the second voice is too short to be certain
	tr := hear(tones{}, Options{}, short)
	if !tr.Alone() || slices.Max(voicesOf(tr.Turns(0))) != 1 || slices.Max(voicesOf(tr.End(0))) != 1 {
		t.Error("three seconds were taken for a second person")
	}
	tr = hear(tones{}, Options{}, says(talk(), 2, 12))
	if tr.Alone() || slices.Max(voicesOf(tr.Turns(0))) < 2 {
		t.Error("three clear voices were not noticed")
	}
}

func TestMissingTimeIsSilenceAndDoubledTimeIsDropped(t *testing.T) {
	tr := NewTracker(steps{}, tones{}, Options{Room: true})
	tr.Push(0, make([]float32, rate/2))
	pcm := says(nil, 2, 4)
	tr.Push(500, pcm)
	tr.Push(500, pcm)
	tr.Push(20_000, pcm)
	turns := tr.End(0)
	if len(turns) != 2 || turns[0].T1 > 5000 || turns[1].T0 < 19_900 || turns[1].T1 > 24_600 {
		t.Errorf("%+v", turns)
	}
}

func TestBadTracksHaveOneVoiceAndAWarning(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	broken := says(nil, 2, 4)
	broken[1000], broken[2000] = float32(math.NaN()), float32(math.Inf(1))
	var forty []float32
	for k := range 40 {
		forty = says(forty, k, 8)
	}
	noise := make([]float32, 20*rate)
	for i := range noise {
		noise[i] = float32(0.0001 * r.NormFloat64())
	}
	for _, c := range []struct {
		name     string
		embedder tones
		pcm      []float32
		want     []Warning
		most     int
	}{
		{"nothing", tones{}, nil, []Warning{NoSpeech}, 0},
		{"silence", tones{}, make([]float32, 20*rate), []Warning{NoSpeech}, 0},
		{"faint noise", tones{}, noise, []Warning{NoSpeech}, 0},
		{"one second", tones{}, says(nil, 2, 1), []Warning{TooShort}, 1},
		{"no vectors", tones{broken: true}, says(nil, 2, 5), []Warning{NoVectors}, 1},
		{"forty voices", tones{}, forty, []Warning{TooMany}, 1},
		{"samples that are no numbers", tones{}, broken, nil, 1},
	} {
		tr := hear(c.embedder, Options{Room: true, Recorded: true}, c.pcm)
		turns := tr.End(0)
		if got := tr.Warnings(); !slices.Equal(got, c.want) {
			t.Errorf("%s: warnings %v", c.name, got)
		}
		if voices := voicesOf(turns); len(voices) > 0 && slices.Max(voices) > max(1, c.most) || len(turns) > 0 != (c.most > 0) {
			t.Errorf("%s: %+v", c.name, turns)
		}
	}
}

func TestHopIsBounded(t *testing.T) {
	for _, hop := range []time.Duration{-time.Hour, 1, time.Hour} {
		if tr := NewTracker(steps{}, tones{}, Options{Hop: hop}); tr.hop < leastHop || tr.hop > windowLen {
			t.Errorf("a hop of %v is %d samples", hop, tr.hop)
		}
	}
}
