//go:build whisper

package asr_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/asr"
	"souffleur/asr/asrtest"
	"souffleur/asr/eval"
	"souffleur/asr/eval/sound"
	"souffleur/asr/whisper"
	"souffleur/internal/meeting"
	"souffleur/internal/models"
	"souffleur/internal/vad"
)

var (
	soundFor   = flag.Duration("sound", time.Minute, "how long each sound lasts in TestNothingIsWrittenForSounds")
	withEngine = flag.Bool("engine", false, "TestRehearsalWithTheEngine runs")
	modelName  = flag.String("model", "", "installed speech model to measure; empty: whisper-base")
)

// measured loads the model to measure and the voice detector, or skips.
func measured(t *testing.T) (*whisper.Model, *vad.Model) {
	t.Helper()
	m, v := engines(t)
	if *modelName == "" {
		return m, v
	}
	dir := os.Getenv("SOUFFLEUR_MODELS")
	path, err := models.NewStore(dir, slog.New(slog.DiscardHandler)).Path(*modelName)
	if err != nil {
		t.Fatalf("model %s in %q (SOUFFLEUR_MODELS): %v", *modelName, dir, err)
	}
	other, err := whisper.Load(path, whisper.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other, v
}

// TestNothingIsWrittenForSounds plays sounds without speech into a live meeting, on a virtual clock, and counts what readers
// see. Goal: nothing.
func TestNothingIsWrittenForSounds(t *testing.T) {
	m, v := measured(t)
	var rows []eval.NoiseFigures
	for _, s := range sound.All(1) {
		packets, err := sound.Opus(t.Context(), s, *soundFor)
		if errors.Is(err, sound.ErrNoEncoder) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int64
		got := asr.Stream(t, packets, []string{"en", "fr"}, 200*time.Millisecond,
			func() (asr.Recognizer, error) {
				rec, err := m.NewRecognizer()
				return counting{rec, &calls}, err
			},
			func() (asr.VoiceDetector, error) { return v.NewDetector() })
		row := eval.NoiseFigures{Sound: s.Name, Seconds: soundFor.Seconds(), Recognised: int(calls.Load())}
		row.Shown, row.Stored = eval.Invented(updates(got))
		rows = append(rows, row)
		t.Logf("%s: %d words shown, %d stored, %d recognitions", row.Sound, row.Shown, row.Stored, row.Recognised)
		if row.Shown+row.Stored > 0 && !asr.Measuring() {
			t.Errorf("%s: %d words shown and %d stored where nobody spoke", row.Sound, row.Shown, row.Stored)
		}
	}
	asr.SaveFigures(t, rows)
}

// counting counts the calls of a recogniser.
type counting struct {
	asr.Recognizer
	calls *atomic.Int64
}

// Recognize implements asr.Recognizer.
func (c counting) Recognize(ctx context.Context, req asr.Request) (asr.Result, error) {
	c.calls.Add(1)
	return c.Recognizer.Recognize(ctx, req)
}

// TestLanguagesAreFound speaks recordings in five languages into meetings whose language nobody told, and looks at the language
// that finals say, and at the one they are written in. It measures; it fails only if nothing is written.
func TestLanguagesAreFound(t *testing.T) {
	if !asr.Measuring() {
		t.Skip("takes minutes; make bench-asr BENCH=-languages runs it")
	}
	m, v := measured(t)
	var rows []eval.LanguageFigures
	for _, lang := range []string{"fr", "en", "de", "es", "pt"} {
		row := eval.LanguageFigures{Spoken: lang}
		for _, path := range recordings(t, lang) {
			c := load(t, path, lang)
			got := asr.Stream(t, c.opus, nil, 200*time.Millisecond,
				func() (asr.Recognizer, error) { return m.NewRecognizer() },
				func() (asr.VoiceDetector, error) { return v.NewDetector() })
			row.Recordings++
			judgeLanguage(&row, got.Finals, c)
		}
		if row.Recordings > 0 && row.Finals == 0 {
			t.Errorf("%s: nothing was written", lang)
		}
		t.Logf("%+v", row)
		rows = append(rows, row)
	}
	asr.SaveFigures(t, rows)
}

func judgeLanguage(row *eval.LanguageFigures, finals []meeting.Segment, c clip) {
	for _, s := range finals {
		row.Finals++
		if s.Lang == c.lang {
			row.Right++
		} else {
			row.Wrong++
		}
		if written := eval.Tongue(s.Text); written != "" && written != c.lang {
			row.Translated++
		}
	}
	row.Errors = row.Errors.Add(eval.Score(eval.Normalize(c.lang, c.words), eval.Normalize(c.lang, text(finals))))
}

// recordings returns the paths of the optional recordings in a language.
func recordings(t *testing.T, lang string) []string {
	t.Helper()
	dir := os.Getenv("SOUFFLEUR_SPEECH")
	if dir == "" {
		dir = "../../shared/audio"
	}
	paths, err := filepath.Glob(filepath.Join(dir, "fleurs", "fleurs-"+lang+"-*.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestRehearsalWithTheEngine is TestRehearsal with the real engine and recordings. What a recognition costs is fixed, so that
// the machine does not count: figures differ between two runs only if the engine's texts do.
func TestRehearsalWithTheEngine(t *testing.T) {
	if !*withEngine {
		t.Skip("takes minutes; make bench-asr BENCH='-virtual -engine' runs it")
	}
	m, v := measured(t)
	byLang := make(map[string][]asrtest.Spoken)
	for _, c := range speech(t) {
		byLang[c.lang] = append(byLang[c.lang], withTimes(t, v, c))
	}
	var rows []eval.Figures
	for _, n := range asr.Speakers(t) {
		row := eval.Figures{Speakers: n}
		for _, lang := range []string{"en", "fr"} {
			if len(byLang[lang]) == 0 {
				continue
			}
			r := asr.Rehearsal{
				Langs: []string{lang}, Workers: 2,
				NewRecognizer: func() (asr.Recognizer, error) {
					rec, err := m.NewRecognizer()
					return asr.Charge(asrtest.BaseCosts, rec), err
				},
				NewDetector: func() (asr.VoiceDetector, error) { return v.NewDetector() },
			}
			for i := range n {
				r.Voices = append(r.Voices, shuffled(byLang[lang], asr.Script(), uint64(i), asr.Speaks()/2))
			}
			row.Add(asr.Rehearse(t, r))
		}
		rows = append(rows, row)
		t.Logf("%d speaking: %+v", n, row.Report())
	}
	asr.SaveFigures(t, rows)
}

// withTimes finds when a recording speaks, estimates the times of its words, and lets a second of silence follow.
func withTimes(t *testing.T, v *vad.Model, c clip) asrtest.Spoken {
	t.Helper()
	s := asrtest.Spoken{Packets: slices.Concat(c.opus, slices.Repeat([][]byte{{0xf8, 0xff, 0xfe}}, 50))} // 20 ms of CELT silence each
	s.Speech = eval.Speech{Lang: c.lang, Text: c.words, Utterances: asr.SpeechIn(t, c.pcm, func() (asr.VoiceDetector, error) { return v.NewDetector() })}
	s.Speech.Whole.To = time.Duration(len(s.Packets)) * 20 * time.Millisecond
	s.Speech.Words = eval.Timed(c.lang, c.words, s.Speech.Utterances)
	return s
}

// shuffled speaks clips in an order of its own for about length, one of them at least.
func shuffled(clips []asrtest.Spoken, seed, speaker uint64, length time.Duration) asrtest.Voice {
	r := rand.New(rand.NewPCG(seed, speaker))
	var order []int
	said := time.Duration(0)
	return func() (asrtest.Spoken, bool) {
		if said >= length {
			return asrtest.Spoken{}, false
		}
		if len(order) == 0 {
			order = r.Perm(len(clips))
		}
		s := clips[order[0]]
		order = order[1:]
		said += s.Speech.Whole.To
		return s, true
	}
}
