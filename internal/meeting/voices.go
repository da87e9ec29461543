package meeting

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// VoicesVersion is the version of [Voices]' wire form.
const VoicesVersion = 1

// VoicesType says what a record of speakers.v1 is about.
type VoicesType string

// What speakers.v1 carries. Records of one meeting stand in one partition, in order.
const (
	VoicesTurns   VoicesType = "turns"   // From and Turns: what was said of From and after it is replaced
	VoicesMerged  VoicesType = "merged"  // Voice and Into: two numbers turned out to be one person
	VoicesRenamed VoicesType = "renamed" // Voice, Name and By: an organizer says who that is; an empty name takes it back
	VoicesDone    VoicesType = "done"    // nothing more comes of this participant; Warning says why, if not because the meeting ended
)

// Bounds of what a record of speakers.v1 may hold.
const (
	MaxVoice      = 99   // the highest number of a voice
	MaxVoiceTurns = 2000 // in one record; more come in several
	MaxVoiceName  = 60   // code points, as of everybody's name
)

// Voices is one record of speakers.v1: who speaks when at a microphone that several people share. Turns are ranges of the room
// clock on one track, not of words: a final may come later than its turn, and be recognised again with other words.
type Voices struct {
	V           int           `json:"v"`
	Type        VoicesType    `json:"type"`
	Meeting     ID            `json:"meeting"`
	Track       TrackID       `json:"track"`
	Participant ParticipantID `json:"participant"`

	Rev   int         `json:"rev,omitempty"`  // of turns, merged and done: rises with each of a participant; others are old
	From  int64       `json:"from,omitempty"` // ms of the room clock
	Turns []VoiceTurn `json:"turns,omitempty"`

	Voice   int      `json:"voice,omitempty"`
	Into    int      `json:"into,omitempty"`
	Name    string   `json:"name,omitempty"`
	By      PersonID `json:"by,omitempty"`
	Warning string   `json:"warning,omitempty"` // one of VoicesOff, VoicesFailed and VoicesMany
}

// Why voices are not told apart any more.
const (
	VoicesOff    = "off"    // an admin switched it off
	VoicesFailed = "failed" // the model, or what uses it
	VoicesMany   = "many"   // more voices than can have a number
)

// VoiceTurn is what one voice said in a row, in ms of the room clock.
type VoiceTurn struct {
	T0    int64 `json:"t0"`
	T1    int64 `json:"t1"`
	Voice int   `json:"voice"` // from 1
}

// ErrVoices says that a record of speakers.v1 contradicts itself.
var ErrVoices = errors.New("not a record of voices")

// Check says what is wrong with a record.
func (v *Voices) Check() error {
	if v.V != VoicesVersion || !v.Track.Valid() && v.Type != VoicesRenamed || v.Participant == "" || len(v.Participant) > 64 || v.Rev < 0 {
		return fmt.Errorf("%w: its head", ErrVoices)
	}
	switch v.Type {
	case VoicesTurns:
		return v.checkTurns()
	case VoicesMerged:
		if !isVoice(v.Voice) || !isVoice(v.Into) || v.Voice == v.Into {
			return fmt.Errorf("%w: voice %d merged into %d", ErrVoices, v.Voice, v.Into)
		}
	case VoicesRenamed:
		if !isVoice(v.Voice) || utf8.RuneCountInString(v.Name) > MaxVoiceName {
			return fmt.Errorf("%w: name of voice %d", ErrVoices, v.Voice)
		}
	case VoicesDone:
	default:
		return fmt.Errorf("%w: type", ErrVoices)
	}
	return nil
}

func (v *Voices) checkTurns() error {
	if len(v.Turns) > MaxVoiceTurns || v.From < 0 {
		return fmt.Errorf("%w: %d turns", ErrVoices, len(v.Turns))
	}
	last := v.From
	for i, t := range v.Turns {
		if t.T0 < last || t.T1 <= t.T0 || !isVoice(t.Voice) {
			return fmt.Errorf("%w: turn %d", ErrVoices, i)
		}
		last = t.T1
	}
	return nil
}

func isVoice(n int) bool { return n >= 1 && n <= MaxVoice }

// voiceMark stands between a participant and the number of a voice on their microphone.
const voiceMark = "/voice-"

// NewVoiceID is the speaker of the n-th voice on a participant's microphone, n from 1.
func NewVoiceID(p ParticipantID, n int) SpeakerID {
	return SpeakerID(string(p) + voiceMark + strconv.Itoa(n))
}

// Voice returns the number of the voice on a shared microphone; 0 if the speaker is no such voice.
func (s SpeakerID) Voice() int {
	_, text, found := strings.Cut(string(s), voiceMark)
	n, err := strconv.Atoi(text)
	if !found || err != nil || !isVoice(n) || strconv.Itoa(n) != text {
		return 0
	}
	return n
}
