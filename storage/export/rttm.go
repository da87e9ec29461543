package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"souffleur/diarize/score"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

// pause is the silence between two words, in ms, that a turn goes on over.
const pause = 500

// writeRTTM writes who speaks when, without words: a SPEAKER line of RTTM for each stretch in which somebody speaks, by the times of
// their words where these are known. Two people of one name get numbers.
func writeRTTM(w io.Writer, lang Lang, t *storage.Transcript) error {
	r := score.Recording{Name: string(t.Meeting)}
	if r.Name == "" {
		r.Name = t.RoomName
	}
	called := fieldsOf(t, lang)
	for i := range t.Segments {
		s := &t.Segments[i]
		if s.Quality == meeting.QualityGap || len(meeting.Fields(s.Text)) == 0 {
			continue
		}
		r.Segments = append(r.Segments, stretches(s, called[s.Spk])...)
	}
	slices.SortStableFunc(r.Segments, func(a, b score.Segment) int { return cmp.Compare(a.Start, b.Start) })
	return score.WriteRTTM(w, r)
}

// stretches are the parts of a segment without a pause.
func stretches(s *meeting.Segment, speaker string) []score.Segment {
	var out []score.Segment
	add := func(from, to int64) {
		if from, to = bounded(from), bounded(to); to <= from {
			return
		}
		last := len(out) - 1
		if last >= 0 && float64(from)/1000-out[last].End <= float64(pause)/1000 {
			out[last].End = max(out[last].End, float64(to)/1000)
			return
		}
		out = append(out, score.Segment{Start: float64(from) / 1000, End: float64(to) / 1000, Speaker: speaker})
	}
	for _, word := range s.Words {
		add(word.T0, word.T1)
	}
	if len(out) == 0 {
		add(s.T0, s.T1)
	}
	return out
}

// fieldsOf are the names of speakers as RTTM has them, in one field; no two speakers share one.
func fieldsOf(t *storage.Transcript, lang Lang) map[meeting.SpeakerID]string {
	names, out, taken := namesOf(t, lang), map[meeting.SpeakerID]string{}, map[string]bool{}
	for i := range t.Segments {
		spk := t.Segments[i].Spk
		if _, known := out[spk]; known {
			continue
		}
		name := strings.ReplaceAll(names.name(spk), " ", "_")
		if name == "" {
			name = "-"
		}
		for n, first := 2, name; taken[name]; n++ {
			name = fmt.Sprintf("%s_%d", first, n)
		}
		out[spk], taken[name] = name, true
	}
	return out
}
