package timeline_test

import (
	"bytes"
	"testing"

	"souffleur/internal/timeline"
)

func TestWellFormedPackets(t *testing.T) {
	frames := func(toc byte, more ...byte) []byte { return append([]byte{toc}, more...) }
	zeros := func(n int) []byte { return make([]byte, n) }
	for name, c := range map[string]struct {
		packet []byte
		want   bool
	}{
		"nothing":                         {nil, false},
		"one frame of nothing":            {frames(31 << 3), true},
		"one frame":                       {frames(31<<3, 1, 2, 3), true},
		"the longest frame":               {frames(31<<3, zeros(1275)...), true},
		"too long a frame":                {frames(31<<3, zeros(1276)...), false},
		"two equal frames":                {frames(31<<3|1, zeros(8)...), true},
		"two equal frames of odd length":  {frames(31<<3|1, zeros(9)...), false},
		"two frames":                      {frames(31<<3|2, 3, 1, 1, 1, 2, 2), true},
		"two frames, the first cut off":   {frames(31<<3|2, 7, 1, 1), false},
		"two frames, a length in two":     {append(frames(31<<3|2, 252, 1), zeros(256)...), true},
		"two frames, half a length":       {frames(31<<3|2, 252), false},
		"two frames without a length":     {frames(31<<3 | 2), false},
		"three equal frames":              {frames(31<<3|3, 3, 1, 2, 3), true},
		"three frames that cannot be":     {frames(31<<3|3, 3, 1, 2), false},
		"no frames":                       {frames(31<<3|3, 0), false},
		"three frames of their own":       {frames(31<<3|3, 0x80|3, 1, 2, 9, 8, 8, 7), true},
		"three frames, one cut off":       {frames(31<<3|3, 0x80|3, 1, 9, 9), false},
		"padding":                         {frames(31<<3|3, 0x40|2, 2, 5, 6, 0, 0), true},
		"more padding than packet":        {frames(31<<3|3, 0x40|2, 9, 5, 6), false},
		"padding of many bytes":           {append(frames(31<<3|3, 0x40|1, 255, 3, 5), zeros(257)...), true},
		"padding of many bytes, cut off":  {append(frames(31<<3|3, 0x40|1, 255, 3), zeros(256)...), false},
		"padding whose length is cut off": {frames(31<<3|3, 0x40|1, 255), false},
	} {
		if got := timeline.WellFormed(c.packet); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, p := range speech(t) {
		if !timeline.WellFormed(p.Opus) {
			t.Fatal("a packet of a recording is refused")
		}
	}
	if !timeline.WellFormed(together(speech(t)[:6]).Opus) {
		t.Error("frames packed together are refused")
	}
}

func FuzzWellFormed(f *testing.F) {
	f.Add(speech(f)[60].Opus)
	f.Add([]byte{0xff, 0xc3, 255, 255, 1})
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		ok := timeline.WellFormed(packet)
		if n, err := timeline.Samples(packet); ok && (err != nil || n == 0) {
			t.Fatal("a packet without length")
		}
		if !bytes.Equal(before, packet) {
			t.Fatal("the packet was changed")
		}
	})
}
