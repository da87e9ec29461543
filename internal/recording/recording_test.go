package recording

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"
)

// wave describes a WAV file to write.
type wave struct {
	kind           uint16
	bits, channels int
	rate           int
	extensible     bool
	before         []byte // chunks before the samples
	size           int    // of the data chunk as its header says; 0: as it is
}

// encode writes samples, full scale 1, channels interleaved.
func (w wave) encode(samples []float64) []byte {
	var data bytes.Buffer
	for _, s := range samples {
		data.Write(w.sample(s))
	}
	kind, extra := w.kind, []byte(nil)
	if w.extensible {
		extra = binary.LittleEndian.AppendUint16([]byte{22, 0, byte(w.bits), 0, 0, 0, 0, 0}, kind)
		extra = append(extra, make([]byte, 14)...)
		kind = wavExtensible
	}
	block := w.channels * w.bits / 8
	size := uint32(w.size)
	if w.size == 0 {
		size = uint32(data.Len())
	}
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WAVE")
	b.Write(w.before)
	b.WriteString("fmt ")
	for _, v := range []any{
		uint32(16 + len(extra)), kind, uint16(w.channels), uint32(w.rate), uint32(w.rate * block), uint16(block), uint16(w.bits),
		extra, []byte("data"), size, data.Bytes(),
	} {
		_ = binary.Write(&b, binary.LittleEndian, v) // into memory
	}
	return b.Bytes()
}

func (w wave) sample(s float64) []byte {
	le := binary.LittleEndian
	whole := int64(math.Round(s * float64(int64(1)<<(w.bits-1))))
	whole = min(whole, int64(1)<<(w.bits-1)-1)
	switch {
	case w.kind == wavFloat && w.bits == 64:
		return le.AppendUint64(nil, math.Float64bits(s))
	case w.kind == wavFloat:
		return le.AppendUint32(nil, math.Float32bits(float32(s)))
	case w.bits == 8:
		return []byte{byte(whole + 128)}
	}
	return le.AppendUint32(nil, uint32(whole))[:w.bits/8]
}

func decode(t testing.TB, b []byte) []float32 {
	t.Helper()
	pcm, err := Decode(bytes.NewReader(b), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func TestWAVOfEveryKind(t *testing.T) {
	want := []float64{0, 0.5, -0.5, 0.25, -1, 0.75}
	for _, c := range []struct {
		kind uint16
		bits int
	}{
		{wavPCM, 8}, {wavPCM, 16}, {wavPCM, 24}, {wavPCM, 32}, {wavFloat, 32}, {wavFloat, 64},
	} {
		for _, extensible := range []bool{false, true} {
			got := decode(t, wave{kind: c.kind, bits: c.bits, channels: 1, rate: Rate, extensible: extensible}.encode(want))
			if len(got) != len(want) {
				t.Fatalf("kind %d of %d bits: %d samples", c.kind, c.bits, len(got))
			}
			for i, v := range got {
				if math.Abs(float64(v)-want[i]) > 1e-6 {
					t.Errorf("kind %d of %d bits: sample %d is %v, want %v", c.kind, c.bits, i, v, want[i])
				}
			}
		}
	}
}

func TestChannelsAreMixedDown(t *testing.T) {
	for channels := 1; channels <= maxChannels; channels++ {
		samples := make([]float64, 3*channels)
		samples[channels] = 0.5 // one channel of the second sample
		got := decode(t, wave{kind: wavPCM, bits: 16, channels: channels, rate: Rate}.encode(samples))
		if len(got) != 3 || got[0] != 0 || math.Abs(float64(got[1])-0.5/float64(channels)) > 1e-6 || got[2] != 0 {
			t.Errorf("%d channels became %v", channels, got)
		}
	}
}

func TestOddWAVFiles(t *testing.T) {
	tone := make([]float64, 100)
	for i := range tone {
		tone[i] = 0.1
	}
	plain := wave{kind: wavPCM, bits: 16, channels: 2, rate: Rate}
	list := []byte("LIST\x03\x00\x00\x00abc\x00") // of odd length, padded
	for name, c := range map[string]struct {
		file    []byte
		samples int
	}{
		"another chunk before":           {wave{kind: wavPCM, bits: 16, channels: 2, rate: Rate, before: list}.encode(tone), 50},
		"another chunk behind":           {append(plain.encode(tone), "LIST\x04\x00\x00\x00abcd"...), 50},
		"cut off within a frame":         {plain.encode(tone)[:44+4*20+3], 20},
		"written into a pipe":            {wave{kind: wavPCM, bits: 16, channels: 2, rate: Rate, size: math.MaxUint32}.encode(tone), 50},
		"longer than it is":              {wave{kind: wavPCM, bits: 16, channels: 2, rate: Rate, size: 1 << 30}.encode(tone), 50},
		"an RF64 file":                   {append([]byte("RF64"), wave{kind: wavPCM, bits: 16, channels: 2, rate: Rate, size: math.MaxUint32}.encode(tone)[4:]...), 50},
		"behind a tag":                   {append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02xx"), plain.encode(tone)...), 50},
		"no samples":                     {plain.encode(nil), 0},
		"a recorder that had no time to": {append(plain.encode(nil), make([]byte, 400)...), 100},
	} {
		if got := decode(t, c.file); len(got) != c.samples {
			t.Errorf("%s: %d samples, want %d", name, len(got), c.samples)
		}
	}
}

func TestFilesThatAreNoRecording(t *testing.T) {
	good := wave{kind: wavPCM, bits: 16, channels: 1, rate: Rate}
	for name, file := range map[string][]byte{
		"nothing":                  nil,
		"a letter":                 []byte("R"),
		"text":                     []byte("this is not a recording, it is a text of some length"),
		"a RIFF that is AVI":       []byte("RIFF\x00\x00\x00\x00AVI LIST"),
		"only a header":            []byte("RIFF\x00\x00\x00\x00WAVE"),
		"samples without a format": []byte("RIFF\x00\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd"),
		"a short format":           []byte("RIFF\x00\x00\x00\x00WAVEfmt \x04\x00\x00\x00abcd"),
		"an endless format":        []byte("RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff" + strings.Repeat("x", 100)),
		"an endless chunk":         []byte("RIFF\x00\x00\x00\x00WAVELIST\xff\xff\xff\xff" + strings.Repeat("x", 100)),
		"ADPCM":                    wave{kind: 2, bits: 16, channels: 1, rate: Rate}.encode(nil),
		"12 bits":                  wave{kind: wavPCM, bits: 12, channels: 1, rate: Rate}.encode(nil),
		"no channels":              wave{kind: wavPCM, bits: 16, channels: 0, rate: Rate}.encode(nil),
		"nine channels":            wave{kind: wavPCM, bits: 16, channels: 9, rate: Rate}.encode(nil),
		"a telegraph":              wave{kind: wavPCM, bits: 16, channels: 1, rate: 7999}.encode(nil),
		"a bat detector":           wave{kind: wavPCM, bits: 16, channels: 1, rate: 192_001}.encode(nil),
		"cut off in the tag":       []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7fxx"),
		"nothing but tags":         bytes.Repeat([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), 20),
		"a broken Ogg":             []byte("OggS" + strings.Repeat("x", 100)),
		"a broken FLAC":            []byte("fLaC" + strings.Repeat("x", 100)),
		"a broken MP3":             []byte("\xff\xfb\x90\x00" + strings.Repeat("x", 100)),
		"AAC":                      []byte("\xff\xf1\x50\x80" + strings.Repeat("x", 100)),
		"half a header":            good.encode(nil)[:30],
	} {
		if pcm, err := Decode(bytes.NewReader(file), time.Minute); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %d samples, %v", name, len(pcm), err)
		}
	}
	broken := iotestReader{errors.New("disk on fire")}
	if _, err := Decode(broken, time.Minute); err == nil || errors.Is(err, ErrFormat) {
		t.Errorf("a broken disk: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "nothing.wav"), time.Minute); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

type iotestReader struct{ err error }

func (r iotestReader) Read([]byte) (int, error) { return 0, r.err }

func TestWhatIsNoNumberIsSilence(t *testing.T) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30, -3, 0.5}
	for _, rate := range []int{Rate, 48000} {
		samples := make([]float64, rate/10)
		copy(samples[rate/20:], odd)
		got := decode(t, wave{kind: wavFloat, bits: 32, channels: 1, rate: rate}.encode(samples))
		sum := 0.0
		for i, v := range got {
			if !(v >= -1 && v <= 1) {
				t.Errorf("at %d Hz sample %d is %v", rate, i, v)
			}
			sum += float64(v) * float64(v)
		}
		if math.IsNaN(sum) || sum == 0 {
			t.Errorf("at %d Hz the energy is %v", rate, sum)
		}
	}
}

func TestLongRecordingsAreRefused(t *testing.T) {
	for _, rate := range []int{8000, Rate, 44100} {
		w := wave{kind: wavPCM, bits: 8, channels: 1, rate: rate}
		second := w.encode(make([]float64, rate))
		if pcm, err := Decode(bytes.NewReader(second), time.Second); err != nil || len(pcm) != Rate {
			t.Errorf("%d Hz: %d samples, %v", rate, len(pcm), err)
		}
		if _, err := Decode(bytes.NewReader(second), 999*time.Millisecond); !errors.Is(err, ErrTooLong) {
			t.Errorf("%d Hz: %v", rate, err)
		}
	}
	endless := io.MultiReader(bytes.NewReader(wave{kind: wavPCM, bits: 16, channels: 1, rate: Rate, size: math.MaxUint32}.encode(nil)), zeros{})
	if _, err := Decode(endless, time.Second); !errors.Is(err, ErrTooLong) {
		t.Errorf("a file without end: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// encodeFLAC writes channels of 16 bits a sample.
func encodeFLAC(t testing.TB, rate int, channels ...[]int32) []byte {
	t.Helper()
	var b bytes.Buffer
	const block = 4096
	info := &meta.StreamInfo{BlockSizeMin: 16, BlockSizeMax: block, SampleRate: uint32(rate), NChannels: uint8(len(channels)), BitsPerSample: 16}
	enc, err := flac.NewEncoder(&b, info)
	if err != nil {
		t.Fatal(err)
	}
	layout := map[int]frame.Channels{1: frame.ChannelsMono, 2: frame.ChannelsLR}[len(channels)]
	for at := 0; at < len(channels[0]); at += block {
		n := min(block, len(channels[0])-at)
		f := &frame.Frame{Header: frame.Header{BlockSize: uint16(n), SampleRate: uint32(rate), Channels: layout, BitsPerSample: 16}}
		for _, c := range channels {
			f.Subframes = append(f.Subframes, &frame.Subframe{
				SubHeader: frame.SubHeader{Pred: frame.PredVerbatim}, NSamples: n, Samples: c[at : at+n],
			})
		}
		if err := enc.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFLAC(t *testing.T) {
	left, right := make([]int32, 10_000), make([]int32, 10_000)
	for i := range left {
		left[i] = int32(16000 * math.Sin(float64(i)/20))
	}
	file := encodeFLAC(t, Rate, left, right)
	got := decode(t, file)
	if len(got) != len(left) {
		t.Fatalf("%d samples, want %d", len(got), len(left))
	}
	for i, v := range got {
		if math.Abs(float64(v)-float64(left[i])/65536) > 1e-6 {
			t.Fatalf("sample %d is %v, want half of %v", i, v, float64(left[i])/32768)
		}
	}
	if got := decode(t, file[:len(file)-1000]); len(got) == 0 || len(got) >= len(left) {
		t.Errorf("cut off: %d samples", len(got))
	}
	if got := decode(t, encodeFLAC(t, 48000, left)); len(got) != len(left)/3 {
		t.Errorf("at 48 kHz: %d samples", len(got))
	}
}

// sample returns a file of the engine's samples, which its build puts into a folder.
func sample(t *testing.T, name string) []float32 {
	t.Helper()
	path := filepath.Join("..", "..", "build", "whisper", "samples", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no sample recordings: make build")
	}
	pcm, err := Read(path, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// TestRecordingsOfOneSpeechAreAlike compares three recordings of one speech, by three encoders, with each other.
func TestRecordingsOfOneSpeechAreAlike(t *testing.T) {
	wav, mp3 := sample(t, "jfk.wav"), sample(t, "jfk.mp3")
	opus, err := Read(filepath.Join("..", "..", "testdata", "speech", "jfk.ogg"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for name, pcm := range map[string][]float32{"MP3": mp3, "Opus": opus} {
		if math.Abs(float64(len(pcm)-len(wav))) > 2*2304 { // encoders of MP3 pad with two frames
			t.Errorf("%s has %d samples, WAV %d", name, len(pcm), len(wav))
		}
		if likeness, lag := alike(wav, pcm); likeness < 0.9 {
			t.Errorf("%s is like WAV by %.2f, at a lag of %d samples", name, likeness, lag)
		}
	}
}

// alike returns the highest correlation of a second of a with b, shifted by up to 0.2 s, and at which shift.
func alike(a, b []float32) (best float64, lag int) {
	const from, n, most = 5 * Rate, Rate, Rate / 5
	for shift := -most; shift <= most; shift++ {
		var ab, aa, bb float64
		for i := range n {
			x, y := float64(a[from+i]), float64(b[from+shift+i])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		if c := ab / math.Sqrt(aa*bb); c > best {
			best, lag = c, shift
		}
	}
	return best, lag
}

func TestKnownNames(t *testing.T) {
	for name, want := range map[string]bool{"a.ogg": true, "A.OPUS": true, "x/y.wav": true, "b.flac": true, "c.Mp3": true, "d.txt": false, "ogg": false, "e.ogg.part": false} {
		if Known(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(wave{kind: wavPCM, bits: 24, channels: 2, rate: 44100}.encode(make([]float64, 100)))
	f.Add(wave{kind: wavFloat, bits: 32, channels: 1, rate: 8000, extensible: true}.encode([]float64{0.5, math.NaN(), 1e9}))
	f.Add(wave{kind: wavPCM, bits: 8, channels: 8, rate: 192_000, before: []byte("JUNK\x00\x00\x00\x00")}.encode(make([]float64, 64)))
	f.Fuzz(func(t *testing.T, file []byte) {
		if !bytes.HasPrefix(file, []byte("RIFF")) {
			file = append([]byte("RIFF\x00\x00\x00\x00WAVE"), file...)
		}
		checkDecoded(t, file)
	})
}

func FuzzOtherFormats(f *testing.F) {
	f.Add(encodeFLAC(f, 22050, make([]int32, 50)))
	f.Add([]byte("\xff\xfb\x90\x00" + strings.Repeat("0", 500)))
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x02xxOggS"))
	f.Fuzz(func(t *testing.T, file []byte) { checkDecoded(t, file) })
}

func checkDecoded(t *testing.T, file []byte) {
	t.Helper()
	pcm, err := Decode(bytes.NewReader(file), 2*time.Second)
	if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLong) {
		t.Errorf("an error of no kind: %v", err)
	}
	if len(pcm) > 2*Rate+Rate/5 {
		t.Errorf("%d samples", len(pcm))
	}
	for i, v := range pcm {
		if !(v >= -1 && v <= 1) {
			t.Fatalf("sample %d is %v", i, v)
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, rate := range []int{8000, 44100, 48000, 192_000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			second := make([]float32, rate)
			for b.Loop() {
				r := newResampler(rate)
				for range 10 {
					r.push(second)
				}
				r.flush()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/10*1000, "ms/second")
		})
	}
}
