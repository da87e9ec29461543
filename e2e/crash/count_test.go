package crash

import (
	"strings"
	"testing"
	"time"

	"souffleur/asr/eval"
	"souffleur/internal/meeting"
)

// figures are what became of a meeting.
type figures struct {
	Seed    uint64   `json:"seed"`
	Seconds int      `json:"seconds"`
	Took    string   `json:"took"`
	Deeds   []string `json:"deeds"`

	Restarts int `json:"restarts"` // of processes: three at least, one for each kill

	Said       int `json:"said"`        // utterances
	Words      int `json:"words"`       // in them
	Published  int `json:"published"`   // records on segments.v1
	Unique     int `json:"unique"`      // IDs among them
	Rescored   int `json:"rescored"`    // records of a later revision
	Gaps       int `json:"gaps"`        // stretches of lost audio
	Differing  int `json:"differing"`   // records whose ID and revision were there before with another text or end
	Archived   int `json:"archived"`    // segments in the transcript
	Doubled    int `json:"doubled"`     // of those, what says again what another says
	Missing    int `json:"missing"`     // utterances that are not in the transcript
	WordsWrong int `json:"words_wrong"` // words said that the transcript does not have
}

// count compares what was said, what was published and what was stored.
func (m *show) count(t *testing.T) figures {
	t.Helper()
	f := figures{}
	f.countPublished(t, m.published(t))
	transcript, err := m.transcripts.Read(t.Context(), m.id)
	must(t, err)
	ids := make(map[meeting.SegmentID]bool)
	stored := make(map[meeting.SpeakerID][]meeting.Segment)
	for _, s := range transcript.Segments {
		if s.Quality == meeting.QualityGap {
			continue
		}
		if ids[s.Seg] {
			f.Doubled++
		}
		ids[s.Seg] = true
		f.Archived++
		stored[s.Spk] = append(stored[s.Spk], s)
	}
	for i, said := range m.said {
		f.compare(said, stored[meeting.SpeakerID(participant(i))])
	}
	return f
}

func (f *figures) countPublished(t *testing.T, all []published) {
	type version struct {
		id  meeting.SegmentID
		rev int
	}
	first := make(map[version]published)
	ids := make(map[meeting.SegmentID]bool)
	for _, s := range all {
		f.Published++
		ids[s.Seg] = true
		if s.Quality == meeting.QualityGap {
			f.Gaps++
		}
		if s.Rev > meeting.FinalRev {
			f.Rescored++
		}
		v := version{s.Seg, s.Rev}
		old, known := first[v]
		switch {
		case !known:
			first[v] = s
		case old.Text != s.Text || old.EndSeq != s.EndSeq:
			f.Differing++
			t.Logf("%s came at %v and, by another, %v later", s.Seg, old.at.Format(time.TimeOnly), s.at.Sub(old.at))
		}
	}
	f.Unique = len(ids)
}

// spoken is a word and the utterance or segment it belongs to.
type spoken struct {
	text string
	of   int
}

// compare aligns the words that a speaker said with those of the transcript. An utterance none of whose words is there is missing;
// a segment most of whose words nobody said, or which were said already, is doubled.
func (f *figures) compare(said []eval.Speech, stored []meeting.Segment) {
	var want, have []spoken
	for i, s := range said {
		for _, w := range s.Words {
			want = append(want, spoken{w.Text, i})
		}
	}
	for i, s := range stored {
		for _, w := range strings.Fields(s.Text) {
			word, _, _ := strings.Cut(w, "-") // the accent
			have = append(have, spoken{word, i})
		}
	}
	heard, matched := make([]int, len(said)), make([]int, len(stored))
	for _, pair := range align(want, have) {
		heard[want[pair[0]].of]++
		matched[have[pair[1]].of]++
	}
	f.Said += len(said)
	f.Words += len(want)
	f.WordsWrong += len(want)
	for _, n := range heard {
		f.WordsWrong -= n
		if n == 0 {
			f.Missing++
		}
	}
	for i, s := range stored {
		if 2*matched[i] < len(strings.Fields(s.Text)) {
			f.Doubled++
		}
	}
}

// align returns a longest common subsequence of words, as pairs of indexes.
func align(a, b []spoken) [][2]int {
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if a[i].text == b[j].text {
				longest[i][j] = max(longest[i][j], longest[i+1][j+1]+1)
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].text == b[j].text && longest[i][j] == longest[i+1][j+1]+1:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}

// judge fails the test unless everything that was said is there, once, in one version.
func (f figures) judge(t *testing.T) {
	t.Helper()
	t.Logf("%+v", f)
	if f.Said < speakers*2 || f.Unique == 0 {
		t.Errorf("only %d utterances were said and %d published", f.Said, f.Unique)
	}
	if f.Restarts < 3 {
		t.Errorf("%d restarts: not everything was killed", f.Restarts)
	}
	if f.Missing != 0 || f.Doubled != 0 || f.Differing != 0 || f.Gaps != 0 {
		t.Errorf("%d missing, %d doubled, %d in differing versions, %d gaps", f.Missing, f.Doubled, f.Differing, f.Gaps)
	}
}

// The count must notice what it is there for.
func TestTheCountNoticesEverything(t *testing.T) {
	speech := func(words ...string) (s eval.Speech) {
		for _, w := range words {
			s.Words = append(s.Words, eval.Word{Text: w})
		}
		return s
	}
	final := func(id meeting.SegmentID, rev int, text string) meeting.Segment {
		return meeting.Segment{Caption: meeting.Caption{Seg: id, Rev: rev, Text: text}}
	}
	said := []eval.Speech{speech("a", "b", "c"), speech("d", "e"), speech("f", "g")}
	for _, c := range []struct {
		name   string
		stored []meeting.Segment
		want   figures
	}{
		{"all", []meeting.Segment{final("1", 1000, "a-1 b-1 c-1"), final("2", 1000, "d e"), final("3", 1000, "f g")}, figures{}},
		{"missing", []meeting.Segment{final("1", 1000, "a b c"), final("3", 1000, "f g")}, figures{Missing: 1, WordsWrong: 2}},
		{"doubled", []meeting.Segment{final("1", 1000, "a b c"), final("x", 1000, "b c"), final("2", 1000, "d e"), final("3", 1000, "f g")}, figures{Doubled: 1}},
		{"misheard", []meeting.Segment{final("1", 1000, "a x c"), final("2", 1000, "d e"), final("3", 1000, "f g")}, figures{WordsWrong: 1}},
	} {
		var f figures
		f.compare(said, c.stored)
		if c.want.Said, c.want.Words = 3, 7; f.Missing != c.want.Missing || f.Doubled != c.want.Doubled || f.WordsWrong != c.want.WordsWrong {
			t.Errorf("%s: %+v, want %+v", c.name, f, c.want)
		}
	}
	var f figures
	var all []published
	for _, s := range []meeting.Segment{final("1", 1000, "a"), final("1", 1000, "a"), final("2", 1000, "b"), final("2", 1001, "c"), final("2", 1001, "d")} {
		all = append(all, published{Segment: s})
	}
	f.countPublished(t, all)
	if f.Published != 5 || f.Unique != 2 || f.Differing != 1 || f.Rescored != 2 {
		t.Errorf("%+v", f)
	}
}
