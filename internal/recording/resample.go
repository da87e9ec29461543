package recording

import "math"

// The low-pass filter of the resampler: a sinc under a Kaiser window. With 32 zero crossings on each side and β = 8 the band
// above half the lower rate is damped by 80 dB, and what is below 84 % of it passes: 6.7 kHz of 8, above which speech has
// nothing that recognisers need (Kaiser's formulas; the test measures both).
const (
	crossings = 32
	beta      = 8.0
	cutoff    = 0.92 // of half the lower rate: the middle of the transition band
)

// resampler brings samples of any rate to 16 kHz. Its output is in time with its input: the first sample is the first.
type resampler struct {
	up, down int64       // the rates in lowest terms: up output samples stand for down input samples
	half     int64       // taps on each side of an output sample
	phases   [][]float32 // taps for places between two input samples, evenly spread, both ends included; nil: nothing to do

	in    []float32 // input that is still needed
	first int64     // position of in[0]; the input begins at 0, silence lies before it
	taken int64     // input samples so far
	out   []float32
}

// maxPlaces bounds the table of taps. Usual rates need up to 640 places (11.025 kHz: 640); an odd one, 16,000. Between two places of
// the table taps are interpolated, which errs by less than the filter.
const maxPlaces = 640

func newResampler(rate int) *resampler {
	divisor := gcd(int64(rate), Rate)
	r := &resampler{up: Rate / divisor, down: int64(rate) / divisor}
	if rate == Rate {
		return r
	}
	lower := min(1, float64(Rate)/float64(rate)) // half the lower rate, in halves of the input's
	r.half = int64(math.Ceil(crossings / lower))
	places := min(r.up, maxPlaces)
	r.phases = make([][]float32, places+1)
	for p := range r.phases {
		r.phases[p] = taps(float64(p)/float64(places), r.half, cutoff*lower)
	}
	r.in = make([]float32, r.half)
	r.first = -r.half
	return r
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// taps returns the weights of the 2·half input samples around an output sample that lies shift behind the one in the middle.
// band is the filter's cutoff, as a share of half the input's rate. They sum up to 1, so that silence under a constant stays one.
func taps(shift float64, half int64, band float64) []float32 {
	weights := make([]float64, 2*half)
	sum := 0.0
	for i := range weights {
		x := float64(int64(i)-half+1) - shift
		weights[i] = band * sinc(band*x) * kaiser(x/float64(half))
		sum += weights[i]
	}
	out := make([]float32, len(weights))
	for i, w := range weights {
		out[i] = float32(w / sum)
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x, which is 0 in its middle and ±1 at its ends.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind of order 0, by its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// push takes the next samples.
func (r *resampler) push(pcm []float32) {
	r.taken += int64(len(pcm))
	if r.phases == nil {
		r.out = append(r.out, pcm...)
		return
	}
	r.in = append(r.in, pcm...)
	r.produce(math.MaxInt64)
}

// produce makes output samples, at most as many as limit in all, while their input is there.
func (r *resampler) produce(limit int64) {
	for n := int64(len(r.out)); n < limit; n++ {
		at, phase := n*r.down/r.up, n*r.down%r.up
		from := at - r.half + 1 - r.first
		if from+2*r.half > int64(len(r.in)) {
			break
		}
		r.out = append(r.out, r.weigh(r.in[from:from+2*r.half], phase))
	}
	// The next output sample needs nothing before this.
	if done := int64(len(r.out))*r.down/r.up - r.half + 1 - r.first; done > 0 {
		n := copy(r.in, r.in[min(done, int64(len(r.in))):])
		r.first += int64(len(r.in) - n)
		r.in = r.in[:n]
	}
}

// weigh returns the output sample that lies phase/up behind the middle of in.
func (r *resampler) weigh(in []float32, phase int64) float32 {
	places := int64(len(r.phases)) - 1
	p, between := phase*places/r.up, phase*places%r.up
	v := dot(in, r.phases[p])
	if between != 0 {
		v += (dot(in, r.phases[p+1]) - v) * float32(between) / float32(r.up)
	}
	return v
}

// dot is the sum of the products, in four running sums: one would wait for itself.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// flush returns all samples: as many as last as long as the input. The filter may swing over full scale; that is cut off.
func (r *resampler) flush() []float32 {
	if r.phases != nil {
		r.in = append(r.in, make([]float32, 2*r.half)...)
		r.produce(r.taken * r.up / r.down)
		clean(r.out)
	}
	return r.out
}
