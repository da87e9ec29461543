//go:build whisper

package main

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"souffleur/asr/eval"
	"souffleur/internal/client"
	vocabulary "souffleur/internal/meeting"
)

func clipsOf(seconds ...int) []clip {
	var out []clip
	for i, s := range seconds {
		out = append(out, clip{path: fmt.Sprint(i), lang: "en", length: time.Duration(s) * time.Second})
	}
	return out
}

func TestLineupIsShuffledForEachSpeakerAndBounded(t *testing.T) {
	clips := clipsOf(8, 9, 10, 11, 12)
	order := func(seed uint64, speaker int, length time.Duration) (paths []string, said time.Duration) {
		for _, c := range lineup(clips, seed, speaker, length) {
			paths, said = append(paths, c.path), said+c.length+between
		}
		return paths, said
	}
	first, said := order(1, 0, time.Minute)
	if said > time.Minute+slack+between || said < 40*time.Second {
		t.Errorf("%v of a minute", said)
	}
	again, _ := order(1, 0, time.Minute)
	second, _ := order(1, 1, time.Minute)
	if !slices.Equal(first, again) || slices.Equal(first, second) {
		t.Errorf("the first speaker says %v, then %v, the second %v", first, again, second)
	}
	if short, _ := order(1, 0, time.Second); len(short) != 1 {
		t.Errorf("in a second %d recordings are said, want one", len(short))
	}
	if long, said := order(1, 0, 10*time.Minute); len(long) < 40 || said > 10*time.Minute+slack+between {
		t.Errorf("in ten minutes %d recordings of %v", len(long), said)
	}
}

func TestCountsAreReadFromTheLog(t *testing.T) {
	log := "time=2026-01-02T03:04:05Z level=INFO msg=listening\n" +
		`time=2026-01-02T03:04:05Z level=INFO msg="recognition ended" counts="{\"Partials\":7,\"Shed\":0}"` + "\n" +
		`time=2026-01-02T03:04:06Z level=INFO msg="recognition ended" counts="{\"Partials\":3,\"Doubt\":2}" more=1` + "\n" +
		`level=INFO msg=broken counts="{" ` + "\n" + `level=INFO msg=other counts=12` + "\n"
	if got, want := countsIn([]byte(log)), map[string]int{"Partials": 10, "Doubt": 2}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := countsIn([]byte("nothing of the kind\n")); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestRecoveryIsTheLastTimeCaptionsBecameLive(t *testing.T) {
	end := time.Unix(1000, 0)
	at := func(s int, state string, lag time.Duration) lateness {
		return lateness{end.Add(time.Duration(s) * time.Second), state, lag}
	}
	for _, c := range []struct {
		name             string
		late             []lateness
		shown, recovered time.Duration
	}{
		{"never late", []lateness{at(-60, vocabulary.StateLive, 0)}, 0, 0},
		{"late while people spoke", []lateness{at(-60, vocabulary.StateLive, 0), at(-30, vocabulary.StateCatchingUp, 5*time.Second), at(-20, vocabulary.StateLive, 0)}, 5 * time.Second, 0},
		{"late beyond the end", []lateness{at(-30, vocabulary.StateCatchingUp, 5*time.Second), at(-28, vocabulary.StateCatchingUp, 7*time.Second), at(4, vocabulary.StateLive, 0)}, 7 * time.Second, 4 * time.Second},
		{"late for ever", []lateness{at(-30, vocabulary.StateCatchingUp, 5*time.Second)}, 5 * time.Second, mostWait},
	} {
		m := meeting{spoken: end, late: c.late}
		if shown, recovered := m.lateness(); shown != c.shown || recovered != c.recovered {
			t.Errorf("%s: %v shown, recovered after %v", c.name, shown, recovered)
		}
	}
}

func TestMeetingIsJudgedOnTheRoomClock(t *testing.T) {
	opened := time.Unix(1000, 0)
	said := clip{path: "one", lang: "en", words: "ask not", length: 2 * time.Second, utterances: []eval.Span{{From: 0, To: time.Second}}}
	m := meeting{
		lang: "en", opened: opened, spoken: opened.Add(20 * time.Second), late: []lateness{{opened, vocabulary.StateLive, 0}},
		speakers: []*speaker{
			{name: "A", said: []saying{{said, opened.Add(10 * time.Second)}}},
			{name: "B", said: []saying{{said, opened.Add(15 * time.Second)}}},
		},
		shown: []client.Received{{
			Caption: vocabulary.Caption{Seg: "s", T0: 10_000, T1: 11_000, Lang: "en", Text: "Ask not.", Final: true},
			Speaker: "A", At: opened.Add(12500 * time.Millisecond),
		}},
	}
	r := m.figures(map[string]eval.Errors{"one": {Words: 2}}).Report()
	if r.Utterances != 2 || r.Untranscribed != 1 || r.Starved != 1 || r.FirstP50 != 2500 || r.FinalP50 != 1500 {
		t.Errorf("%+v", r)
	}
	if r.WER["en"] != 0.5 || r.Gap["en"] != 0.5 {
		t.Errorf("WER %v, gap %v: two of four words are missing", r.WER, r.Gap)
	}
}
