package layers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"souffleur/sfu/rate"
)

// want reads a picture as "<who> <tile height> [now=q|h|f] [live=qhf] [<rate of its only layer, kb/s>]". A name of "screen" is
// a screen. Cameras have the layers q, h, f of 150, 500 and 1700 kb/s, all live if not said otherwise.
func want(t *testing.T, text string) Want {
	t.Helper()
	w := Want{Current: -1}
	fields := strings.Fields(text)
	w.Screen = fields[0] == "screen"
	fmt.Sscan(fields[1], &w.HeightPx)
	w.Layers = []Layer{{180, 150 * rate.Kbps, true}, {360, 500 * rate.Kbps, true}, {720, 1700 * rate.Kbps, true}}
	for _, f := range fields[2:] {
		switch key, value, _ := strings.Cut(f, "="); key {
		case "now":
			w.Current = strings.Index("qhf", value)
		case "live":
			for i := range w.Layers {
				w.Layers[i].Live = strings.Contains(value, "qhf"[i:i+1])
			}
		default:
			var kbps rate.Bitrate
			fmt.Sscan(key, &kbps)
			w.Layers = []Layer{{1080, kbps * rate.Kbps, true}}
		}
	}
	return w
}

// told writes choices as "q - bandwidth -": the layer, or why there is none; "h(f)" where another is asked for.
func told(choices []Choice) string {
	name := func(layer int) string {
		if layer < 0 {
			return "-"
		}
		return "qhf"[layer : layer+1]
	}
	var words []string
	for _, c := range choices {
		word := name(c.Layer)
		if c.Paused != "" {
			word = c.Paused
		}
		if c.Ask != c.Layer {
			word += "(" + name(c.Ask) + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestWhoGetsWhat(t *testing.T) {
	const ample = 100000
	for _, c := range []struct {
		what  string
		kbps  rate.Bitrate
		shed  Shed
		wants string
		told  string
	}{
		{"a large tile and two thumbnails on a good network", ample, 0, "Ada 720, Ben 180, Cy 180", "f q q"},
		{"a tile is not sent more than it shows", ample, 0, "Ada 180, Ben 360, Cy 1080, Dan 40", "q h f q"},
		{"a layer that is nearly as tall as the tile will do", ample, 0, "Ada 220, Ben 230, Cy 450, Dan 460", "q h h f"},
		{"the lowest of all come before the best of the first", 800, 0, "Ada 720, Ben 180, Cy 180", "q q q"},
		{"what is left raises the first", 1000, 0, "Ada 720, Ben 180, Cy 180", "h q q"},
		{"then the second", 1500, 0, "Ada 360, Ben 360, Cy 360", "h h q"},
		{"what does not fit pauses, the last first", 400, 0, "Ada 180, Ben 180, Cy 180", "q q bandwidth"},
		{"nothing fits", 100, 0, "Ada 180, Ben 180", "bandwidth bandwidth"},
		{"nobody is there", 100, 0, "", ""},

		{"the screen comes first, whatever the order", 2200, 0, "Ada 720, screen 1080 2000", "bandwidth q"},
		{"a screen that takes everything is all that is sent", 1500, 0, "screen 1080 2000, Ada 720, Ben 180", "q bandwidth bandwidth"},
		{"a screen far beyond the network pauses, and cameras use it", 1000, 0, "screen 1080 2000, Ada 180", "bandwidth q"},
		{"a screen that flows already may take more", 1000, 0, "screen 1080 2000 now=q, Ada 180", "q bandwidth"},
		{"of two screens only the first may take more than there is", 1500, 0, "screen 1080 2000, screen 1080 1000", "q bandwidth"},

		{"who flows keeps flowing though the margin is gone", 310, 0, "Ada 180 now=q, Ben 180 now=q", "q q"},
		{"who does not needs the margin", 310, 0, "Ada 180 now=q, Ben 180", "q bandwidth"},
		{"a higher layer needs the margin", 510, 0, "Ada 360 now=q", "q"},
		{"it keeps it without", 510, 0, "Ada 360 now=h", "h"},
		{"a lower one is taken at once", 490, 0, "Ada 360 now=h", "q"},
		{"who moves to the front takes what another gives up", 310, 0, "Cy 180, Ada 180 now=q, Ben 180 now=q", "q q bandwidth"},

		{"until the layer that he should get is live, the next one up is sent", ample, 0, "Ada 180 live=hf, Ben 360 live=qf", "h(q) f(h)"},
		{"or any lower one", ample, 0, "Ada 720 live=q, Ben 720 live=qh, Cy 360 live=q", "q(f) h(f) q(h)"},
		{"or any lower one where the next one up does not fit", 1500, 0, "Ada 360 live=qf", "q(h)"},
		{"nothing is live", ample, 0, "Ada 720 live=", "-(f)"},
		{"a layer is kept room for that was asked for", 1200, 0, "Ada 360 live=q, Ben 360 live=qh, Cy 180", "q(h) q q"},
		{"where only more than fits is live, less is asked for", 400, 0, "Ada 180 live=f, Ben 180 live=h", "bandwidth(q) bandwidth(q)"},
		{"nothing is asked for that would not fit", 100, 0, "Ada 180 live=, Ben 180 live=", "bandwidth bandwidth"},
		{"a camera without layers of its own does not pause thumbnails", 500, 0, "Ada 180 1700, Ben 180, Cy 180", "bandwidth q q"},
		{"but no equal of it flows behind it", 1700, 0, "Ada 180 1700, Ben 180 1000, Cy 180", "bandwidth bandwidth q"},

		{"a server short of something sends no thumbnails", ample, ShedThumbnails, "screen 1080 2000, Ada 720, Ben 180", "q f overload"},
		{"then no cameras", ample, ShedCameras, "screen 1080 2000, Ada 720, Ben 180", "q overload overload"},
		{"what it does not send leaves room", 2000, ShedThumbnails, "Ada 720, Ben 180", "f overload"},
	} {
		var wants []Want
		for _, text := range strings.Split(c.wants, ", ") {
			if text != "" {
				wants = append(wants, want(t, text))
			}
		}
		if got := told(Allocate(wants, c.kbps*rate.Kbps, c.shed)); got != c.told {
			t.Errorf("%s: %s with %d kb/s gives %q, not %q", c.what, c.wants, c.kbps, got, c.told)
		}
	}
}

// anything makes wants of all kinds.
func anything(random *rand.Rand) ([]Want, rate.Bitrate) {
	wants := make([]Want, random.IntN(14))
	for i := range wants {
		w := &wants[i]
		*w = Want{ID: i, Screen: random.IntN(8) == 0, HeightPx: random.IntN(1200), Current: random.IntN(5) - 1}
		height, bitrate := 90+random.IntN(200), rate.Bitrate(20000+random.IntN(300000))
		for range random.IntN(4) {
			w.Layers = append(w.Layers, Layer{height, bitrate, random.IntN(4) > 0})
			height, bitrate = 2*height, bitrate*rate.Bitrate(2+random.IntN(3))
		}
	}
	return wants, rate.Bitrate(random.IntN(1 << (10 + random.IntN(14))))
}

func spent(wants []Want, choices []Choice) (sum rate.Bitrate) {
	for i, c := range choices {
		if c.Layer >= 0 {
			sum += wants[i].Layers[c.Layer].Bitrate
		}
	}
	return sum
}

func TestHoldsForAnything(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range tries(20_000) {
		wants, budget := anything(random)
		shed := Shed(random.IntN(3))
		choices := Allocate(wants, budget, shed)
		if problem := check(wants, choices, budget, shed); problem != "" {
			t.Fatalf("%s: %+v with %d gives %+v", problem, wants, budget, choices)
		}
	}
}

func check(wants []Want, choices []Choice, budget rate.Bitrate, shed Shed) string {
	if len(choices) != len(wants) {
		return "somebody is forgotten"
	}
	if sum := spent(wants, choices); sum > budget && !aloneScreen(wants, choices, budget) {
		return fmt.Sprintf("%d is spent", sum)
	}
	for i, c := range choices {
		w := &wants[i]
		switch {
		case c.Layer >= 0 && (c.Layer >= len(w.Layers) || !w.Layers[c.Layer].Live):
			return "a layer is sent that does not arrive"
		case c.Layer >= 0 && c.Paused != "":
			return "a picture is sent and paused"
		case c.Ask >= len(w.Layers) || c.Layer >= 0 && c.Ask < 0:
			return "the wrong layer is asked for"
		case c.Layer > w.best() && w.Layers[w.best()].Live:
			return "a tile gets more than it shows"
		case !w.Screen && shed == ShedCameras && c.Layer >= 0:
			return "a camera is not shed"
		}
		for j := range i {
			a, b := &wants[j], choices[j]
			if b.Paused == PausedBandwidth && b.Ask < 0 && a.Screen == w.Screen && c.Layer >= 0 && w.Layers[c.Layer].HeightPx >= a.Layers[max(a.lowest(), 0)].HeightPx && c.Layer == w.lowest() {
				return fmt.Sprintf("%d pauses while %d behind it gets as much", j, i)
			}
		}
	}
	return ""
}

// aloneScreen says whether one screen takes more than there is, as it may.
func aloneScreen(wants []Want, choices []Choice, budget rate.Bitrate) bool {
	sent := 0
	screen := false
	for i, c := range choices {
		if c.Layer >= 0 && wants[i].Layers[c.Layer].Bitrate > 0 {
			sent++
			screen = wants[i].Screen
		}
	}
	return sent == 1 && screen && spent(wants, choices) <= 2*budget
}

// settle feeds choices back until they stay, and says how often that took.
func settle(wants []Want, budget rate.Bitrate) ([]Choice, int) {
	var choices []Choice
	for n := range 20 {
		next := Allocate(wants, budget, ShedNothing)
		if n > 0 && slices.Equal(next, choices) {
			return next, n
		}
		choices = next
		for i := range wants {
			wants[i].Current = choices[i].Layer
		}
	}
	return choices, 20
}

func TestSettlesAndStays(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range tries(20_000) {
		wants, budget := anything(random)
		if _, rounds := settle(wants, budget); rounds > 6 {
			t.Fatalf("it took %d rounds: %+v with %d", rounds, wants, budget)
		}
		for i := range wants { // what is asked for arrives
			for j := range wants[i].Layers {
				wants[i].Layers[j].Live = true
			}
		}
		// A budget that trembles by a tenth may change something once, when somebody important takes what others had.
		settle(wants, budget+budget/10)
		settle(wants, budget)
		up, _ := settle(wants, budget+budget/10)
		if down, _ := settle(wants, budget); !slices.Equal(up, down) && !aloneScreen(wants, down, budget) {
			t.Fatalf("a budget that trembles by a tenth makes pictures flap: %+v with %d: %+v, %+v", wants, budget, up, down)
		}
	}
}

func BenchmarkAllocate(b *testing.B) {
	readers := make([][]Want, 150)
	for i := range readers {
		for j := range 12 {
			height := 180
			if j == 0 {
				height = 720
			}
			readers[i] = append(readers[i], Want{ID: j, HeightPx: height, Current: 0, Layers: []Layer{
				{180, 150 * rate.Kbps, true}, {360, 500 * rate.Kbps, true}, {720, 1700 * rate.Kbps, i%2 == 0}}})
		}
	}
	choices := make([]Choice, 0, 12)
	b.ReportAllocs()
	for b.Loop() {
		for i, wants := range readers {
			choices = AppendAllocation(choices[:0], wants, rate.Bitrate(i)*30*rate.Kbps, ShedNothing)
		}
	}
}

// tries is how many random cases are played: fewer in the quick tests.
func tries(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}
