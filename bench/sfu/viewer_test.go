//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// reel makes the packets of frames of three packets each; the first is a key frame.
func reel(frames int) []*rtp.Packet {
	f := &filmer{film: camera, payload: noise(videoBytes)}
	var list []*rtp.Packet
	for i := range frames {
		f.picture++
		for part := range 3 {
			payload := append([]byte(nil), f.payload[:200]...)
			f.describe(payload, part == 0, i == 0)
			stamp(payload)
			f.seq++
			list = append(list, &rtp.Packet{Header: rtp.Header{PayloadType: 96, SequenceNumber: f.seq + 65530, Marker: part == 2}, Payload: payload})
		}
	}
	return list
}

func TestViewerSeesWhatIsMissing(t *testing.T) {
	swap := func(list []*rtp.Packet, i, j int) []*rtp.Packet {
		list[i], list[j] = list[j], list[i]
		return list
	}
	for name, c := range map[string]struct {
		packets           []*rtp.Packet
		lost, undecodable int
	}{
		"all":                        {reel(10), 0, 0},
		"reordered":                  {swap(reel(10), 7, 12), 0, 0},
		"repeated":                   {append(reel(10), reel(10)[20:]...), 0, 0},
		"a packet lost":              {append(reel(10)[:16], reel(10)[17:]...), 1, 5},
		"joined after the key frame": {reel(10)[3:], 0, 9},
	} {
		v := newViewer()
		v.open(true)
		for _, p := range c.packets {
			v.receive("0", p)
		}
		got := v.verdict()
		if got.Lost != c.lost || got.Undecodable != c.undecodable {
			t.Errorf("%s: %d lost and %d of %d frames undecodable, want %d and %d", name, got.Lost, got.Undecodable, got.Frames, c.lost, c.undecodable)
		}
		if len(got.Delays) != len(c.packets) || got.Delays[0] < 0 || got.Delays[0] > time.Minute {
			t.Errorf("%s: delays of %d packets", name, len(got.Delays))
		}
	}
}

func TestTallyCountsAcrossTheWrap(t *testing.T) {
	count := &tally{base: 65533, highest: 65533}
	for _, seq := range []uint16{65533, 65534, 0, 65535, 3} { // 1 and 2 are missing
		count.note(seq)
	}
	if count.received != 5 || count.lost() != 2 {
		t.Errorf("%d received, %d lost", count.received, count.lost())
	}
}

func TestGrowthIsFound(t *testing.T) {
	var flat, leak []sample
	for i := range soakSamples {
		flat = append(flat, sample{Goroutines: 700 + i%3*10, Heap: 40 + float64(i%2), RSS: 90})
		leak = append(leak, sample{Goroutines: 700 + i*60, Heap: 40, RSS: 90})
	}
	if err := grown(flat); err != nil {
		t.Error(err)
	}
	if grown(leak) == nil {
		t.Error("goroutines that are never stopped were not noticed")
	}
}
