package export

import (
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// threeHours is a transcript of three hours: 5,000 segments of eleven words, among them gaps and corrections.
func threeHours() *storage.Transcript {
	t := corrected()
	t.Segments, t.EndedUnixMS = nil, t.BeganUnixMS+3*3600_000
	text := "Nous avons regardé le budget de l'année prochaine avec toute l'équipe."
	for i := range 5000 {
		t0 := int64(i) * 2160
		spk := []meeting.SpeakerID{meeting.SpeakerID(anna), meeting.SpeakerID(bruno)}[i/3%2]
		s := said(spk, t0, t0+2000, text)
		s.Seg, s.Lang, s.Conf, s.Quality, s.Level, s.Engine = meeting.NewSegmentID("m", "t", 0, uint64(i)), "fr", 0.9, meeting.QualityFull, meeting.Transcript, "whisper-base"
		at := t0
		for _, w := range meeting.Fields(text) {
			s.Words = append(s.Words, meeting.Word{Text: w, T0: at, T1: at + 150, P: 0.9})
			at += 160
		}
		if i%50 == 0 {
			s.Original = &meeting.Original{Text: text, Words: s.Words, Conf: 0.5, AtUnixMS: t.EndedUnixMS}
		}
		if i%100 == 7 {
			s.Quality, s.Text, s.Words, s.Original = meeting.QualityGap, "", nil, nil
		}
		t.Segments = append(t.Segments, s)
	}
	return t
}

// BenchmarkThreeHours writes a three-hour transcript in each format. The goal is 1 s and 100 MB; peak-MB is what the heap
// grew by meanwhile, looked at every millisecond.
func BenchmarkThreeHours(b *testing.B) {
	t := threeHours()
	for _, f := range Formats() {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			var written int64
			for b.Loop() {
				n := &counter{}
				if err := Write(n, f, French, t); err != nil {
					b.Fatal(err)
				}
				written = n.n
			}
			b.ReportMetric(float64(written)/1e6, "file-MB")
			b.ReportMetric(peak(func() { _ = Write(io.Discard, f, French, t) }), "peak-MB")
		})
	}
	b.Run("read json", func(b *testing.B) {
		file := write(b, JSON, t)
		b.ReportAllocs()
		read := func() {
			if _, err := ReadJSON(&endless{text: file}); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			read()
		}
		b.ReportMetric(peak(read), "peak-MB")
	})
}

// counter counts bytes.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// endless reads a text without copying it first.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.at == len(e.text) {
		return 0, io.EOF
	}
	n := copy(p, e.text[e.at:])
	e.at += n
	return n, nil
}

// peak returns by how many MB the heap grew while run ran. Garbage is collected late, so this is an upper bound.
func peak(run func()) float64 {
	runtime.GC()
	debug.FreeOSMemory()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	most := before.HeapAlloc
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
	})
	run()
	close(done)
	watch.Wait()
	runtime.ReadMemStats(&now)
	return float64(max(most, now.HeapAlloc)-before.HeapAlloc) / 1e6
}

// TestALongTranscriptIsWrittenWithinItsMemory: memory does not depend on the machine, as time does.
func TestALongTranscriptIsWrittenWithinItsMemory(t *testing.T) {
	v := threeHours()
	for _, f := range Formats() {
		if grew := peak(func() { _ = Write(io.Discard, f, French, v) }); grew > 100 {
			t.Errorf("%s takes %.0f MB", f, grew)
		}
	}
}
