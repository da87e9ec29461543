package meeting

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"
)

// Identifiers are opaque: they stand in Kafka keys, object names, logs and metrics, so they never contain a name.
type (
	// RoomID names a room. It is the unguessable part of the room's link ("kfm-rtqa-xzd"), and the name of its object.
	RoomID string
	// ID names one meeting: a ULID, so meetings sort by the time they began.
	ID string
	// PersonID names a signed-in user or a guest, across meetings.
	PersonID string
	// ParticipantID names one stay of a person in a meeting. It survives reconnects and a server restart.
	ParticipantID string
	// TrackID names one published media stream of a participant; each publication has a new one.
	TrackID string
	// SpeakerID says who the words belong to: a participant, or "participant/voice-n" on a shared microphone, or
	// "participant/captioner" for what somebody typed of what others said.
	SpeakerID string
	// SegmentID names one utterance; see [NewSegmentID].
	SegmentID string
)

// roomAlphabet has no vowels (no words by accident) and none of the pairs people confuse when they read a link aloud.
const roomAlphabet = "bcdfghjkmnpqrstvwxz"

// lower is base32 in lower case without padding: safe in keys, URLs and object names.
var lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID returns a fresh meeting ID.
func NewID() ID { return ID(ulid.Make().String()) }

// NewRoomID returns an unguessable room ID of 46 bits, three groups that can be dictated.
func NewRoomID() RoomID {
	letters := make([]byte, 11)
	for i := range letters {
		letters[i] = roomAlphabet[randomBelow(len(roomAlphabet))]
	}
	return RoomID(fmt.Sprintf("%s-%s-%s", letters[:3], letters[3:7], letters[7:]))
}

// randomBelow returns a uniform number in [0, n) for n up to 256.
func randomBelow(n int) int {
	limit := 256 - 256%n
	var b [1]byte
	for {
		rand.Read(b[:]) // never fails since Go 1.24
		if int(b[0]) < limit {
			return int(b[0]) % n
		}
	}
}

// Valid says whether s has the form of a room ID. It bounds what reaches object names.
func (r RoomID) Valid() bool {
	s := string(r)
	if len(s) != 13 || s[3] != '-' || s[8] != '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if i != 3 && i != 8 && !strings.Contains(roomAlphabet, s[i:i+1]) {
			return false
		}
	}
	return true
}

// Valid says whether m is a ULID. It bounds what reaches object names.
func (m ID) Valid() bool {
	_, err := ulid.ParseStrict(string(m))
	return err == nil
}

// NewPersonID returns a fresh person ID.
func NewPersonID() PersonID { return PersonID("u" + randomText(10)) }

// NewParticipantID returns a fresh participant ID.
func NewParticipantID() ParticipantID { return ParticipantID("p" + randomText(10)) }

// NewTrackID returns a fresh track ID.
func NewTrackID() TrackID { return TrackID("t" + randomText(10)) }

func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return lower.EncodeToString(b)
}

// Valid says whether t can be the name of an object: letters and digits as [NewTrackID] makes them, at most 32.
func (t TrackID) Valid() bool {
	for _, c := range []byte(t) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(t) > 0 && len(t) <= 32
}

// NewSegmentID derives the ID of an utterance from what the media alone defines: meeting, track, epoch (milliseconds of
// the room clock at which the track's stream started or restarted) and the extended sequence number of its first packet.
// Recomputing an utterance therefore overwrites it and never doubles it.
func NewSegmentID(meeting ID, track TrackID, epoch uint64, firstSeq uint64) SegmentID {
	return newSegmentID("segment.v1", meeting, track, epoch, firstSeq)
}

// NewGapID derives the ID of a stretch of lost audio from the first packet after it, which tells that it was lost. It is never
// that of an utterance.
func NewGapID(meeting ID, track TrackID, epoch uint64, nextSeq uint64) SegmentID {
	return newSegmentID("gap.v1", meeting, track, epoch, nextSeq)
}

func newSegmentID(kind string, meeting ID, track TrackID, epoch uint64, seq uint64) SegmentID {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00", kind, meeting, track)
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], epoch)
	binary.BigEndian.PutUint64(b[8:], seq)
	h.Write(b[:])
	return SegmentID(lower.EncodeToString(h.Sum(nil)[:15]))
}

// Part returns the ID of the n-th part of a segment, n from 1, where what was said is cut into several: by voice.
func (s SegmentID) Part(n int) SegmentID {
	if n == 1 {
		return s
	}
	return SegmentID(fmt.Sprintf("%s-%d", s, n))
}

// Whole returns the ID of the segment that s is a part of: by voice ("…-2"), or of a caption too long for a message ("…/2").
func (s SegmentID) Whole() SegmentID {
	whole, _, _ := strings.Cut(string(s), "/")
	whole, _, _ = strings.Cut(whole, "-")
	return SegmentID(whole)
}

// Participant returns whose microphone the speaker used.
func (s SpeakerID) Participant() ParticipantID {
	p, _, _ := strings.Cut(string(s), "/")
	return ParticipantID(p)
}

// captionerMark stands behind the participant of what was typed.
const captionerMark = "/captioner"

// NewCaptionerID is the speaker of what a participant types as a captioner: never that of what they say.
func NewCaptionerID(p ParticipantID) SpeakerID { return SpeakerID(p) + captionerMark }

// Captioner says whether a captioner typed the words.
func (s SpeakerID) Captioner() bool { return strings.HasSuffix(string(s), captionerMark) }

// NewTypedID derives the ID of a typed line from who typed it and when they began it, in milliseconds of the room clock. It is
// never that of an utterance.
func NewTypedID(meeting ID, captioner ParticipantID, beganMS int64) SegmentID {
	return newSegmentID("typed.v1", meeting, TrackID(captioner), uint64(max(beganMS, 0)), 0)
}
