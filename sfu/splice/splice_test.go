package splice

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"souffleur/sfu/vp8"
)

// script runs lines of the form
//
//	switch <source> <seq> <ts> <at ms> [picture tl0]   the first packet of a new source
//	packet <seq> <ts> <at ms> [picture tl0]            a packet of the present source
//	padding <seq>                                      a bandwidth probe of the present source
//
// with an optional "short" at the end for 7-bit picture IDs, and compares what comes out with the text after "=>": "seq
// ts", "seq ts m" with the marker, "seq ts picture tl0" for video, or "-".
func script(t *testing.T, s *Stream[string], text string) {
	t.Helper()
	start := time.Unix(1000, 0)
	for n, line := range strings.Split(strings.TrimSpace(text), "\n") {
		command, want, _ := strings.Cut(line, "=>")
		fields := strings.Fields(command)
		short := fields[len(fields)-1] == "short"
		if short {
			fields = fields[:len(fields)-1]
		}
		source := ""
		if fields[0] == "switch" {
			source = fields[1]
			fields = append(fields[:1], fields[2:]...)
		}
		in := In{Empty: fields[0] == "padding"}
		at := 0
		scan(t, fields[1:], &in, &at, !short)
		now := start.Add(time.Duration(at) * time.Millisecond)
		if source != "" {
			s.Switch(source, in, now)
		}
		out, ok := s.Next(in, now)
		if got := show(out, ok, in.VP8.HasPicture); got != strings.TrimSpace(want) {
			t.Fatalf("line %d: %s\ngot %s", n+1, strings.TrimSpace(line), got)
		}
	}
}

func scan(t *testing.T, fields []string, in *In, at *int, wide bool) {
	t.Helper()
	targets := []any{&in.Seq, &in.TS, at, &in.VP8.PictureID, &in.VP8.TL0}
	for i, f := range fields {
		if _, err := fmt.Sscan(f, targets[i]); err != nil {
			t.Fatal(err)
		}
	}
	if len(fields) == 5 {
		in.VP8 = vp8.Descriptor{HasPicture: true, HasTL0: true, Wide: wide, PictureID: in.VP8.PictureID, TL0: in.VP8.TL0}
	}
}

func show(out Out, ok, video bool) string {
	switch {
	case !ok:
		return "-"
	case video:
		return fmt.Sprint(out.Seq, out.TS, out.PictureID, out.TL0)
	case out.Marker:
		return fmt.Sprintf("%d %d m", out.Seq, out.TS)
	}
	return fmt.Sprint(out.Seq, out.TS)
}

func TestAudioGoesOnWithoutAGapAtASwitch(t *testing.T) {
	script(t, NewAudio[string](65534, 1000), `
		switch ada 10 500 0     => 65534 1000 m
		packet 11 1460 20       => 65535 1960
		switch ben 9000 77 120  => 0 6760 m
		packet 9001 1037 140    => 1 7720
		switch ada 40 9999 141  => 2 8680 m`)
}

func TestLatePacketsKeepTheirNumbers(t *testing.T) {
	script(t, NewAudio[string](100, 0), `
		switch ada 65534 0 0 => 100 0 m
		packet 1 2880 60     => 103 2880
		packet 0 1920 61     => 102 1920
		packet 65535 960 62  => 101 960
		packet 65533 0 63    => -
		switch ben 5 0 80    => 104 3840 m
		packet 4 0 81        => -
		packet 6 960 82      => 105 4800`)
}

func TestPaddingLeavesNoGap(t *testing.T) {
	script(t, NewAudio[string](0, 0), `
		switch ada 10 0 0  => 0 0 m
		padding 11         => -
		padding 12         => -
		packet 13 960 20   => 1 960
		packet 15 2880 40  => 3 2880
		padding 17         => -
		packet 18 4800 60  => 5 4800
		packet 16 3840 61  => 4 3840
		packet 14 1920 62  => 2 1920`)
}

func TestLatePaddingFillsTheGapItLeft(t *testing.T) {
	script(t, NewAudio[string](0, 0), `
		switch ada 10 0 0 => 0 0 m
		packet 12 960 20  => 2 960
		padding 11        => 1 0`)
}

func TestPictureNumbersGoOnRising(t *testing.T) {
	script(t, NewVideo[string](0, 0), `
		switch ada 10 0 0 32766 254       => 0 0 32766 254
		packet 11 3000 33 32767 255       => 1 3000 32767 255
		packet 12 6000 66 0 0             => 2 6000 0 0
		switch ben 500 90000 166 12345 7  => 3 15000 1 1
		packet 501 90000 166 12345 7      => 4 15000 1 1
		packet 503 96000 233 12347 9      => 6 21000 3 3
		packet 502 93000 234 12346 8      => 5 18000 2 2
		switch ada 20 0 300 100 100       => 7 27030 4 4`)
}

func TestFollowKeepsTheClock(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		what string
		same uint32 // the first packet's time on the old source's clock, which read 5000 at its last one
		want uint32 // after it
	}{
		{"a picture taken 33 ms later", 5000 + 3000, 3000},
		{"the same picture", 5000, 1},
		{"a picture taken before", 5000 - 3000, 1},
		{"a report that is seconds off", 5000 + 900_000, 9000},
		{"a report from nowhere", 1 << 31, 9000},
	} {
		s := NewVideo[string](0, 777)
		in := In{Seq: 9, TS: 5000, KeyFrame: true}
		s.Switch("low", in, at(0))
		first, _ := s.Next(in, at(0))
		in = In{Seq: 70, TS: 1_000_000, KeyFrame: true}
		s.Follow("high", in, c.same, at(100))
		second, ok := s.Next(in, at(100))
		if !ok || second.TS-first.TS != c.want || second.Seq != first.Seq+1 {
			t.Errorf("%s: follows %d ticks later, number %d after %d", c.what, second.TS-first.TS, second.Seq, first.Seq)
		}
	}
	s := NewVideo[string](0, 777)
	in := In{Seq: 9, TS: 5000, KeyFrame: true}
	s.Follow("high", in, 12345, at(0))
	if out, ok := s.Next(in, at(0)); !ok || out.TS != 777 {
		t.Errorf("a stream that begins with Follow sends %+v, %v", out, ok)
	}
}

func TestShortPictureNumbersAreUnwrapped(t *testing.T) {
	script(t, NewVideo[string](0, 0), `
		switch ada 1 0 0 126 0 short  => 0 0 126 0
		packet 2 3000 33 127 1 short  => 1 3000 127 1
		packet 4 9000 99 1 3 short    => 3 9000 129 3
		packet 5 12000 130 2 4 short  => 4 12000 130 4
		switch ben 9 0 163 9 9        => 5 15000 131 5`)
}

func TestNothingIsSentWithoutASource(t *testing.T) {
	s := NewAudio[string](0, 0)
	if _, ok := s.Next(In{Seq: 1}, time.Now()); ok {
		t.Error("a packet of nobody was mapped")
	}
	if _, ok := s.Origin(0); ok {
		t.Error("a packet that was never sent has an origin")
	}
}

func TestRepeatsEqualTheFirstSending(t *testing.T) {
	s := NewVideo[string](65500, 7)
	now := time.Unix(1000, 0)
	type sent struct {
		source string
		in     In
		out    Out
	}
	var log []sent
	send := func(source string, in In, first bool) {
		if first {
			s.Switch(source, in, now)
		}
		if out, ok := s.Next(in, now); ok {
			log = append(log, sent{source, in, out})
		}
		now = now.Add(10 * time.Millisecond)
	}
	for turn := range 8 {
		source := []string{"ada", "ben"}[turn%2]
		for i := range 40 {
			in := In{Seq: uint16(turn*1000 + i), TS: uint32(i * 900), Marker: i%2 == 1, Empty: i%13 == 5}
			in.VP8 = vp8.Descriptor{HasPicture: true, PictureID: uint16(100+i) & 0x7F, HasTL0: true, TL0: uint8(i)}
			send(source, in, i == 0)
		}
	}
	for i, l := range log[len(log)-200:] {
		o, ok := s.Origin(l.out.Seq)
		if !ok || o.Source != l.source || o.Seq != l.in.Seq || o.Map(l.in) != l.out {
			t.Fatalf("packet %d, sent as %+v, has origin %+v (%v) and would be repeated as %+v", i, l.out, o, ok, o.Map(l.in))
		}
	}
	s.Drop("ada")
	for _, l := range log[len(log)-200:] {
		if _, ok := s.Origin(l.out.Seq); ok != (l.source == "ben") {
			t.Fatalf("after ada ended, packet %d of %s has an origin: %v", l.out.Seq, l.source, ok)
		}
	}
}

func TestTimestampsOfReportsFollowTheSource(t *testing.T) {
	s := NewAudio[string](0, 1000)
	if _, ok := s.Timestamp("ada", 0); ok {
		t.Error("a stream that sent nothing has a time")
	}
	in := In{Seq: 1, TS: 5000}
	s.Switch("ada", in, time.Unix(1, 0))
	s.Next(in, time.Unix(1, 0))
	if ts, ok := s.Timestamp("ada", 5960); !ok || ts != 1960 {
		t.Errorf("a report for 5960 says %d, %v", ts, ok)
	}
	if _, ok := s.Timestamp("ben", 5960); ok {
		t.Error("somebody else's report was translated")
	}
}

// FuzzStream sends any packets and switches, and holds the stream to its promises: nothing panics, two different source
// packets never get one number, and a repeat equals the first sending.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 0, 0, 9, 9, 9})
	f.Add([]byte{0, 0xFF, 0xFF, 0, 1, 0, 0, 4, 2, 1, 0, 0, 1, 2, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := NewVideo[int](65000, 0)
		now := time.Unix(1000, 0)
		source := 0
		type key struct {
			source int
			seq    uint16
		}
		seen := map[key]bool{} // the ring lets no duplicate through
		sent := map[uint16]key{}
		for ; len(data) >= 4 && len(sent) < 500; data = data[4:] {
			in := In{Seq: uint16(data[1]) | uint16(data[2]&0x03)<<8, TS: uint32(data[3]) * 900, Empty: data[0]&2 != 0}
			in.VP8 = vp8.Descriptor{HasPicture: true, PictureID: uint16(data[3]), Wide: data[0]&4 != 0}
			if data[0]&1 == 0 && !in.Empty {
				source++
				if data[0]&8 != 0 {
					s.Follow(source, in, uint32(data[3])<<20, now)
				} else {
					s.Switch(source, in, now)
				}
			}
			k := key{source, in.Seq}
			if seen[k] {
				continue
			}
			seen[k] = true
			out, ok := s.Next(in, now)
			now = now.Add(time.Duration(data[3]) * time.Millisecond)
			if !ok {
				continue
			}
			if old, twice := sent[out.Seq]; twice {
				t.Fatalf("%+v and %+v were both sent as %d", old, k, out.Seq)
			}
			sent[out.Seq] = k
			if o, ok := s.Origin(out.Seq); ok && (o.Source != source || o.Seq != in.Seq || o.Map(in) != out) {
				t.Fatalf("%+v, sent as %+v, would be repeated from %+v as %+v", k, out, o, o.Map(in))
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	s := NewVideo[int](0, 0)
	now := time.Now()
	b.ReportAllocs()
	for i := range b.N {
		in := In{Seq: uint16(i), TS: uint32(i) * 900, VP8: vp8.Descriptor{HasPicture: true, Wide: true, PictureID: uint16(i) & 0x7FFF}}
		if i%1000 == 0 {
			s.Switch(i, in, now)
		}
		s.Next(in, now)
	}
}
