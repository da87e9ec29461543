package storage

import (
	"testing"

	"souffleur/internal/meeting"
)

func TestTheServerHearsNothingInAnEncryptedRoom(t *testing.T) {
	ceiling := meeting.Minutes
	instance := Settings{Ceiling: meeting.Minutes, KeepAudio: true}
	room := Room{Level: meeting.Minutes, Ceiling: &ceiling, KeepAudio: true, Langs: []string{"fr"}}
	if p := room.Policy(instance); p.Level != meeting.Minutes || !p.KeepAudio || p.E2EE {
		t.Fatalf("without encryption: %+v", p)
	}
	room.E2EE = true
	if p := room.Policy(instance); p.Level != meeting.Off || p.Ceiling != meeting.Off || p.KeepAudio || !p.E2EE {
		t.Errorf("with encryption: %+v", p)
	}
}
