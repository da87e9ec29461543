package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"souffleur/diarize"
	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/export"
)

func TestVoicesAreAutoOrANumber(t *testing.T) {
	for s, want := range map[string]voicesWanted{"": {}, "auto": {wanted: true}, "1": {true, 1}, "12": {true, 12}} {
		if got, err := parseVoices(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	var usage usageError
	for _, s := range []string{"0", "13", "-1", "many", "1.5"} {
		if _, err := parseVoices(s); !errors.As(err, &usage) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestWordsOfARecordingGoToItsVoices(t *testing.T) {
	var said meeting.Segment
	said.Seg, said.T1, said.Text = "s0", 4000, "Good morning. How are you?"
	said.Words = []meeting.Word{
		{Text: "Good", T0: 0, T1: 700}, {Text: "morning.", T0: 700, T1: 1900}, {Text: "How", T0: 2100, T1: 2700}, {Text: "are", T0: 2700, T1: 3300},
		{Text: "you?", T0: 3300, T1: 4000},
	}
	tr := &storage.Transcript{Segments: []meeting.Segment{said}}
	divide(tr, []diarize.Turn{{T0: 0, T1: 2000, Voice: 1}, {T0: 2000, T1: 4000, Voice: 2}})
	var out strings.Builder
	if err := export.Write(&out, export.Text, export.English, tr); err != nil {
		t.Fatal(err)
	}
	first, second := strings.Index(out.String(), "Voice 1"), strings.Index(out.String(), "Voice 2")
	if len(tr.Segments) != 2 || first < 0 || second < first || !strings.Contains(out.String()[second:], "How are you?") {
		t.Errorf("%+v\n%s", tr.Segments, out.String())
	}
}

func TestScoresAreThoseOfTheFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rttm := func(lines ...string) string { return strings.Join(lines, "\n") }
	for _, c := range []struct {
		ref, hyp string
		want     []string
	}{
		{
			write("ref.rttm", rttm("SPEAKER a 1 0 5 <NA> <NA> x", "SPEAKER a 1 5 5 <NA> <NA> y")),
			write("hyp.rttm", rttm("SPEAKER a 1 0 6 <NA> <NA> 1", "SPEAKER a 1 6 3 <NA> <NA> 2")),
			[]string{"a", "20.00", "10.00", "0.00", "10.00", "10.00", "2", "+0"},
		},
		{
			write("ref.stm", "a 1 x 0 5 one two three\na 1 y 5 9 four\n"), write("hyp.stm", "a 1 1 0 5 one two\na 1 2 5 9 three four\n"),
			[]string{"a", "50.00", "0", "1", "1", "4"},
		},
	} {
		var out strings.Builder
		if err := (&diarizeScoreCmd{Ref: c.ref, Hyp: c.hyp, Lang: "en"}).Run(&kong.Context{Kong: &kong.Kong{Stdout: &out}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(strings.Split(out.String(), "\n")[1]); !slices.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
	bad := write("bad.rttm", "SPEAKER a 1\n")
	if err := (&diarizeScoreCmd{Ref: bad, Hyp: bad}).Run(&kong.Context{Kong: &kong.Kong{Stdout: os.Stdout}}); err == nil || !strings.Contains(err.Error(), "bad.rttm") {
		t.Errorf("a file that is no RTTM: %v", err)
	}
}
