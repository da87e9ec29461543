package node

import (
	"slices"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

func TestParticipantsDoNotGetTheGlossary(t *testing.T) {
	l := &live{policy: meeting.Policy{Level: meeting.Captions, Langs: []string{"fr"}, Glossary: []string{"Projet Nuage"}}}
	if ai := l.ai(); ai.Policy.Glossary != nil || !slices.Equal(ai.Policy.Langs, []string{"fr"}) {
		t.Errorf("everybody gets %+v", ai.Policy)
	}
	if l.policy.Glossary == nil {
		t.Error("recognisers lost it")
	}
}

// What everybody is told of the captions: how many seconds late they are, and why when they stand still.
func TestEverybodyIsToldHowLateCaptionsAre(t *testing.T) {
	now := time.Now()
	on := now.Add(-time.Minute)
	late := meeting.Status{State: meeting.StateCatchingUp, LagMS: 7900}
	for _, c := range []struct {
		name     string
		worker   meeting.Status
		silent   time.Duration // since the recogniser's last word; 0: it never had one
		stalled  string        // why nothing reaches Kafka
		problem  string
		switched time.Time // when captions were switched on
		want     meeting.Status
	}{
		{"late", late, time.Second, "", "", on, meeting.Status{State: meeting.StateCatchingUp, LagMS: 7000}},
		{"on time", meeting.Status{State: meeting.StateLive}, time.Second, "", "", on, meeting.Status{State: meeting.StateLive}},
		{"the bus is away", late, time.Second, meeting.ReasonBus, "", on, meeting.Status{State: meeting.StatePaused, Reason: meeting.ReasonBus}},
		{"a recogniser fell silent", meeting.Status{State: meeting.StateLive}, 9500 * time.Millisecond, "", "", on, meeting.Status{State: meeting.StateCatchingUp, LagMS: 9000}},
		{"none is left", meeting.Status{State: meeting.StateLive}, time.Minute, "", "", on, meeting.Status{State: meeting.StatePaused, Reason: meeting.ReasonNoWorker}},
		{"none has come yet", meeting.Status{}, 0, "", "", now, meeting.Status{State: meeting.StateStarting}},
		{"no model", meeting.Status{}, 0, "", meeting.ReasonNoModel, on, meeting.Status{State: meeting.StatePaused, Reason: meeting.ReasonNoModel}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &live{policy: meeting.Policy{Level: meeting.Captions}, worker: c.worker, onSince: c.switched}
			if c.silent > 0 {
				l.workerAt = now.Add(-c.silent)
			}
			if got := l.statusLocked(now, c.stalled, c.problem); got != c.want {
				t.Errorf("shown %+v, want %+v", got, c.want)
			}
		})
	}
}
