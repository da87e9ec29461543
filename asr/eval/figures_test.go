package eval

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// talk is three words a second from a moment on.
func talk(from time.Duration, text string) Speech {
	words := spoken(from, text)
	to := words[len(words)-1].To
	return Speech{Lang: "en", Text: text, Whole: Span{from, to + time.Second}, Utterances: []Span{{from, to}}, Words: words}
}

func caption(at time.Duration, says Span, segment, text string, stable int, final bool) Shown {
	s := shownAt(at, segment, text, stable, final)
	s.Says = says
	return s
}

func TestSpeakerIsJudged(t *testing.T) {
	said := []Speech{talk(10*time.Second, "ask not what"), talk(20*time.Second, "your country can"), talk(30*time.Second, "do for you")}
	first, second := Span{10 * time.Second, 11500 * ms}, Span{20 * time.Second, 21500 * ms}
	got := Judge(said, []Shown{
		caption(11*time.Second, first, "a", "ask", 0, false),
		caption(11200*ms, first, "a", "ask not", 3, false),
		caption(12500*ms, first, "a", "Ask not what", 12, true),
		caption(23*time.Second, second, "b", "your county can", 15, true),
		caption(29*time.Second, second, "b", "Your country can", 16, true), // rescored
	})
	if got.Utterances != 3 || got.Untranscribed != 1 {
		t.Errorf("%d utterances, %d never transcribed", got.Utterances, got.Untranscribed)
	}
	if !slices.Equal(got.First[0], Lags{time.Second, 3 * time.Second}) {
		t.Errorf("first captions after %v", got.First[0])
	}
	if !slices.Equal(got.Final[0], Lags{time.Second, 1500 * ms}) {
		t.Errorf("finals after %v: a better one does not count again", got.Final[0])
	}
	if e := got.WER["en"]; e != (Errors{Deletions: 3, Words: 9}) {
		t.Errorf("errors %v", e)
	}
	if got.Words.Missed != 3 || len(got.Words.Final) != 6 {
		t.Errorf("lags of %d words, %d missed", len(got.Words.Final), got.Words.Missed)
	}
	if got.Calm.StableWords != 1 || got.Calm.StableChanged != 0 {
		t.Errorf("calm %+v", got.Calm)
	}
}

func TestFirstCaptionMayBeTimedBeforeItsUtterance(t *testing.T) {
	said := []Speech{talk(5*time.Second, "yes"), talk(10*time.Second, "ask not what")}
	got := Judge(said, []Shown{
		caption(5500*ms, Span{4900 * ms, 5300 * ms}, "a", "Yes", 0, true),
		caption(10900*ms, Span{9700 * ms, 9900 * ms}, "b", "Ask", 0, false),
		caption(12*time.Second, Span{9700 * ms, 11 * time.Second}, "b", "Ask not what", 12, true),
	})
	if !slices.Equal(got.First[0], Lags{500 * ms, 900 * ms}) {
		t.Errorf("first captions after %v", got.First[0])
	}
}

func TestOneFinalMayCoverTwoUtterances(t *testing.T) {
	said := []Speech{talk(10*time.Second, "ask not"), talk(11500*ms, "what for")}
	got := Judge(said, []Shown{caption(14*time.Second, Span{10 * time.Second, 12500 * ms}, "a", "ask not what for", 0, true)})
	if got.Untranscribed != 0 || !slices.Equal(got.Final[0], Lags{3 * time.Second, 1500 * ms}) {
		t.Errorf("%d never transcribed, finals after %v", got.Untranscribed, got.Final[0])
	}
}

func TestFiguresOfRunsAreJoined(t *testing.T) {
	one := Judge([]Speech{talk(0, "a b")}, []Shown{caption(2*time.Second, Span{100 * ms, time.Second}, "s", "a b", 0, true)})
	var all Figures
	all.Add(one.Place(1))
	all.Add(one.Place(0))
	all.Add(one.Place(1))
	all.Speakers, all.Offline = 2, map[string]Errors{"en": {Substitutions: 3, Words: 6}}
	if len(all.First[0]) != 1 || len(all.First[1]) != 2 || all.Utterances != 3 {
		t.Errorf("first %v of %d utterances", all.First, all.Utterances)
	}
	r := all.Report()
	if r.FirstP50 != 2000 || r.FinalP50 != 1000 || r.FairFirst != 1 || r.Starved != 0 || r.WER["all"] != 0 || r.Gap["all"] != -0.5 || r.Gap["en"] != -0.5 {
		t.Errorf("report %+v", r)
	}
	if r = one.Place(1).Report(); r.Starved != 1 {
		t.Errorf("%d starved, but the first speaker was never shown", r.Starved)
	}
}

func TestTableShowsEveryRow(t *testing.T) {
	var out bytes.Buffer
	rows := []Report{
		{WER: map[string]float64{"all": 0.2, "fr": 0.25}, Pace: 0.3},
		{Speakers: 4, Untranscribed: 7, WER: map[string]float64{"all": 0.225}, Gap: map[string]float64{"all": 0.025}, ShownLate: 5200, Counts: map[string]int{"Shed": 3}},
	}
	if err := Table(&out, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"20.0 fr 25.0", "0.30 × real time", "22.5", "+2.5", "5.2 s", "4 speaking: Shed 3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
