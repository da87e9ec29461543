package timeline_test

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"souffleur/internal/ogg"
	"souffleur/internal/timeline"
)

// speech returns the packets of a recording as a sender would number them, 20 ms each.
func speech(t testing.TB) []timeline.Packet {
	t.Helper()
	file, err := os.ReadFile("../../testdata/speech/jfk-2.ogg")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ogg.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var all []timeline.Packet
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		n := uint64(len(all))
		all = append(all, timeline.Packet{Seq: n, RTP: n * 960, Opus: bytes.Clone(p.Opus)})
	}
}

// play appends packets and lays their samples on one line from 0.
func play(line *timeline.Timeline, packets []timeline.Packet) []float32 {
	var pcm []float32
	for _, p := range packets {
		c := line.Append(p)
		for int64(len(pcm)) < c.Start {
			pcm = append(pcm, 0)
		}
		pcm = append(pcm, c.PCM...)
	}
	return pcm
}

func rms(pcm []float32) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

func TestWholeStream(t *testing.T) {
	packets := speech(t)
	line := timeline.New()
	pcm := play(line, packets)
	if len(pcm) != len(packets)*320 {
		t.Errorf("%d packets of 20 ms gave %d samples", len(packets), len(pcm))
	}
	if c := line.Counts(); c.Decoded != len(packets) || c.Damaged+c.Late+c.Silent+c.Filled != 0 {
		t.Errorf("counts %+v", c)
	}
}

func TestLossIsSilenceOfTheRightLength(t *testing.T) {
	packets := speech(t)
	line := timeline.New()
	pcm := play(line, append(packets[:60:60], packets[80:]...))
	if len(pcm) != len(packets)*320 {
		t.Errorf("got %d samples, want the length without loss, %d", len(pcm), len(packets)*320)
	}
	if rms(pcm[60*320:80*320]) != 0 || line.Counts().Filled != 20*320 {
		t.Error("lost packets must be silence")
	}
	whole := play(timeline.New(), packets)
	if a, b := rms(whole[100*320:]), rms(pcm[100*320:]); math.Abs(a-b) > 0.05*a {
		t.Errorf("after the loss rms is %.4f, without loss %.4f", b, a)
	}
}

func TestTinyPacketsAreSilence(t *testing.T) {
	packets := speech(t)[60:100]
	for i := 20; i < 40; i++ {
		packets[i].Opus = packets[i].Opus[:1]
	}
	line := timeline.New()
	start := int64(packets[20].RTP / 3)
	for i, p := range packets {
		c := line.Append(p)
		if len(c.PCM) != 320 {
			t.Fatalf("packet %d gave %d samples", i, len(c.PCM))
		}
		if c.Start >= start && rms(c.PCM) != 0 {
			t.Fatalf("packet %d is not silent", i)
		}
	}
	if c := line.Counts(); c.Silent != 20 {
		t.Errorf("counts %+v", c)
	}
}

func TestLongGapIsAJump(t *testing.T) {
	packets := speech(t)[:4]
	line := timeline.New()
	line.Append(packets[0])
	packets[1].RTP = 960 + 48000 - 3
	if c := line.Append(packets[1]); c.Jump || len(c.PCM) != 16000-1+320 {
		t.Errorf("just under a second: jump %v, %d samples", c.Jump, len(c.PCM))
	}
	at := packets[1].RTP + 960 + 48000
	if line.LongGapAt(at-3) || !line.LongGapAt(at) {
		t.Error("a keep-alive shows the long gap from one second on")
	}
	packets[2].RTP = at
	if c := line.Append(packets[2]); !c.Jump || len(c.PCM) != 320 || c.Start != int64(at/3) {
		t.Errorf("a second without packets: jump %v, %d samples from %d", c.Jump, len(c.PCM), c.Start)
	}
}

func TestLatePacketsDoNotMoveTimeBack(t *testing.T) {
	packets := speech(t)[:10]
	line := timeline.New()
	play(line, packets)
	if c := line.Append(packets[3]); len(c.PCM) != 0 || line.Counts().Late != 1 {
		t.Errorf("a late packet gave %d samples", len(c.PCM))
	}
	packets[9].RTP += 480
	if c := line.Append(packets[9]); len(c.PCM) != 160 || c.Start != 3200 {
		t.Errorf("a packet that half overlaps gave %d samples from %d", len(c.PCM), c.Start)
	}
}

func TestRestartSoundsLikeANewTimeline(t *testing.T) {
	packets := speech(t)
	line := timeline.New()
	play(line, packets[:70])
	line.Restart()
	fresh := timeline.New()
	for _, p := range packets[50:90] {
		a, b := line.Append(p), fresh.Append(p)
		if a.Start != b.Start || a.Jump || !equal(a.PCM, b.PCM) {
			t.Fatalf("packet %d differs after a restart", p.Seq)
		}
	}
}

func equal(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestDamagedPacketsCostOnlyThemselves(t *testing.T) {
	packets := speech(t)
	random := rand.New(rand.NewPCG(1, 2))
	broken := make([]timeline.Packet, len(packets))
	for i, p := range packets {
		broken[i] = timeline.Packet{Seq: p.Seq, RTP: p.RTP, Opus: bytes.Clone(p.Opus)}
		if i < 80 && random.IntN(2) == 0 {
			for j := 1; j < len(p.Opus); j++ {
				broken[i].Opus[j] = byte(random.Uint32())
			}
		}
	}
	whole, got := play(timeline.New(), packets), play(timeline.New(), broken)
	if len(whole) != len(got) {
		t.Fatalf("got %d samples, want %d", len(got), len(whole))
	}
	if a, b := rms(whole[90*320:]), rms(got[90*320:]); math.Abs(a-b) > 0.05*a {
		t.Errorf("200 ms after the damage rms is %.4f, without damage %.4f", b, a)
	}
}

func TestDurationOfPackets(t *testing.T) {
	for _, c := range []struct {
		toc  []byte
		want int
	}{
		{nil, 0},
		{[]byte{0 << 3}, 480},
		{[]byte{3 << 3}, 2880},
		{[]byte{3<<3 | 1}, 5760},
		{[]byte{13<<3 | 2}, 1920},
		{[]byte{16 << 3}, 120},
		{[]byte{31 << 3}, 960},
		{[]byte{31<<3 | 3, 6}, 5760},
		{[]byte{31<<3 | 3, 7}, 0},
		{[]byte{31<<3 | 3, 0}, 0},
		{[]byte{31<<3 | 3}, 0},
	} {
		got, err := timeline.Samples(c.toc)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%x: %d samples, %v; want %d", c.toc, got, err, c.want)
		}
	}
}

func FuzzTimeline(f *testing.F) {
	p := speech(f)
	f.Add(p[60].Opus, p[61].Opus, uint64(0), uint64(960), uint64(1920))
	f.Add([]byte{0xff, 1}, []byte{}, uint64(1<<63), uint64(0), uint64(1<<40))
	f.Fuzz(func(t *testing.T, a, b []byte, r1, r2, r3 uint64) {
		line := timeline.New()
		end := int64(0)
		for i, p := range []timeline.Packet{{RTP: r1, Opus: a}, {RTP: r2, Opus: b}, {RTP: r3, Opus: a}} {
			c := line.Append(p)
			if len(c.PCM) > timeline.LongGap+1920 || len(c.PCM) > 0 && i > 0 && c.Start < end {
				t.Fatalf("%d samples from %d after %d", len(c.PCM), c.Start, end)
			}
			end = max(end, c.End())
			for _, s := range c.PCM {
				if !(s >= -1 && s <= 1) {
					t.Fatalf("sample %v", s)
				}
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	packets := speech(b)
	line := timeline.New()
	b.ReportAllocs()
	for i := range b.N {
		p := packets[i%len(packets)]
		p.RTP = uint64(i) * 960
		line.Append(p)
	}
}

// together packs frames of one encoder into a packet of code 3 with lengths (RFC 6716 §3.2.5).
func together(packets []timeline.Packet) timeline.Packet {
	joined := packets[0]
	joined.Opus = []byte{packets[0].Opus[0] | 3, 0x80 | byte(len(packets))}
	var frames []byte
	for i, p := range packets {
		frame := p.Opus[1:]
		if i < len(packets)-1 {
			if n := len(frame); n < 252 {
				joined.Opus = append(joined.Opus, byte(n))
			} else {
				joined.Opus = append(joined.Opus, byte(252+n%4), byte((n-252-n%4)/4))
			}
		}
		frames = append(frames, frame...)
	}
	joined.Opus = append(joined.Opus, frames...)
	return joined
}

func TestPacketsOf120MillisecondsSoundTheSame(t *testing.T) {
	packets := speech(t)
	packets = packets[:len(packets)/6*6]
	want := play(timeline.New(), packets)
	var long []timeline.Packet
	for i := 0; i < len(packets); i += 6 {
		long = append(long, together(packets[i:i+6]))
	}
	line := timeline.New()
	got := play(line, long)
	if len(got) != len(want) || line.Counts().Damaged != 0 {
		t.Fatalf("%d samples, want %d; counts %+v", len(got), len(want), line.Counts())
	}
	difference := make([]float32, len(want))
	for i := range want {
		difference[i] = got[i] - want[i]
	}
	if rms(difference) > 0.01*rms(want) {
		t.Errorf("they differ by %.4f of %.4f", rms(difference), rms(want))
	}
}

func TestADriftingClockKeepsTheSpeech(t *testing.T) {
	packets := speech(t)
	want := rms(play(timeline.New(), packets))
	for _, drift := range []float64{-0.005, 0.005} {
		var drifted []timeline.Packet
		for _, p := range packets {
			p.RTP = uint64(float64(p.RTP) * (1 + drift))
			drifted = append(drifted, p)
		}
		line := timeline.New()
		pcm := play(line, drifted)
		clock := int(float64(len(packets)*320) * (1 + drift))
		if d := len(pcm) - clock; d < -320 || d > 320 {
			t.Errorf("drift %v: %d samples, the sender's clock says %d", drift, len(pcm), clock)
		}
		if got := rms(pcm); got < 0.97*want || line.Counts().Late > 0 {
			t.Errorf("drift %v: loudness %.4f, was %.4f; counts %+v", drift, got, want, line.Counts())
		}
	}
}
