//go:build whisper

package asr

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/timeline"
)

// Streamed is what came of an utterance spoken into a live meeting.
type Streamed struct {
	Finals   []meeting.Segment
	Partials []meeting.Caption
}

// Stream speaks Opus packets of 20 ms into a live meeting, at the pace of speech, and returns what was published. Time is
// virtual: each recognition takes cost, whatever the machine needs.
func Stream(t *testing.T, packets [][]byte, langs []string, cost time.Duration,
	newRecognizer func() (Recognizer, error), newDetector func() (VoiceDetector, error)) (out Streamed) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.event(meeting.Event{Type: meeting.EventPolicy, Policy: &meeting.Policy{Level: meeting.Transcript, Langs: langs}})
		s.announce("t0", "p0", 0)
		w := s.worker(1)
		w.cfg.NewDetector = newDetector
		w.engines.all[0].New = func() (Recognizer, error) {
			rec, err := newRecognizer()
			return slowed{rec, cost}, err
		}
		defer s.run(w)()
		var spoken []played
		for i, p := range packets {
			spoken = append(spoken, played{Packet: timeline.Packet{Seq: uint64(i), RTP: uint64(i) * 960, Opus: p}})
		}
		for _, rec := range s.records("t0", 0, spoken) {
			time.Sleep(100 * time.Millisecond)
			s.record(0, rec)
		}
		s.record(0, s.emptyRecord("t0", 0, uint64(len(packets)), uint64(len(packets))*960, bus.Muted))
		until(t, "everything recognised", s.bus.allCommitted)
		out.Finals = s.segments()
		out.Partials, _ = s.drafts()
		checkStable(t, out.Partials)
		t.Logf("%+v", w.Counts())
	})
	slices.SortFunc(out.Finals, func(a, b meeting.Segment) int { return int(a.T0 - b.T0) })
	return out
}

// slowed makes each recognition take virtual time.
type slowed struct {
	Recognizer
	cost time.Duration
}

func (s slowed) Recognize(ctx context.Context, req Request) (Result, error) {
	r, err := s.Recognizer.Recognize(ctx, req)
	if !sleep(ctx, s.cost) {
		return Result{}, ctx.Err()
	}
	return r, err
}
