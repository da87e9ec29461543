package meeting

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestSegmentIDDependsOnlyOnTheMedia(t *testing.T) {
	a := NewSegmentID("m", "t", 5, 7)
	if b := NewSegmentID("m", "t", 5, 7); a != b {
		t.Errorf("same media gave %s and %s", a, b)
	}
	for name, b := range map[string]SegmentID{
		"meeting":  NewSegmentID("n", "t", 5, 7),
		"track":    NewSegmentID("m", "u", 5, 7),
		"epoch":    NewSegmentID("m", "t", 6, 7),
		"sequence": NewSegmentID("m", "t", 5, 8),
	} {
		if a == b {
			t.Errorf("another %s gave the same ID", name)
		}
	}
}

func TestRoomIDsAreValidAndForeignTextIsNot(t *testing.T) {
	for range 100 {
		if id := NewRoomID(); !id.Valid() {
			t.Fatalf("own room ID %q is not valid", id)
		}
	}
	for _, s := range []RoomID{"", "abc", "../../../etc/x", "bcd-fghj-kmA", "bcdfghj-kmnpq", "bcd-fghj-kmnpq"} {
		if s.Valid() {
			t.Errorf("%q is valid", s)
		}
	}
}

func TestTrackIDsCanNameObjects(t *testing.T) {
	for range 100 {
		if id := NewTrackID(); !id.Valid() {
			t.Fatalf("own track ID %q is not valid", id)
		}
	}
	for _, s := range []TrackID{"", "..", "t/1", "T1", "t 1", TrackID(strings.Repeat("t", 33))} {
		if s.Valid() {
			t.Errorf("%q is valid", s)
		}
	}
}

func TestMeetingIDsAreULIDs(t *testing.T) {
	if !NewID().Valid() {
		t.Error("own meeting ID is not valid")
	}
	for _, s := range []ID{"", "x", ID(strings.Repeat("z", 26)), "../01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		if s.Valid() {
			t.Errorf("%q is valid", s)
		}
	}
}

func TestCaptionSupersedes(t *testing.T) {
	cases := []struct {
		name     string
		new, old Caption
		want     bool
	}{
		{"a later partial", Caption{Rev: 2}, Caption{Rev: 1}, true},
		{"the same partial again", Caption{Rev: 1}, Caption{Rev: 1}, false},
		{"a final over a later partial", Caption{Rev: 1, Final: true}, Caption{Rev: 9}, true},
		{"a partial after the final", Caption{Rev: 2000}, Caption{Rev: FinalRev, Final: true}, false},
		{"a rescored final", Caption{Rev: FinalRev + 1, Final: true}, Caption{Rev: FinalRev, Final: true}, true},
	}
	for _, c := range cases {
		if got := c.new.Supersedes(&c.old); got != c.want {
			t.Errorf("%s: supersedes %v, want %v", c.name, got, c.want)
		}
	}
}

func TestLevelsAndRolesKeepTheirNamesInJSON(t *testing.T) {
	for l := Off; l <= Minutes; l++ {
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var back Level
		if err := json.Unmarshal(b, &back); err != nil || back != l {
			t.Errorf("%s came back as %s, %v", l, back, err)
		}
	}
	for r := Guest; r <= Admin; r++ {
		b, _ := json.Marshal(r)
		var back Role
		if err := json.Unmarshal(b, &back); err != nil || back != r {
			t.Errorf("%s came back as %s, %v", r, back, err)
		}
	}
	var l Level
	if err := json.Unmarshal([]byte(`"loud"`), &l); err == nil {
		t.Error("an unknown level was accepted")
	}
}

func TestSpeakerBelongsToParticipant(t *testing.T) {
	if p := SpeakerID("p1/voice-2").Participant(); p != "p1" {
		t.Errorf("participant of p1/voice-2 is %s", p)
	}
}

func TestWordsOfATextHaveTheTimesOfThoseRecognised(t *testing.T) {
	s := Segment{Caption: Caption{T0: 0, T1: 1000, Text: "l'heure est venue\u00a0!"}, Conf: 0.5, Words: []Word{
		{"l'", 100, 200, 0.9}, {" heure", 200, 500, 0.4}, {"est", 600, 700, 1}, {"venue", 800, 900, 0.8}, {"!", 900, 950, 0.7},
	}}
	want := []Word{{"l'heure", 100, 500, 0.4}, {"est", 600, 700, 1}, {"venue\u00a0!", 800, 950, 0.7}}
	if got := s.TextWords(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.Text = "wholly other"
	if got := s.TextWords(); !slices.Equal(got, []Word{{"wholly", 0, 545, 0.5}, {"other", 545, 1000, 0.5}}) {
		t.Errorf("words that were not recognised: %v", got)
	}
	s.Text, s.T0, s.T1 = " \n", 5, 5
	if got := s.TextWords(); len(got) != 0 {
		t.Errorf("words of nothing: %v", got)
	}
}
