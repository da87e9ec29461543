package voicebook_test

import (
	"slices"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/voicebook"
)

const track = meeting.TrackID("t0")

// told is a book that took these records one after the other.
func told(records ...meeting.Voices) *voicebook.Book {
	b := voicebook.New("p0")
	for i, v := range records {
		v.Track, v.Rev = track, i+1
		b.Apply(&v)
	}
	return b
}

func turns(from int64, t ...meeting.VoiceTurn) meeting.Voices {
	return meeting.Voices{Type: meeting.VoicesTurns, From: from, Turns: t}
}

// said is a segment whose words last 300 ms each, from a moment on.
func said(t0 int64, words ...string) meeting.Segment {
	s := meeting.Segment{Caption: meeting.Caption{Seg: "s", Spk: "p0", T0: t0, T1: t0 + 300*int64(len(words)), Final: true}, Track: track}
	for i, w := range words {
		at := t0 + 300*int64(i)
		s.Words = append(s.Words, meeting.Word{Text: w, T0: at, T1: at + 300, P: 0.5})
		if i > 0 {
			s.Text += " "
		}
		s.Text += w
	}
	return s
}

func TestASegmentIsCutWhereTheVoiceChanges(t *testing.T) {
	b := told(turns(0, meeting.VoiceTurn{T0: 0, T1: 1200, Voice: 1}, meeting.VoiceTurn{T0: 1200, T1: 2400, Voice: 2}))
	parts := b.Divide(said(0, "how", "are", "you", "today?", "fine", "thank", "you", "both."))
	if len(parts) != 2 {
		t.Fatalf("%d parts", len(parts))
	}
	first, second := parts[0], parts[1]
	if first.Seg != "s" || first.Spk != "p0/voice-1" || first.Text != "how are you today?" || first.T0 != 0 || first.T1 != 1200 || len(first.Words) != 4 {
		t.Errorf("first %+v", first)
	}
	if second.Seg != "s-2" || second.Spk != "p0/voice-2" || second.Text != "fine thank you both." || second.T0 != 1200 || second.T1 != 2400 || second.Stable != 20 {
		t.Errorf("second %+v", second)
	}
}

func TestWhatNobodySaysWhoSaidIsTheParticipants(t *testing.T) {
	far := turns(0, meeting.VoiceTurn{T0: 60_000, T1: 61_000, Voice: 1})
	other := said(60_000, "hello")
	other.Track = "t1"
	for name, parts := range map[string][]meeting.Segment{
		"no turns":      told().Divide(said(0, "hello")),
		"far away":      told(far).Divide(said(0, "hello")),
		"another track": told(far).Divide(other),
	} {
		if len(parts) != 1 || parts[0].Spk != "p0" || parts[0].Seg != "s" || parts[0].Text != "hello" {
			t.Errorf("%s: %+v", name, parts)
		}
	}
}

func TestIslandsAndEndsOfClausesBelongToTheirNeighbours(t *testing.T) {
	for name, b := range map[string]*voicebook.Book{
		"an island": told(turns(0, meeting.VoiceTurn{T0: 0, T1: 600, Voice: 1}, meeting.VoiceTurn{T0: 600, T1: 900, Voice: 2}, meeting.VoiceTurn{T0: 900, T1: 2400, Voice: 1})),
		"the end":   told(turns(0, meeting.VoiceTurn{T0: 0, T1: 1800, Voice: 1}, meeting.VoiceTurn{T0: 1800, T1: 2400, Voice: 2})),
	} {
		if parts := b.Divide(said(0, "we", "will", "see", "about", "that", "on", "monday", "morning.")); len(parts) != 1 || parts[0].Spk != "p0/voice-1" {
			t.Errorf("%s: %d parts, %s", name, len(parts), parts[0].Spk)
		}
	}
}

func TestMergedVoicesAreOne(t *testing.T) {
	b := told(
		turns(0, meeting.VoiceTurn{T0: 0, T1: 1200, Voice: 1}, meeting.VoiceTurn{T0: 1200, T1: 2400, Voice: 3}),
		meeting.Voices{Type: meeting.VoicesRenamed, Voice: 3, Name: "Ada"},
		meeting.Voices{Type: meeting.VoicesMerged, Voice: 3, Into: 1},
		meeting.Voices{Type: meeting.VoicesMerged, Voice: 1, Into: 3}, // a circle is refused
	)
	parts := b.Divide(said(0, "how", "are", "you", "today?", "fine", "thank", "you", "both."))
	if len(parts) != 1 || parts[0].Spk != "p0/voice-1" || !slices.Equal(b.Voices(), []int{1}) || b.Highest() != 3 {
		t.Errorf("%+v, voices %v, highest %d", parts, b.Voices(), b.Highest())
	}
	if b.Names()[1].Name != "Ada" {
		t.Errorf("names %v", b.Names())
	}
}

func TestNewTurnsReplaceThoseFromTheirBeginningOn(t *testing.T) {
	b := told(turns(0, meeting.VoiceTurn{T0: 0, T1: 2000, Voice: 1}, meeting.VoiceTurn{T0: 2000, T1: 4000, Voice: 2}))
	v := turns(1000, meeting.VoiceTurn{T0: 1000, T1: 4000, Voice: 2})
	v.Rev, v.Track = 2, track
	from, changed := b.Apply(&v)
	want := []meeting.VoiceTurn{{T0: 0, T1: 1000, Voice: 1}, {T0: 1000, T1: 4000, Voice: 2}}
	if !changed || from != 1000 || !slices.Equal(b.Turns(), want) {
		t.Errorf("changed %v from %d: %v", changed, from, b.Turns())
	}
	if _, changed := b.Apply(&v); changed {
		t.Error("the same record changes something twice")
	}
	old := turns(0)
	old.Rev = 1
	if _, changed := b.Apply(&old); changed || len(b.Turns()) != 2 {
		t.Error("an old record counts")
	}
}

func TestAPartialHasTheVoiceThatSpeaksMost(t *testing.T) {
	b := told(turns(0, meeting.VoiceTurn{T0: 0, T1: 1000, Voice: 1}, meeting.VoiceTurn{T0: 1000, T1: 4000, Voice: 2}))
	for _, c := range []struct {
		t0, t1 int64
		want   int
	}{{0, 1500, 1}, {500, 4000, 2}, {4500, 5000, 2}, {9000, 9500, 0}} {
		if got := b.At(c.t0, c.t1); got != c.want {
			t.Errorf("from %d to %d: voice %d, want %d", c.t0, c.t1, got, c.want)
		}
	}
}

func FuzzDivide(f *testing.F) {
	f.Add("how are you? fine, l'heure", int64(0), int64(1000), int64(500), 2)
	f.Fuzz(func(t *testing.T, text string, t0, length, cut int64, voice int) {
		v := turns(0, meeting.VoiceTurn{T0: 0, T1: 1 + cut&0xffff, Voice: 1}, meeting.VoiceTurn{T0: 1 + cut&0xffff, T1: 1 << 20, Voice: 2 + voice&7})
		b := told(v)
		s := meeting.Segment{Caption: meeting.Caption{Seg: "s", T0: t0 & 0xffff, T1: t0&0xffff + length&0xffff, Text: text}, Track: track}
		parts := b.Divide(s)
		var words []string
		for _, p := range parts {
			words = append(words, meeting.Fields(p.Text)...)
			if p.T1 < p.T0 {
				t.Fatalf("a part from %d to %d", p.T0, p.T1)
			}
		}
		if len(parts) == 0 || !slices.Equal(words, meeting.Fields(text)) {
			t.Fatalf("%q became %q", meeting.Fields(text), words)
		}
	})
}
