package storage

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/meeting"
)

// HookEvent names what a webhook can be told of.
type HookEvent string

// What webhooks are told of. docs/webhooks.md describes each.
const (
	HookMeetingStarted  HookEvent = "meeting.started"
	HookMeetingEnded    HookEvent = "meeting.ended"
	HookJoined          HookEvent = "participant.joined"
	HookLeft            HookEvent = "participant.left"
	HookPolicyChanged   HookEvent = "policy.changed"
	HookTranscriptReady HookEvent = "transcript.ready"
	HookMinutesReady    HookEvent = "minutes.ready"
	HookMinutesFailed   HookEvent = "minutes.failed"

	// HookTest is what an admin sends to try a webhook; it cannot be chosen and always comes.
	HookTest HookEvent = "webhook.test"
)

// HookEvents lists those that may be chosen.
func HookEvents() []HookEvent {
	return []HookEvent{
		HookMeetingStarted, HookMeetingEnded, HookJoined, HookLeft, HookPolicyChanged, HookTranscriptReady, HookMinutesReady, HookMinutesFailed,
	}
}

// HookNews is something that webhooks are told of. The same news twice makes one delivery for each webhook.
type HookNews struct {
	Event    HookEvent
	AtUnixMS int64
	Data     HookData
}

// HookData is "data" of a delivery: opaque IDs, states and times; never speech and never names.
type HookData struct {
	Meeting     meeting.ID            `json:"meeting,omitempty"`
	Room        meeting.RoomID        `json:"room,omitempty"`
	Participant meeting.ParticipantID `json:"participant,omitempty"`
	Role        string                `json:"role,omitempty"` // of the participant
	BeganUnixMS int64                 `json:"began_unix_ms,omitempty"`
	EndedUnixMS int64                 `json:"ended_unix_ms,omitempty"`
	Policy      *HookPolicy           `json:"policy,omitempty"`
	Transcript  *HookTranscript       `json:"transcript,omitempty"`
	Minutes     *HookMinutes          `json:"minutes,omitempty"`
}

// HookPolicy is what the AI does in a meeting from now on.
type HookPolicy struct {
	Level     meeting.Level         `json:"level"`
	Ceiling   meeting.Level         `json:"ceiling"`
	KeepAudio bool                  `json:"keep_audio"`
	By        meeting.ParticipantID `json:"by,omitempty"` // who changed it, if they are in the meeting
}

// HookTranscript says where a transcript is; reading it needs the rights that it always needs.
type HookTranscript struct {
	Revision int    `json:"revision"`
	Path     string `json:"path"` // of the API
}

// HookMinutes says where minutes are, or why there are none; reading them needs the rights that it always needs.
type HookMinutes struct {
	Path   string `json:"path"`             // of the API
	Engine string `json:"engine,omitempty"` // who wrote them
	State  string `json:"state"`            // done, partial or failed
	Reason string `json:"reason,omitempty"` // a code; see docs/minutes.md
}

// hookBody is what is sent.
type hookBody struct {
	Type      HookEvent `json:"type"`
	Timestamp string    `json:"timestamp"` // RFC 3339, UTC: when it happened
	Data      HookData  `json:"data"`
}

func (n HookNews) body() ([]byte, error) {
	body, err := json.Marshal(hookBody{
		Type: n.Event, Timestamp: time.UnixMilli(n.AtUnixMS).UTC().Format("2006-01-02T15:04:05.000Z"), Data: n.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", n.Event, err)
	}
	return body, nil
}

// deliveryID derives the ID of a delivery from the webhook and what is sent, so that news that comes again, after a crash for
// one, makes no second one. As a ULID it sorts by the time of the event.
func deliveryID(hook string, n HookNews, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "webhook.v1\x00%s\x00", hook)
	h.Write(body)
	var id ulid.ULID
	_ = id.SetTime(uint64(max(0, n.AtUnixMS))) // fails after the year 10889
	copy(id[6:], h.Sum(nil))
	return id.String()
}
