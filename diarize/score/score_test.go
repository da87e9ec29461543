package score

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// The figures of testdata/rates.json are those of pyannote.metrics; its head says how they were made.
func TestRatesAreThoseOfAnotherScorer(t *testing.T) {
	b, err := os.ReadFile("testdata/rates.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Ref, Hyp [][3]any
			Rates    []struct {
				Collar, Speech, Miss, Confusion float64
				FalseAlarm                      float64 `json:"false_alarm"`
			}
		}
	}
	if err := json.Unmarshal(b, &golden); err != nil || len(golden.Cases) != 12 {
		t.Fatal("read the golden figures:", err)
	}
	segments := func(rows [][3]any) []Segment {
		var out []Segment
		for _, r := range rows {
			out = append(out, Segment{r[0].(float64), r[1].(float64), r[2].(string)})
		}
		return out
	}
	for i, c := range golden.Cases {
		for _, want := range c.Rates {
			got := Rate(segments(c.Ref), segments(c.Hyp), want.Collar)
			for what, pair := range map[string][2]float64{
				"speech": {got.Speech, want.Speech}, "miss": {got.Miss, want.Miss}, "false alarm": {got.FalseAlarm, want.FalseAlarm},
				"confusion": {got.Confusion, want.Confusion},
			} {
				if math.Abs(pair[0]-pair[1]) > 0.002 {
					t.Errorf("case %d, collar %v: %s %.3f, want %.3f", i, want.Collar, what, pair[0], pair[1])
				}
			}
		}
	}
}

// Errors are those of meeteval 0.4.3, cp_word_error_rate.
func TestWordErrorsBySpeakerAreThoseOfAnotherScorer(t *testing.T) {
	said := func(pairs ...string) []Utterance {
		var out []Utterance
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, Utterance{float64(i), pairs[i], strings.Fields(pairs[i+1])})
		}
		return out
	}
	for _, c := range []struct {
		ref, hyp      []Utterance
		errors, words int
	}{
		{said("a", "the cat sat on the mat today", "b", "hello there general"), said("x", "hello general", "y", "the cat sat on mat yesterday today", "z", "um"), 4, 10},
		{said("a", "one two three four", "b", "five six"), said("x", "one two five six", "y", "three four"), 4, 6},
		{said("a", "one"), nil, 1, 1},
		{nil, said("x", "one two"), 2, 0},
	} {
		e := Words(c.ref, c.hyp)
		if got := e.Substitutions + e.Deletions + e.Insertions; got != c.errors || e.Words != c.words {
			t.Errorf("%d errors in %d words, want %d in %d", got, e.Words, c.errors, c.words)
		}
	}
}

func TestRTTMComesBack(t *testing.T) {
	r := []Recording{
		{"first one", []Segment{{0, 1.5, "Anna B"}, {1.25, 3.125, ""}}},
		{"second", []Segment{{10, 12, "voice-1"}}},
	}
	var b bytes.Buffer
	if err := WriteRTTM(&b, r...); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRTTM(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "first_one" || !slices.Equal(got[0].Segments, []Segment{{0, 1.5, "Anna_B"}, {1.25, 3.125, "-"}}) {
		t.Errorf("%+v", got)
	}
}

func TestFilesThatAreNoRTTMAreRefused(t *testing.T) {
	for _, line := range []string{"SPEAKER a 1 0", "SPEAKER a 1 x 1 <NA> <NA> s", "SPEAKER a 1 0 -1 <NA> <NA> s", "SPEAKER a 1 NaN 1 <NA> <NA> s", "SPEAKER a 1 1e99 1 <NA> <NA> s"} {
		if _, err := ReadRTTM(strings.NewReader(line)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", line, err)
		}
	}
	if got, err := ReadRTTM(strings.NewReader(";; comment\n\nLEXEME a 1 0 1 x\n")); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzReadRTTM(f *testing.F) {
	f.Add([]byte("SPEAKER a 1 0.5 1.5 <NA> <NA> s <NA> <NA>\n;; x\nSPEAKER b 1 2 1 <NA> <NA> t"))
	f.Fuzz(func(t *testing.T, b []byte) {
		recordings, err := ReadRTTM(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, r := range recordings {
			if e := Rate(r.Segments, r.Segments, 0); e.Miss+e.FalseAlarm+e.Confusion > 1e-6*(1+e.Speech) {
				t.Errorf("a recording is not like itself: %+v", e)
			}
		}
		var out bytes.Buffer
		if err := WriteRTTM(&out, recordings...); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadRTTM(&out); err != nil {
			t.Errorf("what was written is not read: %v", err)
		}
	})
}

func FuzzReadSTM(f *testing.F) {
	f.Add([]byte("a 1 s 0.5 1.5 <o> hello there\n;; x\n"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = ReadSTM(bytes.NewReader(b), "en") })
}
