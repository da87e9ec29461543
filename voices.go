package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"souffleur/diarize"
	"souffleur/diarize/ge2e"
	"souffleur/diarize/pyannet"
	"souffleur/diarize/voices"
)

// The models that tell voices apart: one makes vectors of speech, the other says who of three speaks when.
const (
	voiceModel        = "ge2e"
	segmentationModel = "pyannet"
)

// voiceModels are both.
func voiceModels() []string { return []string{segmentationModel, voiceModel} }

// missingVoiceModel names the first of them that is not there, and in whose place an operator's could not be used; and why.
func (f modelFlags) missingVoiceModel(own ownVoiceFlags, log *slog.Logger) (model string, err error) {
	mine := own.bring()
	for _, model := range voiceModels() {
		if _, err := f.store(log).Path(model); err != nil && !slices.Contains(mine, model) {
			return model, err
		}
	}
	return "", nil
}

// trackers makes trackers of voices from models of this machine.
type trackers struct {
	segmenter  voices.Segmenter
	embedder   voices.Embedder
	thresholds *voices.Thresholds // of an operator's embedder; nil: those of the built-in one
	open       atomic.Int64       // trackers of live microphones
}

// trackers loads the models: an operator's own where they are named and right, else those of this program. Without any the error
// says what to do, and carries exitNoModel.
func (f modelFlags) trackers(ctx context.Context, own ownVoiceFlags, log *slog.Logger) (*trackers, error) {
	t := &trackers{}
	if mine := own.open(ctx, log); mine != nil {
		if mine.Embedder != nil {
			t.embedder, t.thresholds = mine.Embedder, mine.Embedder.Thresholds()
		}
		if mine.Segmenter != nil {
			t.segmenter = mine.Segmenter
		}
	}
	store := f.store(log)
	if t.embedder == nil {
		path, err := store.Path(voiceModel)
		if err != nil {
			return nil, noModel(voiceModel, err)
		}
		if t.embedder, err = ge2e.Load(path); err != nil {
			return nil, noModel(voiceModel, err)
		}
	}
	if t.segmenter == nil {
		path, err := store.Path(segmentationModel)
		if err != nil {
			return nil, noModel(segmentationModel, err)
		}
		if t.segmenter, err = pyannet.Load(path); err != nil {
			return nil, noModel(segmentationModel, err)
		}
	}
	return t, nil
}

// track returns a tracker that has heard nothing.
func (t *trackers) track(o voices.Options) *voices.Tracker {
	o.Thresholds = t.thresholds
	return voices.NewTracker(t.segmenter, t.embedder, o)
}

// tracker makes one for a microphone.
func (t *trackers) tracker(room bool, headcount int) (diarize.Tracker, error) {
	leanMemory(int(t.open.Add(1)))
	return voiceTracker{t.track(voices.Options{Headcount: headcount, Room: room}), t}, nil
}

// voiceTracker is a tracker of one microphone as the worker takes it.
type voiceTracker struct {
	*voices.Tracker
	of *trackers
}

func (v voiceTracker) Turns(from int64) []diarize.Turn  { return turnsOf(v.Tracker.Turns(from)) }
func (v voiceTracker) End(headcount int) []diarize.Turn { return turnsOf(v.Tracker.End(headcount)) }

func turnsOf(turns []voices.Turn) []diarize.Turn {
	out := make([]diarize.Turn, len(turns))
	for i, t := range turns {
		out[i] = diarize.Turn{T0: t.T0, T1: t.T1, Voice: t.Voice}
	}
	return out
}

func (v voiceTracker) Merges() []diarize.Merge {
	var out []diarize.Merge
	for _, m := range v.Tracker.Merges() {
		out = append(out, diarize.Merge{From: m.From, Into: m.Into})
	}
	return out
}

func (v voiceTracker) Warnings() []string {
	var out []string
	for _, w := range v.Tracker.Warnings() {
		out = append(out, string(w))
	}
	return out
}

func (v voiceTracker) Close() error {
	leanMemory(int(v.of.open.Add(-1)))
	return nil
}

// What a process that tells voices apart may hold: models, and for each microphone the network's memory, an hour of vectors and the end
// pass. Go's collector would else let garbage grow to as much again as is in use: 92 MB with one room, where 60 are allowed. The limit
// is soft and rises with the microphones, so nothing fails where meetings are longer: what is over it costs collections.
const (
	leanPercent = 25
	leanBase    = 30 << 20
	leanForEach = 26 << 20
)

// leanMemory keeps the garbage small, unless an operator has said how.
func leanMemory(microphones int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(leanPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(leanBase + leanForEach*int64(max(1, microphones)))
	}
}
