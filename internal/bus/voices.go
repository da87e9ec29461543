package bus

import (
	"fmt"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// maxVoicesBytes bounds the value of a record of [Speakers]: the most turns with twelve digits each, and what stands around them.
const maxVoicesBytes = 256 << 10

// VoicesKey returns the record key of what is said about the voices at a microphone: that of its track's audio, or, for a name,
// which outlives the track, that of the participant. It holds opaque IDs only.
func VoicesKey(v *meeting.Voices) string {
	if v.Type == meeting.VoicesRenamed {
		return string(v.Meeting) + "/" + string(v.Participant)
	}
	return AudioKey(v.Meeting, v.Track)
}

// SealVoices returns the record of v for [Speakers], sealed with the meeting's live key; the caller sets its partition. The
// error is [meeting.ErrVoices] if v breaks its bounds.
func SealVoices(key seal.Key, v *meeting.Voices) (Message, error) {
	if err := v.Check(); err != nil {
		return Message{}, fmt.Errorf("seal record of %s: %w", Speakers, err)
	}
	m := Message{Topic: Speakers, Key: VoicesKey(v), Meeting: v.Meeting}
	var err error
	m.Value, err = SealJSON(key, Speakers, m.Key, v)
	return m, err
}

// OpenVoices reads a record of [Speakers] with the meeting's live key. The errors are those of [OpenJSON], and
// [meeting.ErrVoices] if the record breaks its bounds or stands under another key than its own.
func OpenVoices(key seal.Key, m Message) (*meeting.Voices, error) {
	if len(m.Value) > maxVoicesBytes {
		return nil, fmt.Errorf("open record at %s partition %d offset %d: %w: %d bytes", m.Topic, m.Partition, m.Offset, ErrMalformed, len(m.Value))
	}
	v := new(meeting.Voices)
	if err := OpenJSON(key, m, v); err != nil {
		return nil, err
	}
	if err := v.Check(); err != nil {
		return nil, err
	}
	if v.Meeting != m.Meeting || VoicesKey(v) != m.Key {
		return nil, fmt.Errorf("%w: it stands under the key of another", meeting.ErrVoices)
	}
	return v, nil
}
