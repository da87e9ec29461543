package export

import (
	"strings"
	"testing"

	"souffleur/diarize/score"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

func TestRTTMSaysWhoSpeaksWhen(t *testing.T) {
	hall := said("p1/voice-1", 1000, 9000, "how are you today")
	for i, at := range []int64{1000, 1400, 1800, 6000} { // a pause before the last word
		hall.Words = append(hall.Words, meeting.Word{Text: strings.Fields(hall.Text)[i], T0: at, T1: at + 300})
	}
	lost := said("p2", 20_000, 30_000, "")
	lost.Quality = meeting.QualityGap
	v := &storage.Transcript{
		V: 1, Meeting: "01KAN0000000000000000000AA",
		People: []meeting.Person{{Participant: "p1", Name: "Hall 4"}, {Participant: "p2", Name: "Anna Maria"}, {Participant: "p3", Name: "Anna Maria"}},
		Names:  []storage.SpeakerName{{Spk: "p1/voice-2", Name: "Grace"}},
		Segments: []meeting.Segment{
			hall, said("p2", 3000, 5000, "very well"), said("p1/voice-2", 9500, 10_000, "thanks"), said("p3", 11_000, 12_000, "me too"), lost,
		},
		Final: true,
	}
	want := `SPEAKER 01KAN0000000000000000000AA 1 1.000 1.100 <NA> <NA> Hall_4_·_Voice_1 <NA> <NA>
SPEAKER 01KAN0000000000000000000AA 1 3.000 2.000 <NA> <NA> Anna_Maria <NA> <NA>
SPEAKER 01KAN0000000000000000000AA 1 6.000 0.300 <NA> <NA> Hall_4_·_Voice_1 <NA> <NA>
SPEAKER 01KAN0000000000000000000AA 1 9.500 0.500 <NA> <NA> Grace <NA> <NA>
SPEAKER 01KAN0000000000000000000AA 1 11.000 1.000 <NA> <NA> Anna_Maria_2 <NA> <NA>
`
	got := write(t, RTTM, v)
	if got != want {
		t.Errorf("%s", got)
	}
	back, err := score.ReadRTTM(strings.NewReader(got))
	if err != nil || len(back) != 1 || len(back[0].Speakers()) != 4 {
		t.Fatalf("read back %+v, %v", back, err)
	}
	if e := score.Rate(back[0].Segments, back[0].Segments, 0); e.DER() != 0 || e.Speech < 4.8 {
		t.Errorf("against itself %+v", e)
	}
}
