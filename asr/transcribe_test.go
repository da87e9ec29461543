package asr

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"souffleur/internal/ogg"
)

func samplesOf(t testing.TB, name string) []float32 {
	t.Helper()
	file, err := os.ReadFile("../testdata/speech/" + name)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := ogg.Decode(bytes.NewReader(file), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func TestTranscribeKeepsTimesAndOrder(t *testing.T) {
	jfk := samplesOf(t, "jfk.ogg")
	var pcm []float32
	for range 4 {
		pcm = append(append(pcm, jfk...), make([]float32, 3*SampleRate)...)
	}
	rec := &echo{}
	var progress []time.Duration
	got, err := Transcribe(t.Context(), pcm, rec, &loudness{}, TranscribeOptions{Lang: "en", Progress: func(done, total time.Duration) {
		progress = append(progress, done)
		if total != 56*time.Second {
			t.Errorf("total %v", total)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < 8 || rec.calls < 2 || rec.calls > 4 {
		t.Fatalf("%d segments from %d calls, want the utterances of 56 s from pieces of up to 28 s", len(got), rec.calls)
	}
	for i, s := range got {
		if s.Lang != "en" || s.Text == "" || s.T1 <= s.T0 || len(s.Words) == 0 || s.Words[0].T0 != s.T0 {
			t.Errorf("segment %+v", s)
		}
		if i > 0 && (s.T0 < got[i-1].T1 || s.Seg == got[i-1].Seg) {
			t.Errorf("segment from %d after one until %d", s.T0, got[i-1].T1)
		}
	}
	if last := got[len(got)-1]; last.T1 < 52_000 || last.T1 > 54_000 {
		t.Errorf("last word at %d ms, want about 53000", last.T1)
	}
	if !slices.IsSorted(progress) || progress[len(progress)-1] != 56*time.Second {
		t.Errorf("progress %v", progress)
	}
}

func TestTranscribeOfSilenceIsEmpty(t *testing.T) {
	got, err := Transcribe(t.Context(), make([]float32, 20*SampleRate+77), &echo{}, &loudness{}, TranscribeOptions{})
	if err != nil || len(got) != 0 {
		t.Errorf("%d segments, %v", len(got), err)
	}
}

func TestTranscribeReturnsWhatWasDoneBeforeAFailure(t *testing.T) {
	jfk := samplesOf(t, "jfk.ogg")
	pcm := slices.Concat(jfk, jfk, jfk, jfk)
	rec := &echo{fail: func(call int, _ Request) (Result, error, bool) { return Result{}, errBroker, call == 2 }}
	got, err := Transcribe(t.Context(), pcm, rec, &loudness{}, TranscribeOptions{})
	if !errors.Is(err, errBroker) || len(got) == 0 {
		t.Errorf("%d segments, %v", len(got), err)
	}
}

func TestLongSpeechOfARecordingLosesNothingAtItsCuts(t *testing.T) {
	voice := samplesOf(t, "jfk.ogg")[SampleRate*3/10 : SampleRate*2]
	var pcm []float32
	for range 20 {
		pcm = append(pcm, voice...)
	}
	spoken, err := findSpeech(t.Context(), pcm, &loudness{})
	if err != nil {
		t.Fatal(err)
	}
	if len(spoken) < 3 {
		t.Fatalf("%d utterances in 34 s without a pause", len(spoken))
	}
	for i, s := range spoken {
		if i > 0 && s.start-spoken[i-1].end > HopSize*4 {
			t.Errorf("%d samples lost before %d", s.start-spoken[i-1].end, s.start)
		}
		if i > 0 && s.start < spoken[i-1].end || duration(s.end-s.start) > 12*time.Second {
			t.Errorf("utterance %+v", s)
		}
	}
}

func TestTranscribeTellsTheRecognizerWhatToExpect(t *testing.T) {
	var prompts []string
	rec := &echo{fail: func(_ int, r Request) (Result, error, bool) {
		prompts = append(prompts, r.Prompt)
		return Result{}, nil, false
	}}
	opts := TranscribeOptions{Glossary: []string{"USOC", "Ferré"}, Prompt: "A meeting about budgets."}
	if _, err := Transcribe(t.Context(), samplesOf(t, "jfk.ogg"), rec, &loudness{}, opts); err != nil {
		t.Fatal(err)
	}
	if len(prompts) == 0 || prompts[0] != "USOC, Ferré. A meeting about budgets." {
		t.Errorf("prompts %q", prompts)
	}
}
