package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// stream writes Ogg pages by hand, so that tests can break every rule.
type stream struct {
	bytes.Buffer
	serial, seq uint32
}

// page writes one page; segments of 255 bytes go on in the next one.
func (s *stream) page(flags byte, granule int64, segments ...[]byte) {
	head := make([]byte, pageHeaderSize)
	copy(head, "OggS")
	head[5] = flags
	binary.LittleEndian.PutUint64(head[6:], uint64(granule))
	binary.LittleEndian.PutUint32(head[14:], s.serial)
	binary.LittleEndian.PutUint32(head[18:], s.seq)
	head[26] = byte(len(segments))
	for _, seg := range segments {
		head = append(head, byte(len(seg)))
	}
	for _, seg := range segments {
		head = append(head, seg...)
	}
	binary.LittleEndian.PutUint32(head[22:], checksum(head))
	s.Write(head)
	s.seq++
}

func (s *stream) headers(preSkip uint16) {
	head := append([]byte("OpusHead\x01\x01"), make([]byte, 9)...)
	binary.LittleEndian.PutUint16(head[10:], preSkip)
	s.page(flagFirst, 0, head)
	s.page(0, 0, []byte("OpusTags"))
}

// frame returns a packet of n bytes that lasts 20 ms.
func frame(n int) []byte {
	b := bytes.Repeat([]byte{0xaa}, n)
	b[0] = 19 << 3 // CELT, 20 ms, one frame
	return b
}

func packets(t *testing.T, r io.Reader) []Packet {
	t.Helper()
	o, err := NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	var all []Packet
	for {
		p, err := o.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Opus = bytes.Clone(p.Opus)
		all = append(all, p)
	}
}

func TestPositionsCountFromTheFirstAudibleSample(t *testing.T) {
	s := &stream{}
	s.headers(312)
	s.page(flagLast, 3*960, frame(10), frame(20), frame(30))
	got := packets(t, s)
	if len(got) != 3 {
		t.Fatalf("got %d packets, want 3", len(got))
	}
	for i, want := range []int64{-312, 648, 1608} {
		if got[i].Pos != want || got[i].Samples != 960 || len(got[i].Opus) != 10*(i+1) {
			t.Errorf("packet %d: pos %d, %d samples, %d bytes", i, got[i].Pos, got[i].Samples, len(got[i].Opus))
		}
	}
}

func TestLastPageDeclaresTheEnd(t *testing.T) {
	s := &stream{}
	s.headers(312)
	s.page(flagLast, 2*960-100, frame(10), frame(10))
	if got := packets(t, s); got[0].Discard != 0 || got[1].Discard != 100 {
		t.Errorf("discard %d and %d, want 0 and 100", got[0].Discard, got[1].Discard)
	}
}

func TestPacketAcrossPages(t *testing.T) {
	long := frame(255 + 255 + 7)
	s := &stream{}
	s.headers(0)
	s.page(0, -1, long[:255])
	s.page(flagContinued, -1, long[255:510])
	s.page(flagContinued|flagLast, 1920, long[510:], frame(5))
	got := packets(t, s)
	if len(got) != 2 || !bytes.Equal(got[0].Opus, long) || got[1].Pos != 960 {
		t.Fatalf("packets across pages came out wrong: %d packets", len(got))
	}
}

func TestLostPageLosesOnlyItsPackets(t *testing.T) {
	s := &stream{}
	s.headers(0)
	s.page(0, -1, frame(255))
	s.seq++ // the page with the rest of the packet is lost
	s.page(flagContinued|flagLast, 1920, frame(9), frame(5))
	if got := packets(t, s); len(got) != 1 || len(got[0].Opus) != 5 {
		t.Fatalf("got %d packets, want only the whole one", len(got))
	}
}

func TestOtherStreamsAreSkipped(t *testing.T) {
	video := &stream{serial: 9}
	video.page(flagFirst, 0, []byte("\x80theora"))
	audio := &stream{}
	audio.headers(0)
	file := bytes.NewBuffer(append(video.Bytes(), audio.Bytes()...))
	video.Reset()
	video.page(0, 5, []byte("picture"))
	audio.Reset()
	audio.page(flagLast, 960, frame(3))
	file.Write(video.Bytes())
	file.Write(audio.Bytes())
	if got := packets(t, file); len(got) != 1 {
		t.Fatalf("got %d packets, want 1", len(got))
	}
}

func TestWhatIsNotOggOpusIsRefused(t *testing.T) {
	surround := &stream{}
	surround.page(flagFirst, 0, append([]byte("OpusHead\x01\x06"), make([]byte, 9)...))
	silent := &stream{}
	silent.page(flagFirst, 0, append([]byte("OpusHead\x01\x01"), make([]byte, 9)...))
	damaged := &stream{}
	damaged.headers(0)
	damaged.Bytes()[30] ^= 1
	for name, file := range map[string]string{
		"nothing":       "",
		"text":          strings.Repeat("these are just words ", 10),
		"cut header":    "OggS\x00\x02",
		"six channels":  surround.String(),
		"no audio":      silent.String(),
		"wrong page":    damaged.String(),
		"endless notes": endlessComment(),
	} {
		if _, err := NewReader(strings.NewReader(file)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", name, err)
		}
	}
}

func endlessComment() string {
	s := &stream{}
	s.page(flagFirst, 0, append([]byte("OpusHead\x01\x01"), make([]byte, 9)...))
	full := make([][]byte, 255)
	for i := range full {
		full[i] = make([]byte, 255)
	}
	for range maxComment/(255*255) + 1 {
		s.page(flagContinued, -1, full...)
	}
	return s.String()
}

func TestRecordingOfElevenSeconds(t *testing.T) {
	file, err := os.ReadFile("../../testdata/speech/jfk.ogg")
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := Decode(bytes.NewReader(file), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(pcm) != 11*16000 {
		t.Errorf("got %d samples, want 11 s", len(pcm))
	}
	if quiet, loud := rms(pcm[:3200]), rms(pcm[11200:32000]); loud < 0.1 || quiet > 0.02 {
		t.Errorf("the first 200 ms are silent (rms %.3f), the first words are loud (rms %.3f)?", quiet, loud)
	}
	if _, err := Decode(bytes.NewReader(file), 5*time.Second); !errors.Is(err, ErrTooLong) {
		t.Errorf("with a limit of 5 s: got %v, want ErrTooLong", err)
	}
}

func rms(pcm []float32) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

func FuzzReader(f *testing.F) {
	file, err := os.ReadFile("../../testdata/speech/jfk-2.ogg")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file[:4096])
	s := &stream{}
	s.headers(312)
	s.page(flagLast, 960, frame(10))
	f.Add(s.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		o, err := NewReader(bytes.NewReader(resealed(file)))
		if err != nil {
			return
		}
		for {
			p, err := o.Next()
			if err != nil {
				return
			}
			if len(p.Opus) > maxPacket || p.Samples < 120 || p.Samples > 5760 || p.Discard < 0 || p.Discard > p.Samples {
				t.Fatalf("impossible packet: %d bytes, %d samples, %d discarded", len(p.Opus), p.Samples, p.Discard)
			}
		}
	})
}

// resealed puts right checksums on the pages of file, so that fuzzing gets behind them.
func resealed(file []byte) []byte {
	file = bytes.Clone(file)
	for at := 0; at+pageHeaderSize <= len(file); {
		if string(file[at:at+4]) != "OggS" {
			at++
			continue
		}
		end := at + pageHeaderSize + int(file[at+26])
		for _, n := range file[min(at+pageHeaderSize, len(file)):min(end, len(file))] {
			end += int(n)
		}
		if end > len(file) {
			return file
		}
		binary.LittleEndian.PutUint32(file[at+22:], checksum(file[at:end]))
		at = end
	}
	return file
}
