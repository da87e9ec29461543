package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

func turnsOf(turns ...meeting.VoiceTurn) *meeting.Voices {
	return &meeting.Voices{
		V: meeting.VoicesVersion, Type: meeting.VoicesTurns, Meeting: room, Track: "t0", Participant: "p0", Rev: 1, Turns: turns,
	}
}

func TestWhoSpokeComesBackAsItWasSealed(t *testing.T) {
	key, _ := seal.NewKey()
	m, err := SealVoices(key, turnsOf(meeting.VoiceTurn{T0: 10, T1: 20, Voice: 2}))
	if err != nil {
		t.Fatal(err)
	}
	v, err := OpenVoices(key, m)
	if err != nil || len(v.Turns) != 1 || v.Turns[0] != (meeting.VoiceTurn{T0: 10, T1: 20, Voice: 2}) {
		t.Fatalf("%+v, %v", v, err)
	}
	name := &meeting.Voices{V: meeting.VoicesVersion, Type: meeting.VoicesRenamed, Meeting: room, Participant: "p0", Voice: 1, Name: "Ada"}
	if m, err = SealVoices(key, name); err != nil || m.Key != string(room)+"/p0" || bytes.Contains(m.Value, []byte("Ada")) {
		t.Errorf("key %q, %v", m.Key, err)
	}
}

func TestRecordsOfVoicesThatCannotBeAreRefused(t *testing.T) {
	key, _ := seal.NewKey()
	many := make([]meeting.VoiceTurn, meeting.MaxVoiceTurns+1)
	for i := range many {
		many[i] = meeting.VoiceTurn{T0: int64(i), T1: int64(i + 1), Voice: 1}
	}
	for name, v := range map[string]*meeting.Voices{
		"too many turns":        turnsOf(many...),
		"a turn without length": turnsOf(meeting.VoiceTurn{T0: 10, T1: 10, Voice: 1}),
		"turns over each other": turnsOf(meeting.VoiceTurn{T0: 10, T1: 20, Voice: 1}, meeting.VoiceTurn{T0: 15, T1: 30, Voice: 2}),
		"voice 0":               turnsOf(meeting.VoiceTurn{T0: 10, T1: 20}),
		"voice 100":             turnsOf(meeting.VoiceTurn{T0: 10, T1: 20, Voice: 100}),
		"an unknown type":       {V: 1, Type: "guess", Meeting: room, Track: "t0", Participant: "p0"},
		"merged into itself":    {V: 1, Type: meeting.VoicesMerged, Meeting: room, Track: "t0", Participant: "p0", Voice: 1, Into: 1},
		"nobody's":              {V: 1, Type: meeting.VoicesDone, Meeting: room, Track: "t0"},
	} {
		if _, err := SealVoices(key, v); !errors.Is(err, meeting.ErrVoices) {
			t.Errorf("%s is sealed: %v", name, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		value := append([]byte{jsonVersion}, key.Seal(text, jsonPlace(Speakers, VoicesKey(v)))...)
		if _, err := OpenVoices(key, Message{Topic: Speakers, Key: VoicesKey(v), Meeting: room, Value: value}); !errors.Is(err, meeting.ErrVoices) {
			t.Errorf("%s is opened: %v", name, err)
		}
	}
	good, err := SealVoices(key, turnsOf(meeting.VoiceTurn{T0: 1, T1: 2, Voice: 1}))
	if err != nil {
		t.Fatal(err)
	}
	good.Meeting = "01JD0000000000000000000001"
	if _, err := OpenVoices(key, good); !errors.Is(err, meeting.ErrVoices) {
		t.Errorf("a record of another meeting: %v", err)
	}
	good.Value = make([]byte, maxVoicesBytes+1)
	if _, err := OpenVoices(key, good); !errors.Is(err, ErrMalformed) {
		t.Errorf("a record that is too long: %v", err)
	}
}

func FuzzOpenVoices(f *testing.F) {
	key, _ := seal.NewKey()
	for _, v := range []*meeting.Voices{
		turnsOf(meeting.VoiceTurn{T0: 10, T1: 20, Voice: 2}),
		{V: 1, Type: meeting.VoicesDone, Meeting: room, Track: "t0", Participant: "p0", Warning: meeting.VoicesFailed},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	recordKey := AudioKey(room, "t0")
	f.Fuzz(func(t *testing.T, text []byte) {
		value := append([]byte{jsonVersion}, key.Seal(text, jsonPlace(Speakers, recordKey))...)
		v, err := OpenVoices(key, Message{Topic: Speakers, Key: recordKey, Meeting: room, Value: value})
		if err == nil && (v.Check() != nil || VoicesKey(v) != recordKey) {
			t.Fatalf("accepted: %+v", v)
		}
	})
}
