package signal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"souffleur/internal/meeting"
)

// ErrBadMessage says that a client message cannot be accepted. The connection that sent it is closed.
var ErrBadMessage = errors.New("bad signalling message")

// ParseClient reads and checks one client message.
func ParseClient(b []byte) (ClientMessage, error) {
	var m ClientMessage
	if len(b) > MaxMessage {
		return m, fmt.Errorf("%w: %d bytes, at most %d", ErrBadMessage, len(b), MaxMessage)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%w: %v", ErrBadMessage, err)
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("%w: %v", ErrBadMessage, err)
	}
	return m, nil
}

func (m *ClientMessage) check() error {
	switch m.Type {
	case Hello:
		if len(m.Media) > maxMediaName {
			return errors.New("hello with a media name that is not ours")
		}
		return need(m.Token != "", "hello without token")
	case Offer:
		if len(m.Tracks) > 16 {
			return errors.New("offer with more than 16 tracks")
		}
		for _, t := range m.Tracks {
			if !knownSource(t.Source) {
				return fmt.Errorf("unknown source %q", t.Source)
			}
		}
		return need(m.SDP != "", "offer without sdp")
	case Answer:
		return need(m.SDP != "", "answer without sdp")
	case Candidate:
		if m.PC != Up && m.PC != Down {
			return fmt.Errorf("unknown peer connection %q", m.PC)
		}
		return need(m.Candidate != nil, "candidate without candidate")
	case TrackSet:
		return need(knownSource(m.Source), "unknown source")
	case Restart, OptOut, Leave, Ping, Hand:
		return nil
	case View:
		return m.checkView()
	case Chat:
		return checkChat(m.Text)
	case Moderate:
		return m.checkModerate()
	case Type:
		return m.checkTyped()
	case History:
		return need(len(m.Before) <= maxID, "before is not an identifier")
	case React:
		return need(slices.Contains(Emojis[:], m.Emoji), "reaction that there is not")
	case NameVoice:
		return m.checkNameVoice()
	}
	return fmt.Errorf("unknown type %q", m.Type)
}

func (m *ClientMessage) checkView() error {
	if len(m.Tiles) > MaxTiles {
		return fmt.Errorf("view of more than %d tiles", MaxTiles)
	}
	for _, t := range m.Tiles {
		if t.Participant == "" || len(t.Participant) > 128 {
			return errors.New("tile of nobody")
		}
		if t.Source != Camera && t.Source != Screen {
			return fmt.Errorf("tile of source %q", t.Source)
		}
		if t.Height < 1 || t.Height > maxTileHeight {
			return fmt.Errorf("tile of height %d", t.Height)
		}
	}
	return nil
}

// maxMediaName bounds a hello's Media, in bytes. The server's own have 16.
const maxMediaName = 64

func checkChat(text string) error {
	if len(text) > MaxChat*utf8.UTFMax || utf8.RuneCountInString(text) > MaxChat {
		return fmt.Errorf("chat of more than %d characters", MaxChat)
	}
	return need(strings.TrimSpace(text) != "", "chat without text")
}

func (m *ClientMessage) checkTyped() error {
	if len(m.Text) > MaxTyped*utf8.UTFMax || utf8.RuneCountInString(m.Text) > MaxTyped {
		return fmt.Errorf("line of more than %d characters", MaxTyped)
	}
	if len(m.Lang) == 1 || len(m.Lang) > 3 || strings.Trim(m.Lang, "abcdefghijklmnopqrstuvwxyz") != "" {
		return errors.New("lang is not a primary language subtag")
	}
	return nil
}

func (m *ClientMessage) checkNameVoice() error {
	if m.Participant == "" || len(m.Participant) > maxID || m.Voice < 1 || m.Voice > meeting.MaxVoice {
		return errors.New("name of no voice")
	}
	long := len(m.Text) > meeting.MaxVoiceName*utf8.UTFMax || utf8.RuneCountInString(m.Text) > meeting.MaxVoiceName
	return need(!long, "name of a voice that is too long")
}

func (m *ClientMessage) checkModerate() error {
	if len(m.Participant) > maxID {
		return errors.New("participant is not an identifier")
	}
	switch m.Action {
	case ModerateMute:
		if m.Source != "" && m.Source != Mic && m.Source != Camera {
			return fmt.Errorf("source %q cannot be muted", m.Source)
		}
		return need(m.Participant != "", "mute without participant")
	case ModerateStopShare, ModerateRemove, ModerateCaptioner, ModerateNoCaptioner:
		return need(m.Participant != "", m.Action+" without participant")
	case ModerateLowerHand, ModerateAdmit, ModerateRefuse, ModerateLock, ModerateUnlock, ModerateLobbyOn, ModerateLobbyOff:
		return nil
	}
	return fmt.Errorf("unknown action %q", m.Action)
}

func knownSource(s string) bool {
	return s == Mic || s == Camera || s == Screen || s == ScreenAudio
}

func need(ok bool, complaint string) error {
	if ok {
		return nil
	}
	return errors.New(complaint)
}
