package tape

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"souffleur/internal/ogg"
	"souffleur/internal/timeline"
)

const serial = 0x5afe

// speech returns the packets of a recording, as a browser would number them from pos on.
func speech(t testing.TB, pos int64) []Packet {
	t.Helper()
	file, err := os.ReadFile("../../testdata/speech/jfk-1.ogg")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ogg.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var all []Packet
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Packet{Epoch: uint64(pos / 48), Seq: uint64(len(all)), Pos: pos, Opus: bytes.Clone(p.Opus)})
		pos += int64(p.Samples)
	}
}

// piece is what Write returned.
type piece struct {
	head  Head
	pages []byte
}

func write(packets ...[]Packet) []piece {
	var all []piece
	var head Head
	for _, p := range packets {
		var pages []byte
		head, pages = Write(serial, head, p)
		if len(pages) > 0 {
			all = append(all, piece{head, pages})
		}
	}
	return all
}

// play puts a stream together, and compares what each head says with what is there.
func play(t testing.TB, pieces []piece) []byte {
	t.Helper()
	stream := Headers(serial)
	for i, p := range pieces {
		if int64(len(stream)) != p.head.Offset {
			t.Fatalf("piece %d begins at %d, its head says %d", i, len(stream), p.head.Offset)
		}
		silence := p.head.SilenceFrom(serial, 0)
		for int64(len(silence)) < p.head.Silence() {
			silence = append(silence, p.head.SilenceFrom(serial, int64(len(silence)))...)
		}
		if int64(len(silence)) != p.head.Silence() {
			t.Fatalf("piece %d: %d bytes of silence, its head says %d", i, len(silence), p.head.Silence())
		}
		stream = append(append(stream, silence...), p.pages...)
		if int64(len(stream)) != p.head.Size() {
			t.Fatalf("piece %d ends at %d, its head says %d", i, len(stream), p.head.Size())
		}
	}
	last := pieces[len(pieces)-1]
	ogg.MarkLast(stream[len(stream)-len(last.pages)+int(last.head.Last):])
	return stream
}

func decode(t testing.TB, stream []byte) []float32 {
	t.Helper()
	pcm, err := ogg.Decode(bytes.NewReader(stream), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// want is what recognisers hear of packets: each at its place, silence between.
func want(packets []Packet) []float32 {
	var pcm []float32
	line := timeline.New()
	for _, p := range packets {
		c := line.Append(timeline.Packet{RTP: uint64(p.Pos), Opus: p.Opus})
		for int64(len(pcm)) < c.Start {
			pcm = append(pcm, 0)
		}
		pcm = append(pcm, c.PCM...)
	}
	return pcm
}

// compare fails unless got is the sound of want: every half second of speech within a unit of its place, and the same.
func compare(t testing.TB, got, want []float32) {
	t.Helper()
	const window, shift = 8_000, unit / 3
	if d := len(got) - len(want); d < -shift || d > shift {
		t.Errorf("%d samples, want %d", len(got), len(want))
	}
	compared := 0
	for at := shift; at+window+shift < min(len(got), len(want)); at += window {
		if energy(want[at:at+window]) < 1e-5 {
			continue
		}
		best := 0.0
		for s := -shift; s <= shift && best < 0.99; s++ {
			best = max(best, likeness(got, want, at, at+window, s))
		}
		if best < 0.9 { // what was lost at a piece's edge is silent, elsewhere made up
			t.Errorf("at %d ms it is like what was said by %.3f", at/16, best)
		}
		compared++
	}
	if compared < 4 {
		t.Errorf("only %d half seconds could be compared", compared)
	}
}

func TestATapePlaysWhatWasSaidWhenItWasSaid(t *testing.T) {
	said := speech(t, 7_003*48) // joined after seven seconds
	n := len(said)
	second := speech(t, 20_001*48+31) // unmuted seconds later, at no round place
	all := append(append([]Packet{}, said...), second...)
	whole := play(t, write(all))
	pieces := play(t, write(said[:n/3], said[n/3:n/2], said[n/2:], second[:1], second[1:]))
	for name, stream := range map[string][]byte{"one piece": whole, "five pieces": pieces} {
		compare(t, decode(t, stream), want(all))
		checkPages(t, name, stream)
	}
}

// checkPages reads the stream page by page: numbers without gap, positions that agree with the packets.
func checkPages(t *testing.T, name string, stream []byte) {
	t.Helper()
	r, err := ogg.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(name, err)
	}
	var end int64
	for {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(name, err)
		}
		if !timeline.WellFormed(p.Opus) {
			t.Fatalf("%s: a packet at %d that no decoder takes", name, p.Pos)
		}
		if p.Discard != 0 {
			t.Errorf("%s: the last page says that the stream ends %d samples early", name, p.Discard)
		}
		end = p.Pos + int64(p.Samples)
	}
	for at, seq := 0, uint32(0); at < len(stream); seq++ {
		head := stream[at:]
		size := 27 + int(head[26])
		for _, l := range head[27:size] {
			size += int(l)
		}
		if got := uint32(head[18]) | uint32(head[19])<<8 | uint32(head[20])<<16; got != seq&0xffffff {
			t.Fatalf("%s: page %d is numbered %d", name, seq, got)
		}
		at += size
		granule := int64(0)
		for i := range 8 {
			granule |= int64(head[6+i]) << (8 * i)
		}
		if at == len(stream) && (granule != end+preSkip || head[5]&4 == 0) {
			t.Errorf("%s: the last page ends at %d (flags %d), the packets at %d", name, granule, head[5], end)
		}
	}
}

func TestLossesKeepTime(t *testing.T) {
	said := speech(t, 0)
	for name, lost := range map[string]func(i int) bool{
		"a packet now and then": func(i int) bool { return i%37 == 5 },
		"four in a row":         func(i int) bool { return i%100 >= 50 && i%100 < 54 },
		"a second":              func(i int) bool { return i >= 100 && i < 150 },
	} {
		var left []Packet
		for i, p := range said {
			if !lost(i) {
				left = append(left, p)
			}
		}
		stream := play(t, write(left))
		if got := len(decode(t, stream)); got != len(said)*320 {
			t.Errorf("%s: %d samples, want %d", name, got, len(said)*320)
		}
		checkPages(t, name, stream)
	}
}

func TestAClockThatIsSetBackLosesNothingAndCatchesUp(t *testing.T) {
	first := speech(t, 0)
	end := first[len(first)-1].Pos + 960
	second := speech(t, end-200*48)          // a new epoch, 200 ms before the end of the last
	third := speech(t, end+int64(15_000*48)) // after a pause
	pieces := write(append(append(append([]Packet{}, first...), second...), third...))
	stream := play(t, pieces)
	if got, all := len(decode(t, stream)), want(third); got != len(all) {
		t.Errorf("%d samples, want %d: the pause did not catch up", got, len(all))
	}
	n := 0
	r, err := ogg.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		if err != nil {
			break
		}
		if len(p.Opus) > 14 {
			n++
		}
	}
	if spoken := len(longOnes(first)) + len(longOnes(second)) + len(longOnes(third)); n != spoken {
		t.Errorf("%d packets of speech, want %d", n, spoken)
	}
	// Far behind: a hostile sender whose packets all claim one time.
	for i := range second {
		second[i].Pos = 0
	}
	head, _ := Write(serial, Head{}, second)
	if head.End > MaxLag+960 {
		t.Errorf("packets of one moment last %d samples", head.End)
	}
	if again, pages := Write(serial, Head{End: 10 * MaxLag, Pages: 1, Bytes: 1}, second); pages != nil || again.End != 10*MaxLag {
		t.Error("packets far behind the stream made a piece")
	}
}

func longOnes(packets []Packet) (long []Packet) {
	for _, p := range packets {
		if len(p.Opus) > 14 {
			long = append(long, p)
		}
	}
	return long
}

func TestSilenceOfEveryLength(t *testing.T) {
	one := speech(t, 0)[:1]
	for _, units := range []int64{0, 1, 2, 3, 7, 8, 15, 47, 48, 49, 95, 383, 384, 385, 767, 768, 1001} {
		p := one[0]
		p.Pos = units*unit + 119 // less than a unit is not kept
		pieces := write([]Packet{p})
		if got := pieces[0].head.Start; got != units*unit {
			t.Errorf("%d units: begins at %d", units, got)
		}
		if got := len(decode(t, play(t, pieces))); got != int(units*unit/3+320) {
			t.Errorf("%d units: %d samples", units, got)
		}
		h := pieces[0].head
		for offset := int64(0); offset < h.Silence(); offset += 1 + h.Silence()/50 {
			from := h.SilenceFrom(serial, offset)
			whole := h.SilenceFrom(serial, offset/fullSize*fullSize)
			if len(from) == 0 || !bytes.HasSuffix(whole, from) {
				t.Fatalf("%d units: silence from byte %d is not what stands there", units, offset)
			}
		}
	}
}

// TestAnHourOfSilenceIsSmall: it is sent to who listens, though not stored.
func TestAnHourOfSilenceIsSmall(t *testing.T) {
	p := speech(t, 3_600_000*48)[:1]
	if size := write(p)[0].head.Silence(); size > 600_000 {
		t.Errorf("%d bytes", size)
	}
}

func TestRandomPiecesPlayTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 2 {
		var all []Packet
		pos := random.Int64N(100_000)
		for range 3 {
			for _, p := range speech(t, pos)[50:200] {
				if random.IntN(10) > 0 {
					all = append(all, p)
				}
			}
			pos += 200*960 + random.Int64N(500_000)
		}
		var parts [][]Packet
		for left := all; len(left) > 0; {
			n := 1 + random.IntN(len(left))
			parts, left = append(parts, left[:n]), left[n:]
		}
		one, many := decode(t, play(t, write(all))), decode(t, play(t, write(parts...)))
		compare(t, many, one)
	}
}

func TestHeadsAreReadBack(t *testing.T) {
	pieces := write(speech(t, 5_000*48), speech(t, 60_000*48))
	for _, p := range pieces {
		b := p.head.Append(nil)
		got, err := ParseHead(b)
		if err != nil || !reflect.DeepEqual(got, p.head) {
			t.Errorf("read back as %+v, %v; was %+v", got, err, p.head)
		}
		if _, err := ParseHead(b[1:]); err == nil {
			t.Error("a short head was taken")
		}
	}
	if _, err := ParseHead(make([]byte, HeadSize)); err == nil {
		t.Error("zeros were taken for a head")
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add(write(speech(f, 48_000))[0].head.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHead(b)
		if err != nil {
			return
		}
		if h.Size() < 0 || h.Silence() < 0 || h.Silence() > 0 && len(h.SilenceFrom(1, h.Silence()-1)) == 0 {
			t.Fatalf("%+v: %d bytes, %d of silence", h, h.Size(), h.Silence())
		}
	})
}

// FuzzWrite puts packets of any bytes and times onto a tape.
func FuzzWrite(f *testing.F) {
	said := speech(f, 0)
	f.Add(said[60].Opus, said[61].Opus, int64(0), int64(960))
	f.Add([]byte{0xff, 0x46, 1, 2}, []byte{3}, int64(1<<40), int64(5))
	f.Fuzz(func(t *testing.T, a, b []byte, at, more int64) {
		var packets []Packet
		for i, p := range []Packet{{Pos: at, Opus: a}, {Seq: 1, Pos: at + more%(60_000*48), Opus: b}} {
			if p.Playable() && (i == 0 || p.Pos >= at) {
				packets = append(packets, p)
			}
		}
		head, pages := Write(serial, Head{}, packets)
		if len(packets) == 0 != (pages == nil) || int(head.Bytes) != len(pages) {
			t.Fatalf("%d packets gave %d bytes, %+v", len(packets), len(pages), head)
		}
		if len(pages) > 0 {
			if back, err := ParseHead(head.Append(nil)); err != nil || back != head {
				t.Fatalf("head %+v reads back as %+v, %v", head, back, err)
			}
		}
	})
}

// TestOtherProgramsPlayTheTape asks the programs of opus-tools, which share no line with ours.
func TestOtherProgramsPlayTheTape(t *testing.T) {
	for _, program := range []string{"opusinfo", "opusdec"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian: opus-tools; make test installs it)", program)
		}
	}
	said := speech(t, 3_210*48)
	var heard []Packet
	for i, p := range said {
		if i%50 != 7 {
			heard = append(heard, p)
		}
	}
	heard = append(heard, speech(t, 65_000*48+17)...)
	file := filepath.Join(t.TempDir(), "tape.opus")
	if err := os.WriteFile(file, play(t, write(heard[:200], heard[200:400], heard[400:])), 0o600); err != nil {
		t.Fatal(err)
	}
	about, err := exec.CommandContext(t.Context(), "opusinfo", file).CombinedOutput()
	if err != nil {
		t.Fatalf("opusinfo: %v\n%s", err, about)
	}
	for _, complaint := range []string{"WARNING", "ERROR", "negative", "Negative", "hole", "missing", "gap"} {
		if strings.Contains(string(about), complaint) {
			t.Errorf("opusinfo complains:\n%s", about)
			break
		}
	}
	raw := filepath.Join(t.TempDir(), "tape.raw")
	if out, err := exec.CommandContext(t.Context(), "opusdec", "--quiet", "--rate", "16000", "--no-dither", "--float", file, raw).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("opusdec: %v\n%s", err, out)
	}
	b, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(b, []byte("RIFF")) {
		_, b, _ = bytes.Cut(b, []byte("data"))
		b = b[4:]
	}
	got := make([]float32, len(b)/4)
	for i := range got {
		got[i] = math.Float32frombits(uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24)
	}
	// The decoder of opus-tools resamples (a delay of its own) and fills losses with what it heard, which ours leaves silent.
	wanted := want(heard)
	if d := len(got) - len(wanted); d < -400 || d > 400 {
		t.Errorf("opusdec decodes %d samples, want %d", len(got), len(wanted))
	}
	for _, at := range []int{3_210, 65_000} { // each stretch stands where it was said
		from, to := at*16, min(at*16+len(said)*320, len(got), len(wanted))
		best := 0.0
		for s := -80; s <= 80; s++ {
			best = max(best, likeness(got, wanted, from, to-100, s))
		}
		if best < 0.9 {
			t.Errorf("what opusdec plays at %d ms is like what was said by %.2f", at, best)
		}
	}
	if e := likeness(got, got, 40*16_000, 60*16_000, 0); !math.IsNaN(e) && energy(got[40*16_000:60*16_000]) > 1e-6 {
		t.Errorf("silence has energy %g", energy(got[40*16_000:60*16_000]))
	}
}

// likeness is the correlation of a, shifted by s, with b.
func likeness(a, b []float32, from, to, s int) float64 {
	var ab, aa, bb float64
	for i := from; i < to; i++ {
		x, y := float64(a[i+s]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

func energy(pcm []float32) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(pcm))
}
