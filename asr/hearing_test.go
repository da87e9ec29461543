package asr

import (
	"errors"
	"slices"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

// utteranceOf is an utterance of so many seconds of voice, closed, whose partials said what hypotheses say.
func utteranceOf(t *testing.T, seconds float64, hypotheses ...string) *utterance {
	t.Helper()
	u := &utterance{id: "s"}
	for at := int64(0); at < samples(time.Duration(seconds*float64(time.Second))); at += HopSize {
		u.append(spoken(1).pcm[:HopSize], at, true)
	}
	for _, h := range hypotheses {
		rec := &echo{fail: func(int, Request) (Result, error, bool) {
			return Result{Lang: "en", LogProb: -0.3, Words: spread(h, seconds-0.5)}, nil, true
		}}
		if _, _, err := u.partial(t.Context(), rec, &foreknowledge{}, defaultEndpointing()); err != nil {
			t.Fatal(err)
		}
	}
	u.close(int64(len(u.pcm)), int64(len(u.pcm)), 1)
	return u
}

func TestTextOfAFinal(t *testing.T) {
	const said = "we begin with the budget of this year and then we eat"
	loop := Result{Lang: "en", LogProb: -0.2, Words: spread("and and and and and", 4)}
	good := Result{Lang: "en", LogProb: -0.2, Words: spread(said+" something", 4)}
	partials := []string{said, said}
	for name, c := range map[string]struct {
		partials      []string
		final, second Result
		err           error
		want          string
		quality       string
	}{
		"believed":                     {partials, good, loop, nil, said + " something", meeting.QualityFull},
		"a loop is asked for again":    {partials, loop, good, nil, said + " something", meeting.QualityFull},
		"two loops leave the partials": {partials, loop, loop, nil, said, meeting.QualityFast},
		"an error leaves the partials": {partials, Result{}, Result{}, errors.New("no memory"), said, meeting.QualityFast},
		"a lost beginning is noticed":  {partials, Result{Lang: "en", LogProb: -0.2, Words: spread("then we eat", 4)}, good, nil, said + " something", meeting.QualityFull},
		"lost twice, partials stay":    {partials, Result{Lang: "en", LogProb: -0.2, Words: spread("then we eat", 4)}, Result{Lang: "en", Words: spread("eat", 4)}, nil, said, meeting.QualityFast},
		"nothing at all":               {nil, loop, loop, nil, "", meeting.QualityFast},
		"a real short answer":          {nil, Result{Lang: "en", LogProb: -0.2, Words: spread("yes", 4)}, loop, nil, "yes", meeting.QualityFull},
	} {
		u := utteranceOf(t, 4, c.partials...)
		rec := &echo{fail: func(call int, req Request) (Result, error, bool) {
			if req.Partial != (call == 2) {
				t.Errorf("%s: call %d as partial: %v", name, call, req.Partial)
			}
			if call == 1 {
				return c.final, c.err, true
			}
			return c.second, nil, true
		}}
		out := u.finalOf(t.Context(), u.snapshot(), rec, &foreknowledge{}, defaultEndpointing(), false)
		if text(out.words) != c.want || out.quality != c.quality {
			t.Errorf("%s: %q of quality %s, want %q of %s", name, text(out.words), out.quality, c.want, c.quality)
		}
	}
}

func TestFinalThatHearsNothingKeepsWhatWasCommitted(t *testing.T) {
	u := utteranceOf(t, 4, "we begin with", "we begin with the")
	out := u.finalOf(t.Context(), u.snapshot(), &echo{fail: func(int, Request) (Result, error, bool) { return Result{Lang: "en"}, nil, true }},
		&foreknowledge{}, defaultEndpointing(), false)
	if text(out.words) != "we begin with" || out.quality != meeting.QualityFast {
		t.Errorf("%q of quality %s", text(out.words), out.quality)
	}
}

func TestPartialsWaitForNewAudioWithVoice(t *testing.T) {
	u := &utterance{id: "s"}
	hop := spoken(1).pcm[:HopSize]
	grow := func(seconds float64, voiced bool) {
		for end := int64(len(u.pcm)) + samples(time.Duration(seconds*float64(time.Second))); int64(len(u.pcm)) < end; {
			u.append(hop, int64(len(u.pcm)), voiced)
		}
	}
	every := time.Second
	grow(0.4, true)
	if u.partialDue(every) {
		t.Error("due after 0.4 s")
	}
	grow(0.4, true)
	if !u.partialDue(every) {
		t.Error("not due after 0.8 s")
	}
	if !u.claim() || u.partialDue(every) {
		t.Error("asked for twice")
	}
	if _, _, err := u.partial(t.Context(), &echo{}, &foreknowledge{}, defaultEndpointing()); err != nil {
		t.Fatal(err)
	}
	grow(0.8, true)
	if u.partialDue(every) {
		t.Error("due again after 0.8 s of new audio")
	}
	grow(0.3, true)
	if !u.partialDue(every) || u.claim() {
		t.Error("not due after 1.1 s of new audio, or taken for the first")
	}
	if _, _, err := u.partial(t.Context(), &echo{}, &foreknowledge{}, defaultEndpointing()); err != nil {
		t.Fatal(err)
	}
	grow(2, false)
	if u.partialDue(every) {
		t.Error("due for silence")
	}
}

func TestPartialsHurryUntilSomethingIsSeen(t *testing.T) {
	doubted := &echo{fail: func(int, Request) (Result, error, bool) {
		return Result{Lang: "fr", LogProb: -2, Words: spread("sans doute", 1)}, nil, true
	}}
	u := utteranceOf(t, 1)
	u.closed = false
	hop := spoken(1).pcm[:HopSize]
	for try := range firstTries + 1 {
		if hurried := u.partialDue(time.Minute); hurried != (try < firstTries) {
			t.Errorf("after %d texts that were not believed: due %v", try, hurried)
		}
		if first := u.claim(); first != (try < firstTries) {
			t.Errorf("after %d texts that were not believed: first %v", try, first)
		}
		if _, refused, err := u.partial(t.Context(), doubted, &foreknowledge{}, defaultEndpointing()); err != nil || refused != refusedDoubt {
			t.Fatalf("refused %q, error %v", refused, err)
		}
		for end := int64(len(u.pcm)) + samples(firstPartial) + HopSize; int64(len(u.pcm)) < end; {
			u.append(hop, u.start+int64(len(u.pcm)), true)
		}
	}
}

func TestPartialKeepsTheLanguageOfItsUtterance(t *testing.T) {
	var asked []string
	rec := &echo{fail: func(_ int, req Request) (Result, error, bool) {
		asked = append(asked, req.Lang)
		return Result{Lang: "fr", LogProb: -0.3, Words: spread("on commence", 2)}, nil, true
	}}
	u := utteranceOf(t, 3)
	u.closed = false
	lang := &foreknowledge{}
	for range 2 {
		if _, _, err := u.partial(t.Context(), rec, lang, defaultEndpointing()); err != nil {
			t.Fatal(err)
		}
	}
	u.finalOf(t.Context(), u.snapshot(), rec, lang, defaultEndpointing(), false)
	if len(asked) != 3 || asked[0] != "" || asked[1] != "fr" || asked[2] != "" {
		t.Errorf("asked for %q: the first detects, later partials keep to it, the final detects on all of it", asked)
	}
}

func TestGlossaryIsThePromptOfPartialsAndFinals(t *testing.T) {
	var prompts []string
	rec := &echo{fail: func(_ int, req Request) (Result, error, bool) {
		prompts = append(prompts, req.Prompt)
		return Result{Lang: "fr", LogProb: -0.3, Words: spread("on commence", 2)}, nil, true
	}}
	u := utteranceOf(t, 3)
	u.closed = false
	known := &foreknowledge{}
	known.expect([]string{"fr"}, []string{"USOC", "Jean-Luc Ferré"}, meeting.Engines{})
	if _, _, err := u.partial(t.Context(), rec, known, defaultEndpointing()); err != nil {
		t.Fatal(err)
	}
	known.expect([]string{"fr"}, nil, meeting.Engines{})
	u.finalOf(t.Context(), u.snapshot(), rec, known, defaultEndpointing(), false)
	if !slices.Equal(prompts, []string{"USOC, Jean-Luc Ferré.", ""}) {
		t.Errorf("prompts %q", prompts)
	}
}

func TestWhatWasSaidBeforeIsContextOfAFinal(t *testing.T) {
	var prompts []string
	var answer Result
	rec := &echo{fail: func(_ int, req Request) (Result, error, bool) {
		prompts = append(prompts, req.Prompt)
		return answer, nil, true
	}}
	known := &foreknowledge{}
	known.expect([]string{"en"}, []string{"USOC"}, meeting.Engines{})
	say := func(at time.Duration, logProb float64, said string) {
		answer = Result{Lang: "en", LogProb: logProb, Words: spread(said, 2.5)}
		u := utteranceOf(t, 3)
		u.epoch = uint64(at.Milliseconds())
		out := u.finalOf(t.Context(), u.snapshot(), rec, known, defaultEndpointing(), false)
		u.conclude(&out)
		known.remember(out, u.roomClock(u.start)+3000)
	}
	say(0, -0.2, "one two three four five six seven eight nine ten eleven twelve thirteen")
	say(5*time.Second, -0.2, "we begin")
	say(30*time.Second, -0.8, "with the budget") // 20 s later
	say(34*time.Second, -0.2, "then")            // after words that the engine was not sure of
	want := []string{"USOC.", "USOC. two three four five six seven eight nine ten eleven twelve thirteen", "USOC.", "USOC."}
	if !slices.Equal(prompts, want) {
		t.Errorf("prompts %q\nwant %q", prompts, want)
	}
}

func TestSomethingUnsureIsShownBeforeNothing(t *testing.T) {
	unsure := &echo{fail: func(_ int, req Request) (Result, error, bool) {
		return Result{Lang: "fr", LogProb: -1.3, Words: spread("rugissement du tigre", 1)}, nil, true
	}}
	u := utteranceOf(t, 1)
	u.closed = false
	shown, refused, err := u.partial(t.Context(), unsure, &foreknowledge{}, defaultEndpointing())
	if err != nil || refused != "" || shown == nil {
		t.Fatalf("nothing to see, and %q refused (%v)", refused, err)
	}
	if _, refused, _ = u.partial(t.Context(), unsure, &foreknowledge{}, defaultEndpointing()); refused != refusedDoubt {
		t.Error("once something is seen the usual bound holds")
	}
	out := u.finalOf(t.Context(), u.snapshot(), unsure, &foreknowledge{}, defaultEndpointing(), false)
	if out.refused != refusedDoubt {
		t.Error("it became a final")
	}
}
