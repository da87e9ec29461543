package asr

import (
	"context"
	"testing"
	"time"

	"souffleur/asr/asrtest"
	"souffleur/asr/eval"
)

// loudness is the detector of these tests.
type loudness = asrtest.Loudness

// drummer speaks for about length, with pauses of 0.9 s to longest.
func drummer(t testing.TB, seed, speaker uint64, length, longest time.Duration) asrtest.Voice {
	voice := recording(t, "jfk.ogg")[15:105] // words without a pause
	return asrtest.Drum{Voice: voice, Longest: longest, Cut: true}.Drummer(seed, speaker, length)
}

// scripted recognises drummed speech.
type scripted struct{ costs asrtest.Costs }

// Recognize implements Recognizer.
func (s scripted) Recognize(ctx context.Context, req Request) (Result, error) {
	if !sleep(ctx, s.costs.Of(len(req.PCM), req.Partial)+asrtest.Scatter(req.PCM)) {
		return Result{}, ctx.Err()
	}
	hear := asrtest.Hear
	if req.Partial {
		hear = asrtest.HearBadly
	}
	r := Result{Lang: "en", LogProb: -0.2}
	for _, w := range hear(req.PCM) {
		r.Words = append(r.Words, RecognizedWord{Text: w.Text, Start: w.From, End: w.To, P: 0.9})
	}
	return r, nil
}

// Name implements Recognizer.
func (scripted) Name() string { return "scripted" }

// Close implements Recognizer.
func (scripted) Close() error { return nil }

// Charge makes every recognition of rec take what c says, in virtual time.
func Charge(c asrtest.Costs, rec Recognizer) Recognizer { return charged{rec, c} }

type charged struct {
	Recognizer
	costs asrtest.Costs
}

// Recognize implements Recognizer.
func (c charged) Recognize(ctx context.Context, req Request) (Result, error) {
	r, err := c.Recognizer.Recognize(ctx, req)
	if !sleep(ctx, c.costs.Of(len(req.PCM), req.Partial)+asrtest.Scatter(req.PCM)) {
		return Result{}, ctx.Err()
	}
	return r, err
}

// SpeechIn returns where a recording speaks, by the rules of live endpoints but without a cut of long speech.
func SpeechIn(t *testing.T, pcm []float32, newDetector func() (VoiceDetector, error)) []eval.Span {
	t.Helper()
	v, err := newDetector()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	probs, err := probabilities(t.Context(), pcm, v)
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaultEndpointing()
	cfg.longest = int64(len(pcm)) + cfg.silence
	ends := endpointer{cfg: cfg}
	var found []eval.Span
	for i, p := range probs {
		at := int64(i) * HopSize
		switch ends.hop(at, p) {
		case stepOnset:
			ends.begin(ends.voice)
		case stepEnd:
			found = append(found, eval.Span{From: duration(ends.voice), To: duration(ends.voiceEnd)})
			ends.reset()
		}
	}
	if ends.open {
		found = append(found, eval.Span{From: duration(ends.voice), To: duration(ends.voiceEnd)})
	}
	return found
}
