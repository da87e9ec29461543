package node

import (
	"slices"
	"testing"

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
