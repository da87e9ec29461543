package main

import "math"

// edge is the frequency, in Hz, below which there is rumble, and next to no speech.
const edge = 200

// Coefficients of a Butterworth high-pass of second order, by the bilinear transform: 3 dB less at the edge, 12 more half as high.
var through, again1, again2 = coefficients()

func coefficients() (gain, a1, a2 float64) {
	k := math.Tan(math.Pi * edge / rate)
	n := 1 / (1 + math.Sqrt2*k + k*k)
	return n, 2 * (k*k - 1) * n, (1 - math.Sqrt2*k + k*k) * n
}

// highPass takes rumble off one stream. The zero value has heard silence.
type highPass struct{ z1, z2 float64 }

func (h *highPass) next(sample float32) float32 {
	in := float64(sample)
	out := through*in + h.z1
	h.z1 = -2*through*in - again1*out + h.z2
	h.z2 = through*in - again2*out
	return float32(out)
}
