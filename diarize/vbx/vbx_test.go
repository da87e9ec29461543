package vbx

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"souffleur/diarize/cluster"
)

// fixture is testdata/ES2005a: see README.md there.
type fixture struct {
	Across, Priors, Evidence []float64
	Groups, Kept             []int
	Posteriors               [][]float64
	Spans                    [][2]int
	Published, Reference     [][3]int

	vectors [][]float32
}

func readFixture(t *testing.T) fixture {
	t.Helper()
	var f fixture
	b, err := os.ReadFile("testdata/ES2005a.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if b, err = os.ReadFile("testdata/ES2005a.vectors"); err != nil {
		t.Fatal(err)
	}
	for ; len(b) > 0; b = b[4+len(f.Across):] {
		scale := math.Float32frombits(binary.LittleEndian.Uint32(b))
		v := make([]float32, len(f.Across))
		for d := range v {
			v[d] = scale * float32(int8(b[4+d]))
		}
		f.vectors = append(f.vectors, v)
	}
	return f
}

func TestItIsThePublishedResultOfAMeeting(t *testing.T) {
	f := readFixture(t)
	r, err := Cluster(f.vectors, Model{f.Across, 1}, f.Groups, Options{Fa: 0.3, Fb: 17, Loop: 0.99, Smoothing: 7, Iterations: 20})
	if err != nil {
		t.Fatal(err)
	}
	for s, p := range r.Priors {
		i := slices.Index(f.Kept, s)
		if i < 0 && p == 0 {
			continue
		}
		if i < 0 || math.Abs(p-f.Priors[i]) > 1e-3 {
			t.Fatalf("speaker %d has a prior of %v; kept are %v with %v", s, p, f.Kept, f.Priors)
		}
		for at, row := range r.Posteriors {
			if math.Abs(float64(row[s])-f.Posteriors[at][i]/1e4) > 4e-3 { // that run went on for longer
				t.Fatalf("vector %d is of speaker %d by %v, not %v", at, s, row[s], f.Posteriors[at][i]/1e4)
			}
		}
	}
	for i, e := range r.Evidence {
		if math.Abs(e-f.Evidence[i]) > 0.1 || i > 0 && e < r.Evidence[i-1]-enough {
			t.Errorf("evidence %v, not %v", r.Evidence, f.Evidence)
		}
	}
	turns := turnsOf(f.Spans, r.Labels())
	if len(turns) != len(f.Published) {
		t.Fatalf("%d turns, %d published", len(turns), len(f.Published))
	}
	names := map[int]int{}
	for i, turn := range turns {
		want := f.Published[i]
		if name, known := names[turn[2]]; turn[0] != want[0] || turn[1] != want[1] || known && name != want[2] {
			t.Fatalf("turn %d is %v, published is %v", i, turn, want)
		}
		names[turn[2]] = want[2]
	}
	if der := forgiving(f.Reference, turns); math.Abs(der-7.06) > 0.005 {
		t.Errorf("DER %.3f, published is 7.06", der)
	}
}

// turnsOf makes turns, in ms, of labels of spans in 1/100 s: spans that touch are one turn if they are of one speaker, and the
// middle of what overlaps parts them if not.
func turnsOf(spans [][2]int, labels []int) [][3]int {
	var out [][3]int
	for i, s := range spans {
		from, to := 10*s[0], 10*s[1]
		if n := len(out) - 1; n >= 0 && out[n][1] >= from {
			if out[n][2] == labels[i] {
				out[n][1] = to
				continue
			}
			from = (out[n][1] + from) / 2
			out[n][1] = from
		}
		out = append(out, [3]int{from, to, labels[i]})
	}
	return out
}

// forgiving is the DER in per cent with a collar of 0.25 s on each side and without overlapped speech, as the published figure:
// counted by the millisecond.
func forgiving(reference, turns [][3]int) float64 {
	end := max(reference[len(reference)-1][1], turns[len(turns)-1][1]) + 1000
	who, said, speakers := make([]int, end), make([]int, end), make([]int, end)
	collar := make([]bool, end)
	for _, r := range reference {
		for at := r[0]; at < r[1]; at++ {
			who[at] = r[2] + 1
			speakers[at]++
		}
		for _, edge := range r[:2] {
			for at := max(0, edge-250); at < edge+250; at++ {
				collar[at] = true
			}
		}
	}
	for _, turn := range turns {
		for at := turn[0]; at < turn[1]; at++ {
			said[at] = turn[2] + 1
		}
	}
	total, wrong := 0, 0
	both := make([][]float64, slices.Max(who)+1)
	for i := range both {
		both[i] = make([]float64, slices.Max(said)+1)
	}
	for at := range who {
		switch {
		case collar[at] || speakers[at] > 1:
			continue
		case who[at] > 0 && said[at] > 0:
			both[who[at]][said[at]]++
			wrong++
		case who[at] > 0 || said[at] > 0:
			wrong++
		}
		total += speakers[at]
	}
	for i, j := range cluster.Assign(both) {
		if j >= 0 {
			wrong -= int(both[i][j])
		}
	}
	return 100 * float64(wrong) / float64(total)
}

// drawn are vectors of a model, in runs of ten.
func drawn(seed uint64, speakers, n, dim int, m Model) (vectors [][]float32, truth []int) {
	r := rand.New(rand.NewPCG(seed, 1))
	means := make([][]float64, speakers)
	for s := range means {
		for d := range dim {
			means[s] = append(means[s], math.Sqrt(m.Across[d])*r.NormFloat64())
		}
	}
	for t := range n {
		s := t / 10 % speakers
		v := make([]float32, dim)
		for d := range v {
			v[d] = float32((means[s][d] + r.NormFloat64()) / m.Scale)
		}
		vectors, truth = append(vectors, v), append(truth, s)
	}
	return vectors, truth
}

var usual = Options{Fa: 0.5, Fb: 1, Loop: 0.9, Smoothing: 7, Iterations: 20}

func flat(dim int, across, scale float64) Model {
	return Model{slices.Repeat([]float64{across}, dim), scale}
}

func TestGroupsThatAreOneBecomeOne(t *testing.T) {
	for speakers := 1; speakers <= 5; speakers++ {
		m := flat(16, 2, 0.25)
		vectors, truth := drawn(uint64(speakers), speakers, 400, 16, m)
		groups := make([]int, len(truth))
		for i, s := range truth {
			groups[i] = 3*s + i%3 // each speaker in three
		}
		r, err := Cluster(vectors, m, groups, usual)
		if err != nil {
			t.Fatal(err)
		}
		names, wrong, left := map[int]int{}, 0, 0
		for i, l := range r.Labels() {
			if _, known := names[l]; !known {
				names[l] = truth[i]
			}
			if names[l] != truth[i] {
				wrong++
			}
		}
		for _, p := range r.Priors {
			if p > 0 {
				left++
			}
		}
		if left != speakers || wrong > 4 {
			t.Errorf("%d speakers: %d left, %d vectors of another", speakers, left, wrong)
		}
	}
}

func TestInputThatIsWrongIsAnError(t *testing.T) {
	m := flat(2, 1, 1)
	v := [][]float32{{1, 0}, {0, 1}}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for what, r := range map[string]func() (Result, error){
		"not a number":     func() (Result, error) { return Cluster([][]float32{{1, nan}, {0, 1}}, m, []int{0, 1}, usual) },
		"infinite":         func() (Result, error) { return Cluster([][]float32{{1, inf}, {0, 1}}, m, []int{0, 1}, usual) },
		"huge":             func() (Result, error) { return Cluster([][]float32{{1, 1e30}, {0, 1}}, m, []int{0, 1}, usual) },
		"dimensions":       func() (Result, error) { return Cluster([][]float32{{1}, {0, 1}}, m, []int{0, 1}, usual) },
		"groups":           func() (Result, error) { return Cluster(v, m, []int{0}, usual) },
		"a group below 0":  func() (Result, error) { return Cluster(v, m, []int{0, -1}, usual) },
		"too many groups":  func() (Result, error) { return Cluster(v, m, []int{0, 1 << 40}, usual) },
		"a variance":       func() (Result, error) { return Cluster(v, Model{[]float64{1, -1}, 1}, []int{0, 1}, usual) },
		"a scale":          func() (Result, error) { return Cluster(v, Model{[]float64{1, 1}, math.NaN()}, []int{0, 1}, usual) },
		"no options":       func() (Result, error) { return Cluster(v, m, []int{0, 1}, Options{}) },
		"no way to change": func() (Result, error) { o := usual; o.Loop = 1; return Cluster(v, m, []int{0, 1}, o) },
	} {
		if _, err := r(); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLittleIsEnough(t *testing.T) {
	m := flat(3, 1, 1)
	for what, c := range map[string]struct {
		vectors [][]float32
		groups  []int
	}{
		"nothing":       {nil, nil},
		"one vector":    {[][]float32{{1, 2, 3}}, []int{0}},
		"one, numbered": {[][]float32{{1, 2, 3}}, []int{7}},
		"zeros":         {[][]float32{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, []int{0, 1, 2}},
		"alike":         {[][]float32{{1, 0, 0}, {1, 0, 0}, {1, 0, 0}}, []int{0, 1, 0}},
	} {
		r, err := Cluster(c.vectors, m, c.groups, usual)
		if err != nil || len(r.Posteriors) != len(c.vectors) {
			t.Errorf("%s: %v, %v", what, r, err)
		}
		sane(t, r)
	}
}

// sane fails where posteriors or priors are no probabilities.
func sane(t *testing.T, r Result) {
	t.Helper()
	for at, row := range append(r.Posteriors[:len(r.Posteriors):len(r.Posteriors)], single(r.Priors)) {
		sum := 0.0
		for _, p := range row {
			if !(p >= 0 && p <= 1.001) {
				t.Fatalf("a probability of %v", p)
			}
			sum += float64(p)
		}
		if len(row) > 0 && math.Abs(sum-1) > 1e-3 {
			t.Fatalf("row %d: probabilities of %v together", at, sum)
		}
	}
	for i, e := range r.Evidence {
		if e != e || i > 0 && e < r.Evidence[i-1]-1e-3*math.Abs(e) {
			t.Fatalf("evidence %v", r.Evidence)
		}
	}
}

func single(v []float64) []float32 {
	out := make([]float32, len(v))
	for i := range v {
		out[i] = float32(v[i])
	}
	return out
}

func FuzzCluster(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255, 254, 0, 0, 0, 9, 9, 9}, 1.0, 1.0, 0.3, 4.0, 0.8)
	f.Add([]byte{1, 255, 127, 0, 2, 255, 127, 0, 3, 255, 127, 0}, 1e6, 1e-3, 1.0, 1e-9, 0.999999999)
	f.Add(slices.Repeat([]byte{5, 1, 2, 200, 0, 200, 1, 2}, 40), 1e-9, 1e5, 1.0, 1e6, 0.0)
	f.Fuzz(func(t *testing.T, data []byte, across, scale, fa, fb, loop float64) {
		var vectors [][]float32
		var groups []int
		for ; len(data) >= 4; data = data[4:] {
			groups = append(groups, int(data[0]))
			v := make([]float32, 3)
			for d := range v {
				v[d] = float32(int8(data[1+d])) / 8
				if data[1+d] == 128 {
					v[d] = float32(math.NaN())
				}
			}
			vectors = append(vectors, v)
		}
		r, err := Cluster(vectors, flat(3, across, scale), groups, Options{fa, fb, loop, 7, 8})
		if err != nil && !errors.Is(err, ErrInput) {
			t.Fatal(err)
		}
		sane(t, r)
	})
}

// An hour is 7,200 vectors of 256 numbers.
func BenchmarkAnHour(b *testing.B) {
	m := flat(256, 1, 1)
	vectors, truth := drawn(1, 8, 7200, 256, m)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Cluster(vectors, m, truth, usual); err != nil {
			b.Fatal(err)
		}
	}
}
