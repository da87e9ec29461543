package main

import (
	"errors"
	"fmt"
	"log/slog"

	"souffleur/asr"
	"souffleur/diarize"
	"souffleur/diarize/ge2e"
	"souffleur/diarize/voices"
	"souffleur/internal/vad"
)

// voiceModel is the model that tells voices apart.
const voiceModel = "ge2e"

// trackers makes trackers of voices from models of this machine.
type trackers struct {
	embedder *ge2e.Embedder
	vad      *vad.Model // nil: this build has none, and loudness has to do
}

// trackers loads the models. Without them the error says what to do, and carries exitNoModel.
func (f modelFlags) trackers(log *slog.Logger) (*trackers, error) {
	store := f.store(log)
	path, err := store.Path(voiceModel)
	if err != nil {
		return nil, noModel(voiceModel, err)
	}
	t := &trackers{}
	if t.embedder, err = ge2e.Load(path); err != nil {
		return nil, noModel(voiceModel, err)
	}
	if path, err = store.Path(vadModel); err != nil {
		return nil, noModel(vadModel, err)
	}
	switch t.vad, err = vad.Load(path); {
	case errors.Is(err, vad.ErrNotBuilt):
		log.Warn("built without voice detection: any sound at a shared microphone counts as speech")
		t.vad = nil
	case err != nil:
		return nil, noModel(vadModel, err)
	}
	return t, nil
}

// tracker makes one for a microphone.
func (t *trackers) tracker(room bool, headcount int) (diarize.Tracker, error) {
	o := voices.Options{Headcount: headcount, Room: room}
	v := voiceTracker{}
	if t.vad != nil {
		detector, err := t.vad.NewDetector()
		if err != nil {
			return nil, fmt.Errorf("make a voice detector: %w", err)
		}
		o.Detector, v.detector = detector, detector
	}
	v.Tracker = voices.NewTracker(t.embedder, o)
	return v, nil
}

// voiceTracker is a tracker of one microphone as the worker takes it.
type voiceTracker struct {
	*voices.Tracker
	detector asr.VoiceDetector
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
	if v.detector == nil {
		return nil
	}
	return v.detector.Close()
}
