package node

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/web"
)

// claims is what a participant's token says. It is sealed with the instance key, so the holder can neither read nor
// change it, and it outlives a restart of the server.
type claims struct {
	Room        meeting.RoomID        `json:"room"`
	Meeting     meeting.ID            `json:"meeting"`
	Participant meeting.ParticipantID `json:"participant"`
	Person      meeting.PersonID      `json:"person"`
	Name        string                `json:"name"`
	Role        meeting.Role          `json:"role"`
	ExpiresUnix int64                 `json:"exp"`

	// What was chosen before joining.
	Notice       string `json:"notice,omitempty"` // about the AI, as it was shown
	NoticeUnixMS int64  `json:"notice_unix_ms,omitempty"`
	OptOut       bool   `json:"opt_out,omitempty"`
	Outsider     bool   `json:"outsider,omitempty"`
	RoomMic      bool   `json:"room_mic,omitempty"`
	Headcount    int    `json:"headcount,omitempty"`
}

const tokenPlace = "participant token v1"

// maxToken bounds what is decoded: names are at most 80 characters.
const maxToken = 2048

func (c claims) token(key seal.Key) (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(key.Seal(b, tokenPlace)), nil
}

// parseToken returns the claims of a token, web.ErrBadToken or web.ErrExpiredToken.
func parseToken(key seal.Key, token string, now time.Time) (claims, error) {
	if len(token) > maxToken {
		return claims{}, web.ErrBadToken
	}
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return claims{}, web.ErrBadToken
	}
	plain, err := key.Open(sealed, tokenPlace)
	if err != nil {
		return claims{}, web.ErrBadToken
	}
	var c claims
	if err := json.Unmarshal(plain, &c); err != nil {
		return claims{}, web.ErrBadToken
	}
	if now.Unix() > c.ExpiresUnix {
		return claims{}, web.ErrExpiredToken
	}
	return c, nil
}
