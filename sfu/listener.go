package sfu

import (
	"time"

	"souffleur/internal/meeting"
)

// AudioTrack is a microphone (or the sound of a shared screen) that can be listened to.
type AudioTrack struct {
	Track       meeting.TrackID
	Participant meeting.ParticipantID
	Source      string // signal.Mic or signal.ScreenAudio
	SSRC        uint32
}

// AudioPacket is one Opus packet.
type AudioPacket struct {
	Seq     uint16
	TS      uint32 // 48 kHz
	Payload []byte // Opus; valid during the call only
	Arrival time.Time
}

// AudioListener hears every audio track of a room before any choice is made: a hidden participant. Packets come in
// order of arrival, without duplicates; one that was lost and repaired comes late, with its own number. Nothing comes
// while a track is muted.
//
// Of one track the calls never overlap, AudioStarted comes first and AudioEnded last. The methods must neither block nor
// call the room: AudioPacket is on the packet path, the others on the room's goroutine.
type AudioListener interface {
	AudioStarted(AudioTrack)
	AudioPacket(meeting.TrackID, AudioPacket)
	AudioMuted(track meeting.TrackID, muted bool)
	AudioEnded(meeting.TrackID)
}
