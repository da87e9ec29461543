package bus

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// VoiceVectors is a stretch of what a worker knows of the voices at one shared microphone, so that another can go on when it dies:
// vectors of what was said, and what the voices are so far. It is biometric data. It stands on [Vectors] only, for half a day at
// most, and cannot be read any more once the meeting's live key is gone.
type VoiceVectors struct {
	V           int                   `json:"v"`
	Meeting     meeting.ID            `json:"meeting"`
	Participant meeting.ParticipantID `json:"participant"`
	Model       string                `json:"model"` // of the vectors; those of another one do not compare
	Dim         int                   `json:"dim"`
	From        int64                 `json:"from"`   // ms of the room clock: where the stretch before it ended
	Until       int64                 `json:"until"`  // sound from there on is in no vector yet
	Voices      []VoiceSoFar          `json:"voices"` // all, by their numbers
	Units       []VoiceUnit           `json:"units"`
	Windows     []VoiceWindow         `json:"windows"`
}

// VoiceSoFar is a voice as it is known at the end of a stretch.
type VoiceSoFar struct {
	Published int     `json:"published"`      // the number that readers see; 0: none yet
	Into      int     `json:"into,omitempty"` // the voice, from 1, that it turned out to be
	Seconds   float64 `json:"seconds,omitempty"`
	Size      float32 `json:"size,omitempty"` // of the sum of its vectors
	Sum       Packed  `json:"sum,omitempty"`  // that sum at length one
}

// VoiceUnit is speech without a pause, in ms of the room clock.
type VoiceUnit struct {
	Start  int64    `json:"start"`
	End    int64    `json:"end"`
	Who    [2]int32 `json:"who"`              // who speaks in it, as far as they are followed without a break; 0: nobody
	Lead   int      `json:"lead,omitempty"`   // levels before Start
	Levels []byte   `json:"levels,omitempty"` // loudness of each frame
	Floor  byte     `json:"floor,omitempty"`
}

// VoiceWindow is a piece of a unit, and its vector.
type VoiceWindow struct {
	Start int64  `json:"start"`
	End   int64  `json:"end"`
	Unit  int    `json:"unit"`            // index into Units
	Voice int    `json:"voice,omitempty"` // from 1, index into Voices + 1; 0: none
	Vec   Packed `json:"vec"`
}

// Packed is a vector of length one, 16 bits for a component: whatever stands in it, its numbers are finite.
type Packed []byte

// Pack returns v, whose components are from -1 to 1, in 16 bits each.
func Pack(v []float32) Packed {
	out := make(Packed, 0, 2*len(v))
	for _, x := range v {
		n := int16(math.RoundToEven(float64(max(-1, min(1, x))) * math.MaxInt16)) // of what is no number anything may become
		out = append(out, byte(n), byte(n>>8))
	}
	return out
}

// Unpack is the reverse of Pack.
func (p Packed) Unpack() []float32 {
	out := make([]float32, len(p)/2)
	for i := range out {
		out[i] = float32(int16(p[2*i])|int16(p[2*i+1])<<8) / math.MaxInt16
	}
	return out
}

const vectorsVersion = 1

// Bounds of a record of [Vectors].
const (
	MaxVectorWindows = 600 // five minutes of speech; more comes in several records
	MaxVectorVoices  = 99
	maxVectorUnits   = 2 * MaxVectorWindows
	maxVectorDim     = 1024
	maxVectorsBytes  = maxBatchBytes - 1024
)

// ErrVectors says that a record of vectors contradicts itself, or is too long.
var ErrVectors = errors.New("not a record of voices' vectors")

// Check says what is wrong with a record.
func (v *VoiceVectors) Check() error {
	switch {
	case v.V != vectorsVersion, !v.Meeting.Valid(), v.Participant == "", len(v.Participant) > 64, v.Model == "", len(v.Model) > 200,
		v.Dim < 1, v.Dim > maxVectorDim, v.From < 0, v.Until < v.From:
		return fmt.Errorf("%w: its head", ErrVectors)
	case len(v.Windows) > MaxVectorWindows, len(v.Voices) > MaxVectorVoices, len(v.Units) > maxVectorUnits:
		return fmt.Errorf("%w: %d windows, %d voices, %d units", ErrVectors, len(v.Windows), len(v.Voices), len(v.Units))
	}
	for i, w := range v.Windows {
		if w.Unit < 0 || w.Unit >= len(v.Units) || w.Voice < 0 || w.Voice > len(v.Voices) || len(w.Vec) != 2*v.Dim {
			return fmt.Errorf("%w: window %d", ErrVectors, i)
		}
	}
	for i, s := range v.Voices {
		if s.Published < 0 || s.Published > meeting.MaxVoice || s.Into < 0 || s.Into > len(v.Voices) || s.Into == 0 && len(s.Sum) != 2*v.Dim {
			return fmt.Errorf("%w: voice %d", ErrVectors, i+1)
		}
	}
	return nil
}

// VectorsKey is the record key of the stretch that begins at a moment. It holds opaque IDs only.
func VectorsKey(id meeting.ID, p meeting.ParticipantID, from int64) string {
	return VectorsPrefix(id, p) + strconv.FormatInt(from, 10)
}

// VectorsPrefix is how the keys of all stretches of a participant begin.
func VectorsPrefix(id meeting.ID, p meeting.ParticipantID) string {
	return string(id) + "/" + string(p) + "/"
}

// SealVectors returns the record of v for [Vectors], sealed with the meeting's live key; the caller sets its partition.
func SealVectors(key seal.Key, v *VoiceVectors) (Message, error) {
	v.V = vectorsVersion
	if err := v.Check(); err != nil {
		return Message{}, fmt.Errorf("seal record of %s: %w", Vectors, err)
	}
	m := Message{Topic: Vectors, Key: VectorsKey(v.Meeting, v.Participant, v.From), Meeting: v.Meeting}
	var err error
	if m.Value, err = SealJSON(key, Vectors, m.Key, v); err == nil && len(m.Value) > maxVectorsBytes {
		err = fmt.Errorf("seal record of %s: %w: %d bytes", Vectors, ErrVectors, len(m.Value))
	}
	return m, err
}

// OpenVectors reads a record of [Vectors] with the meeting's live key. The errors are those of [OpenJSON], and ErrVectors.
func OpenVectors(key seal.Key, m Message) (*VoiceVectors, error) {
	if len(m.Value) > maxVectorsBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrVectors, len(m.Value))
	}
	v := new(VoiceVectors)
	if err := OpenJSON(key, m, v); err != nil {
		return nil, err
	}
	if err := v.Check(); err != nil {
		return nil, err
	}
	if v.Meeting != m.Meeting || VectorsKey(v.Meeting, v.Participant, v.From) != m.Key {
		return nil, fmt.Errorf("%w: it stands under the key of another", ErrVectors)
	}
	return v, nil
}
