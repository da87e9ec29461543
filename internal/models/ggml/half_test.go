package ggml

import (
	"math"
	"testing"
)

func TestEveryHalfPrecisionNumberSurvivesTheWayThere(t *testing.T) {
	for h := range 1 << 16 {
		f := halfTo(uint16(h))
		if math.IsNaN(float64(f)) {
			if back := halfTo(halfFrom(f)); !math.IsNaN(float64(back)) {
				t.Fatalf("%#04x is not a number, came back as %v", h, back)
			}
			continue
		}
		if back := halfFrom(f); back != uint16(h) {
			t.Fatalf("%#04x is %v, came back as %#04x", h, f, back)
		}
	}
}

func TestHalfPrecisionRoundsToNearestEven(t *testing.T) {
	for _, c := range []struct {
		f    float32
		want uint16
	}{
		{1, 0x3c00},
		{-2, 0xc000},
		{65504, 0x7bff},               // the largest
		{65519.996, 0x7bff},           // still nearer to it
		{65520, 0x7c00},               // a tie goes to even, which is infinite
		{1 + 1.0/2048, 0x3c00},        // a tie goes down to even
		{1 + 3.0/2048, 0x3c02},        // a tie goes up to even
		{1 + 1.0/2048 + 1e-6, 0x3c01}, // more than half goes up
		{2047.0 / 2048, 0x3bff},       // exact
		{4095.0 / 4096, 0x3c00},       // the carry raises the exponent
		{1.0 / (1 << 24), 0x0001},     // the least subnormal
		{1.0 / (1 << 25), 0x0000},     // half of it: a tie, to even
		{1.5 / (1 << 25), 0x0001},
		{1.0 / (1 << 26), 0x0000},
		{1023.75 / (1 << 24), 0x0400}, // the largest subnormal rounds up to a normal number
		{float32(math.Inf(-1)), 0xfc00},
	} {
		if got := halfFrom(c.f); got != c.want {
			t.Errorf("%v became %#04x, want %#04x", c.f, got, c.want)
		}
	}
}
