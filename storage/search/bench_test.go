package search

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/archivetest"
)

var benchMeetings = flag.Int("meetings", 200, "meetings that BenchmarkSearch searches, of 500 segments each")

// speech makes segments of words as frequent as those of a language: the n-th comes 1/n as often as the first.
type speech struct {
	*rand.Rand
	zipf  *rand.Zipf
	words []string
}

func newSpeech() *speech {
	r := rand.New(rand.NewPCG(1, 2))
	s := &speech{Rand: r, zipf: rand.NewZipf(r, 1.07, 3, 9_999)}
	const consonants, vowels = "bcdfglmnprstv", "aeiouéè"
	for len(s.words) < 10_000 {
		var w strings.Builder
		for range 1 + r.IntN(3) + len(s.words)/4_000 {
			w.WriteByte(consonants[r.IntN(len(consonants))])
			w.WriteRune([]rune(vowels)[r.IntN(7)])
		}
		s.words = append(s.words, w.String())
	}
	return s
}

func (s *speech) segment(i int) meeting.Segment {
	lang := "fr"
	if i%4 == 3 {
		lang = "en"
	}
	g := archivetest.Segment(meeting.SegmentID(fmt.Sprintf("%024d", i)), int64(i)*7000, lang, "")
	words := make([]string, 5+s.IntN(20))
	for j := range words {
		words[j] = s.words[s.zipf.Uint64()]
		g.Words = append(g.Words, meeting.Word{Text: words[j], T0: g.T0 + int64(j)*300, T1: g.T0 + int64(j)*300 + 280, P: 0.87})
	}
	g.Text = strings.Join(words, " ")
	return g
}

// BenchmarkSearch searches -meetings of 500 segments (an hour each), and says how long the index took to make, how large it is
// and what it holds in memory.
//
//	go test ./storage/search -run - -bench Search -benchtime 200x -meetings 200
func BenchmarkSearch(b *testing.B) {
	l := newLibrary(b)
	said := newSpeech()
	for range *benchMeetings {
		m := l.Meet(storage.Meeting{})
		var segments []meeting.Segment
		for i := range 500 {
			segments = append(segments, said.segment(i))
		}
		l.End(m.ID, segments...)
	}
	before := heap()
	began := time.Now()
	l.catchUp()
	built := time.Since(began)
	must(b, l.engine.compact(b.Context()))
	for _, c := range []struct {
		name string
		make func() string
	}{
		{"rare", func() string { return said.words[3_000+said.IntN(5_000)] }},
		{"usual", func() string { return said.words[200+said.IntN(500)] }},
		{"two", func() string { return said.words[20+said.IntN(100)] + " " + said.words[20+said.IntN(200)] }},
		{"phrase", func() string { return fmt.Sprintf("%q", said.words[said.IntN(50)]+" "+said.words[said.IntN(50)]) }},
		{"frequent", func() string { return said.words[said.IntN(5)] }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			found := 0
			for range b.N {
				began := time.Now()
				r, err := l.Search(b.Context(), Request{Query: c.make(), May: everywhere, Limit: 10})
				must(b, err)
				took = append(took, time.Since(began))
				found += r.Segments
			}
			slices.Sort(took)
			b.ReportMetric(milliseconds(took[len(took)/2]), "p50-ms")
			b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99-ms")
			b.ReportMetric(float64(found)/float64(b.N), "segments")
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Run("size", func(b *testing.B) {
		b.ReportMetric(float64(size(b, l.dir))/1e6, "MB-disk")
		b.ReportMetric(float64(heap()-before)/1e6, "MB-heap")
		b.ReportMetric(built.Seconds(), "s-to-build")
		b.ReportMetric(0, "ns/op")
	})
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func size(t testing.TB, dir string) (bytes int64) {
	must(t, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		bytes += info.Size()
		return err
	}))
	return bytes
}
